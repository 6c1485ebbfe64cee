import { mergeParameters } from "../kernelParameters";
import { paths } from "../paths";
import { theOther, type Format, type ParameterPlace } from "./format";
import { observedParameters, parameterTexts, withoutOurs } from "./parameters";

type Variable = "GRUB_CMDLINE_LINUX" | "GRUB_CMDLINE_LINUX_DEFAULT";

interface Owned {
  readonly variable: string;
  readonly parameters: readonly string[];
}

/** Our lines as a plan shows them: the variable, and what of it is ours. */
const print = (variable: string, parameters: readonly string[]): string =>
  `${variable}: ${parameters.join(" ")}`;

function parse(ours: string | null): Owned | null {
  const [, variable, parameters = ""] = /^(GRUB_\w+): (.*)$/s.exec(ours ?? "") ?? [];
  return variable === undefined ? null : { variable, parameters: parameterTexts(parameters) };
}

/** Stands above a line that was not there before us, so that it leaves with us. */
const mark = "# Added by cdktf-passthrough:";

/** Stands behind a value that had no quotes before us. */
const quotedByUs = " # quoted by cdktf-passthrough";

interface Assignment {
  /** Where the value stands in the file, without its quotes. */
  readonly start: number;
  readonly end: number;
  readonly quote: string;
  readonly value: string;
}

/** What the shell takes as it stands: in double quotes, in single ones, bare. */
const forms = [
  /^(")((?:[^"$`\\]|\\")*)"[ \t]*(?:#.*)?$/,
  /^(')([^']*)'[ \t]*(?:#.*)?$/,
  /^()([^\s"'$`\\;&|<>()#]*)[ \t]*(?:#.*)?$/,
];

/**
 * The last assignment of a variable, which is the one that counts.
 * @throws an Error where the shell would do more with it than take it as it stands.
 */
function assignmentOf(text: string, variable: string): Assignment | null {
  const found = [...text.matchAll(new RegExp(`^[ \\t]*(?:export[ \\t]+)?${variable}(\\+?=)(.*)$`, "gm"))].at(
    -1,
  );
  if (found === undefined) return null;
  const [line, operator = "", right = ""] = found;
  const form = forms.map((each) => each.exec(right)).find((match) => match !== null);
  if (operator !== "=" || !form) {
    throw new Error(
      `${paths.grubSettings} builds ${variable} in a way that cannot be edited safely: ${line.trim()}. Write it as one ` +
        `line, ${variable}="...", without $, \` and \\. Then plan again.`,
    );
  }
  const [, quote = "", value = ""] = form;
  const start = found.index + line.length - right.length + quote.length;
  return { start, end: start + value.length, quote, value: value.replace(/\\"/g, '"') };
}

/** /etc/default/grub, where there is no folder of drop-ins: our parameters stand in one of its variables. */
export const grubSettings: Format = {
  mode: "0644",
  observe(ours, now) {
    const owned = parse(ours);
    if (owned === null) return null;
    let value: string;
    try {
      value = assignmentOf(now ?? "", owned.variable)?.value ?? "";
    } catch {
      return null;
    }
    const found = observedParameters(owned.parameters, value);
    return found.length > 0 ? print(owned.variable, found) : null;
  },
  merge(ours, declared, now) {
    const [before, after] = [parse(ours), parse(declared)];
    if (now === null) {
      if (after === null) return null;
      throw new Error(
        `${paths.grubSettings} is missing. Restore it (it belongs to GRUB's package), then plan again.`,
      );
    }
    // A variable that is no longer ours first gives back what we put there.
    const cleared = before !== null && before.variable !== after?.variable ? edit(now, before, []) : now;
    if (after === null) return cleared;
    const base = before?.variable === after.variable ? before.parameters : [];
    return edit(cleared, { variable: after.variable, parameters: base }, after.parameters);
  },
  either(one, other) {
    const [a, b] = [parse(one), parse(other)];
    if (a === null || b === null || a.variable !== b.variable) return theOther(one, other);
    return print(a.variable, [...new Set([...a.parameters, ...b.parameters])]);
  },
};

function edit(text: string, { variable, parameters: base }: Owned, declared: readonly string[]): string {
  const assignment = assignmentOf(text, variable);
  if (assignment === null) return declared.length === 0 ? text : withLine(text, variable, declared);
  const merged = mergeParameters({ base, declared, now: assignment.value });
  if (merged === assignment.value) return text;
  if (merged === "") {
    const without = withoutLine(text, variable, assignment.value);
    if (without !== null) return without;
  }
  const { start, end, quote } = assignment;
  if (quote === "'") return text.slice(0, start) + merged + text.slice(end);
  const value = escaped(merged);
  if (quote === "") return `${text.slice(0, start)}"${value}"${quotedByUs}${text.slice(end)}`;
  const rest = text.slice(end + 1);
  if (rest.startsWith(quotedByUs) && /^[\w=.,:/-]*$/.test(merged))
    return text.slice(0, start - 1) + merged + rest.slice(quotedByUs.length);
  return text.slice(0, start) + value + text.slice(end);
}

const lineOfOurs = (variable: string, value: string): string => `${mark}\n${variable}="${escaped(value)}"`;

/** A file that does not end in a line feed still does not. */
function withLine(text: string, variable: string, parameters: readonly string[]): string {
  const line = lineOfOurs(variable, parameters.join(" "));
  return text === "" || text.endsWith("\n") ? `${text}${line}\n` : `${text}\n${line}`;
}

function withoutLine(text: string, variable: string, value: string): string | null {
  const line = lineOfOurs(variable, value);
  if (text.includes(`${line}\n`)) return text.replace(`${line}\n`, () => "");
  return text.endsWith(`\n${line}`) ? text.slice(0, -line.length - 1) : null;
}

const escaped = (value: string): string => value.replace(/"/g, '\\"');

export function grubSettingsPlace(variable: Variable): ParameterPlace {
  return {
    key: paths.grubSettings,
    print: (parameters) => print(variable, parameters),
    parse: (ours) => parse(ours)?.parameters ?? [],
    foreign({ grubForeign }, ours) {
      const line = grubForeign === null ? "" : `${grubForeign.linux} ${grubForeign.linuxDefault}`;
      return [withoutOurs(line, parse(ours)?.parameters ?? [])];
    },
    source: `${variable} in ${paths.grubSettings}`,
  };
}
