import { parseKernelParameters } from "../kernelParameters";

/**
 * Stands on the command line of a trial boot alone and tells it from the default. The kernel takes what has a dot for
 * a module's option, and leaves one of a module that it does not know alone.
 */
export function trialTag(digest: string): string {
  return `cdktf_passthrough.trial=${digest.slice(0, 12)}`;
}

/** The running kernel was started by the trial's entry. */
export function runsTrial(commandLine: string, tag: string): boolean {
  return parseKernelParameters(commandLine).some(({ raw }) => raw === tag);
}
