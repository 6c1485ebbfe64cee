import { parseCommandLine, type KernelParameter } from "./commandLineSyntax";
import { sameParameter, unitsOf, unmetParameters, type Unit } from "./parameterMeaning";

export { parseCommandLine, type CommandLine, type KernelParameter } from "./commandLineSyntax";
export { satisfies, unitsOf, unmetParameters } from "./parameterMeaning";

/** The parameters that the kernel reads; what follows `--` is for init and left out. */
export function parseKernelParameters(line: string): readonly KernelParameter[] {
  return parseCommandLine(line).parameters;
}

/** Characters that cannot stand in a parameter of ours, and who would change them. */
const forbidden: readonly { readonly found: RegExp; readonly why: string }[] = [
  { found: /[\n\r]/, why: "it holds a line break, and a command line is one line" },
  { found: /[\x00-\x1f\x7f]/, why: "it holds a control character" },
  {
    found: /[^\x20-\x7e]/,
    why: "it holds a character outside of ASCII, which may be a pasted space or dash",
  },
  { found: /[$`\\]/, why: "GRUB's configuration is a shell script and would expand $, ` and \\" },
  { found: /'/, why: "GRUB takes ' for a quote, which the kernel does not" },
];

/**
 * Checks one declared kernel parameter.
 * @throws an Error saying what is wrong with it.
 */
export function checkParameter(text: string): void {
  const refuse = (why: string): never => {
    throw new Error(
      `${JSON.stringify(text)} cannot be a kernel parameter: ${why}. ` +
        'Expected one parameter, such as iommu=pt, quiet or name="a value with spaces".',
    );
  };
  if (text.trim() === "") refuse("it is empty");
  for (const { found, why } of forbidden) if (found.test(text)) refuse(why);
  if (text === "--") refuse("what follows -- is for init, not for the kernel");
  if (text.startsWith("-")) refuse("it starts with a dash");
  if (/^[="#]/.test(text)) refuse(`it starts with ${text.charAt(0)}`);
  const { parameters, balanced } = parseCommandLine(text);
  if (!balanced) refuse("a double quote is left open");
  if (parameters.length !== 1 || parameters[0]?.raw !== text) {
    refuse("it has a space outside of double quotes; declare each parameter by itself");
  }
  if (/[;&|<>{}]/.test(text.replace(/"[^"]*"/g, ""))) {
    refuse("GRUB gives ; & | < > { } a meaning of its own outside of double quotes");
  }
}

/**
 * Checks declared kernel parameters, each and together.
 * @throws an Error saying what is wrong.
 */
export function checkParameters(declared: readonly string[]): void {
  declared.forEach(checkParameter);
  const [undone] = unmetParameters(declared.join(" "), declared);
  if (undone !== undefined) {
    throw new Error(
      `The kernel parameter ${JSON.stringify(undone)} is undone by another one in ` +
        `${JSON.stringify(declared.join(" "))}. Declare only one of them.`,
    );
  }
}

/**
 * Appends parameters of ours to a command line of one line, before its end of line and before `--`. Every byte of
 * the line stays.
 * @throws an Error if a parameter is malformed, or if the line has several lines or an open quote.
 */
export function addParameters(line: string, parameters: readonly string[]): string {
  return parameters.reduce((text, parameter) => {
    checkParameter(parameter);
    const { parameters: there, initStart } = parseOneLine(text);
    const last = there[there.length - 1];
    if (last) return insert(text, last.start + last.raw.length, ` ${parameter}`);
    return insert(text, 0, initStart === null ? parameter : `${parameter} `);
  }, line);
}

/** Takes parameters of ours out again, the last one of each, with the space that came with it. */
export function removeParameters(line: string, parameters: readonly string[]): string {
  return removeUnits(line, unitsOf(parameters));
}

/** What only means something together leaves together: a count alone would be another size's. */
function removeUnits(line: string, units: readonly Unit[]): string {
  return units.reduce((text, unit) => {
    const place = placeOf(text, unit);
    if (place === null) return text;
    const [start, end] = place;
    if (start > 0) return text.slice(0, start - 1) + text.slice(end);
    const { parameters: there, initStart } = parseOneLine(text);
    return text.slice(there.length > unit.texts.length || initStart !== null ? end + 1 : end);
  }, line);
}

/** Where the parameters of a unit last stand one after the other: start and end; null where they do not. */
function placeOf(line: string, { parameters: wanted }: Unit): [number, number] | null {
  const { parameters: there } = parseOneLine(line);
  for (let at = there.length - wanted.length; at >= 0 && wanted.length > 0; at--) {
    const found = there.slice(at, at + wanted.length);
    const first = found[0];
    const last = found[found.length - 1];
    const same = found.every((parameter, each) => {
      const other = wanted[each];
      return other !== undefined && sameParameter(parameter, other);
    });
    if (same && first && last) return [first.start, last.start + last.raw.length];
  }
  return null;
}

export interface ParameterMerge {
  /** The parameters of ours that we wrote last. */
  readonly base: readonly string[];
  /** The parameters that shall be there. */
  readonly declared: readonly string[];
  /** The command line as it stands. */
  readonly now: string;
}

/** The line after the merge, and the parameters in it that are ours: the base of the next merge. */
export interface MergedParameters {
  readonly line: string;
  readonly owned: readonly string[];
}

/**
 * Three-way merge: takes out what was ours and is no longer declared, adds what is declared and not said by anybody
 * yet, moves what is ours behind a later parameter that undoes it, and leaves everything else byte for byte. What is
 * declared must not contradict itself (checkParameters).
 */
export function mergeOwnedParameters({ base, declared, now }: ParameterMerge): MergedParameters {
  const wanted = unitsOf(declared);
  const written = unitsOf(base);
  const kept = written.filter((unit) => wanted.some((other) => sameUnit(unit, other)));
  let line = removeUnits(
    now,
    written.filter((unit) => !kept.includes(unit)),
  );
  let owned = kept.filter((unit) => placeOf(line, unit) !== null);
  const together = declared.join(" ");
  for (const unit of wanted) {
    if (met(line, unit.texts)) continue;
    const ours = owned.filter((other) => sameUnit(unit, other));
    const moved = addParameters(removeUnits(line, ours), unit.texts);
    // A parameter that stays unmet wherever it stands is not moved to and fro by every merge.
    if (ours.length > 0 && !(met(moved, unit.texts) && met(together, unit.texts))) continue;
    line = moved;
    owned = [...owned.filter((other) => !ours.includes(other)), unit];
  }
  return { line, owned: owned.flatMap(({ texts }) => texts) };
}

/** The line of mergeOwnedParameters alone. */
export function mergeParameters(merge: ParameterMerge): string {
  return mergeOwnedParameters(merge).line;
}

/** Longest command line in bytes; x86, arm64 and POWER cut a longer one without a word. */
export const commandLineLimit = 2048;

// The boot loader adds its own, such as BOOT_IMAGE=, root= or initrd=, and the end takes a byte.
const bootLoadersShare = 160;

/** Length in bytes. */
export function commandLineLength(line: string): number {
  return new TextEncoder().encode(line.trim()).length;
}

/**
 * Checks that a whole command line will not be cut.
 * @throws an Error naming its length and the limit.
 */
export function checkCommandLineLength(line: string): void {
  const length = commandLineLength(line);
  const most = commandLineLimit - bootLoadersShare;
  if (length > most) {
    throw new Error(
      `The kernel command line would have ${length} bytes. The kernel cuts it after ${commandLineLimit} without a ` +
        `word, and the boot loader adds to it: at most ${most} are written. Declare fewer kernel parameters.`,
    );
  }
}

function parseOneLine(line: string): { parameters: readonly KernelParameter[]; initStart: number | null } {
  if (/[\n\r]/.test(line.trim())) {
    throw new Error(
      `The kernel command line has several lines: ${JSON.stringify(line)}. Boot loaders take one; join them by hand.`,
    );
  }
  const parsed = parseCommandLine(line);
  if (!parsed.balanced) {
    throw new Error(
      `The kernel command line has an open double quote, which swallows what follows: ${JSON.stringify(line)}. ` +
        "Close it by hand.",
    );
  }
  return parsed;
}

function met(line: string, texts: readonly string[]): boolean {
  return unmetParameters(line, texts).length === 0;
}

function sameUnit(one: Unit, other: Unit): boolean {
  return (
    one.parameters.length === other.parameters.length &&
    one.parameters.every((parameter, at) => {
      const twin = other.parameters[at];
      return twin !== undefined && sameParameter(parameter, twin);
    })
  );
}

function insert(text: string, at: number, what: string): string {
  return text.slice(0, at) + what + text.slice(at);
}
