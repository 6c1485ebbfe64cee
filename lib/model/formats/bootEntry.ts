import { ownEntries, parseBootEntry, type EntryFolder } from "../bootEntries";
import { addParameters, mergeOwnedParameters } from "../kernelParameters";
import type { Observation } from "../observation";
import { environmentOf } from "./environmentBlock";
import type { Format, ParameterPlace } from "./format";
import { eitherParameter, observedParameters, parameterTexts, withoutOurs } from "./parameters";

const optionsLine = /^(options[ \t]+)(.*)$/gm;

/**
 * The boot entries of a folder, one name for all of them: a new kernel's entry is made of the ones before it, with our
 * parameters in it, and is no change of the declaration. Ours are in every entry or in none; where only some have
 * them of others, they get ours beside those, so that taking out the last one leaves what was there.
 */
export function bootEntryFiles(folder: EntryFolder): Format {
  return {
    mode: "0644",
    files: (observation) => editable(observation, folder),
    observe(ours, now) {
      const found = observedParameters(parameterTexts(ours), parseBootEntry(now ?? "").options);
      return found.length > 0 ? found.join(" ") : null;
    },
    merge(ours, declared, now) {
      if (now === null) return null;
      const base = parameterTexts(ours ?? "");
      const wanted = parameterTexts(declared ?? "");
      const last = [...now.matchAll(optionsLine)].at(-1);
      if (last === undefined) return wanted.length === 0 ? now : withOptions(now, wanted);
      const [line, keyword = "", options = ""] = last;
      const { line: merged } = mergeOwnedParameters({ base, declared: wanted, now: options });
      const fresh = wanted.filter((parameter) => !base.includes(parameter));
      const foreign = parameterTexts(withoutOurs(options, base));
      const beside = fresh.filter((parameter) => foreign.includes(parameter));
      const after = addParameters(merged, beside);
      const rest = now.slice(last.index + line.length);
      // A line that holds nothing any more was ours altogether.
      if (after === "" && options !== "") return now.slice(0, last.index) + rest.replace(/^\n/, "");
      return now.slice(0, last.index) + keyword + after + rest;
    },
    either: eitherParameter,
  };
}

/** An entry that takes everything from GRUB's environment has nothing of its own to edit. */
function editable(observation: Observation, folder: string): string[] {
  return ownEntries(observation, folder).filter((path) => !usesKernelOptions(observation.files[path] ?? ""));
}

const usesKernelOptions = (text: string): boolean => /\$\{?kernelopts\b/.test(parseBootEntry(text).options);

/** Some entry takes its parameters from the variable `kernelopts` of GRUB's environment. */
export function anyUsesKernelOptions(observation: Observation, folder: string): boolean {
  return ownEntries(observation, folder).some((path) => usesKernelOptions(observation.files[path] ?? ""));
}

export function hasEditableEntries(observation: Observation, folder: string): boolean {
  return editable(observation, folder).length > 0;
}

function withOptions(text: string, parameters: readonly string[]): string {
  return `${text.replace(/\n?$/, "\n")}options ${parameters.join(" ")}\n`;
}

export const entriesKey = (folder: string): string => `${folder}/*.conf`;

export function bootEntryPlace(folder: EntryFolder): ParameterPlace {
  return {
    key: entriesKey(folder),
    print: (parameters) => parameters.join(" "),
    parse: parameterTexts,
    foreign: (observation, ours) =>
      editable(observation, folder).map((path) => {
        const { options } = parseBootEntry(observation.files[path] ?? "");
        return expand(withoutOurs(options, parameterTexts(ours)), observation);
      }),
    source: `the boot entries in ${folder}`,
  };
}

/** Variables such as `$tuned_params` stand in GRUB's environment. */
function expand(line: string, observation: Observation): string {
  const variables = environmentOf(observation);
  return line.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => variables[name] ?? whole).trim();
}
