import { bootEntryPlace, entriesKey } from "../formats/bootEntry";
import { parseBootEntry, type EntryFolder } from "../bootEntries";
import { addParameters, mergeOwnedParameters } from "../kernelParameters";
import type { Observation } from "../observation";
import { entryTitle, refuse, type TrialEntry } from "./types";

/** An entry file of the Boot Loader Specification that boots by default, and what its options say in full. */
export interface DefaultEntry {
  readonly path: string;
  readonly text: string;
  readonly options: string;
  /** Those of its options that are ours. */
  readonly ours: readonly string[];
  /** The trial's image, as the loader sees it. */
  readonly image: string;
}

/** Our parameters in the options of the entry files of a folder. */
export function oursInEntries(folder: EntryFolder, { base }: TrialEntry): readonly string[] {
  return bootEntryPlace(folder).parse(base[entriesKey(folder)] ?? "");
}

/**
 * A copy of an entry file with the trial's title, options and image. What orders entries, such as `sort-key`, is left
 * out: the copy must never be what is taken for the newest one.
 */
export function entryCopy(
  { path, text, options, ours, image: own }: DefaultEntry,
  { parameters, added }: TrialEntry,
  { hostname }: Observation,
): string {
  const images = parseBootEntry(text).initrds.flatMap((line) => line.split(/\s+/));
  const [image, ...further] = images.filter((each) => !isMicrocode(each));
  if (image === undefined || further.length > 0)
    refuse(hostname, `${path} loads ${further.length > 0 ? "more than one initramfs" : "no initramfs"}`);
  const { line } = mergeOwnedParameters({ base: ours, declared: parameters, now: options });
  const kept = text
    .split("\n")
    .filter((each) => each.trim() !== "" && !/^(#|title\s|sort-key\s|options\s)/.test(each))
    .map((each) =>
      /^initrd\s/.test(each)
        ? each.replace(/(\s)(\S+)/g, (word, blank: string, found: string) =>
            found === image ? blank + own : word,
          )
        : each,
    );
  return `title ${entryTitle}\n${kept.join("\n")}\noptions ${addParameters(line, added(line))}\n`;
}

/** `intel-ucode.img` and its kin stand before the initramfs; `$tuned_initrd` and its kin are most often empty. */
const isMicrocode = (image: string): boolean => /ucode|microcode/.test(image) || image.startsWith("$");
