import type { Format } from "../formats/format";
import { lineFile } from "../formats/lineFile";
import { ownFile } from "../formats/ownFile";
import { programFile } from "../formats/programFile";
import { paths } from "../paths";
import { trialPrograms } from "./builders";
import { isTrialEntry } from "./entryName";

/** What stands on a host for a trial alone, beside an entry file. */
const trialFormats: Readonly<Record<string, Format>> = {
  [paths.grubCustom]: ownFile,
  [paths.trialTable]: lineFile,
  [paths.trialModprobe]: lineFile,
  [paths.trialModules]: lineFile,
  [paths.trialInitramfsModules]: lineFile,
  ...Object.fromEntries(Object.entries(trialPrograms).map(([path, script]) => [path, programFile(script)])),
};

/** A file of the trial, as against one of the default. */
export const isTrialFile = (key: string): boolean => key in trialFormats || isTrialEntry(key);

/** Of a file of the trial; undefined for one of the default. */
export const trialFormat = (key: string): Format | undefined =>
  isTrialEntry(key) ? ownFile : trialFormats[key];
