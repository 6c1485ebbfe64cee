import { paths } from "../paths";
import { entryFolders } from "../bootEntries";
import { initramfsTools } from "../initramfs";
import { bootEntryFiles, entriesKey } from "./bootEntry";
import { commandLineFile } from "./commandLineFile";
import { environmentBlock } from "./environmentBlock";
import type { Format } from "./format";
import { grubDropInFile } from "./grubDropIn";
import { grubSettings } from "./grubSettings";
import { lineFile } from "./lineFile";
import { trialFormat } from "../trial/formats";

const formats: Readonly<Record<string, Format>> = {
  [paths.grubDropIn]: grubDropInFile,
  [paths.grubSettings]: grubSettings,
  [paths.grubEnvironment]: environmentBlock,
  [paths.kernelCommandLine]: commandLineFile,
  ...Object.fromEntries(entryFolders.map((folder) => [entriesKey(folder), bootEntryFiles(folder)])),
  [paths.modprobe]: lineFile,
  [paths.modulesLoad]: lineFile,
  [paths.bootTable]: lineFile,
  [paths.initramfsModules]: lineFile,
  ...Object.assign({}, ...initramfsTools.map(({ formats }) => formats)),
};

/** How lines of ours stand in a file, by the name that a plan gives it. */
export function formatOf(key: string): Format {
  const format = formats[key] ?? trialFormat(key);
  if (!format) throw new Error(`cdktf-passthrough owns no lines in ${key}.`);
  return format;
}
