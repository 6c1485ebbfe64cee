import { paths } from "../paths";
import { initramfsTools } from "../initramfs";
import { commandLineFile } from "./commandLineFile";
import type { Format } from "./format";
import { grubDropInFile } from "./grubDropIn";
import { lineFile } from "./lineFile";

const formats: Readonly<Record<string, Format>> = {
  [paths.grubDropIn]: grubDropInFile,
  [paths.kernelCommandLine]: commandLineFile,
  [paths.modprobe]: lineFile,
  [paths.modulesLoad]: lineFile,
  [paths.bootTable]: lineFile,
  ...Object.assign({}, ...initramfsTools.map(({ formats }) => formats)),
};

/** How lines of ours stand in a file, by the name that a plan gives it. */
export function formatOf(key: string): Format {
  const format = formats[key];
  if (!format) throw new Error(`cdktf-passthrough owns no lines in ${key}.`);
  return format;
}
