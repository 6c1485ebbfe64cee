import type { Step } from "./change";
import { initramfsTools } from "./initramfs";
import type { Observation } from "./observation";
import { paths } from "./paths";
import { loaderOf, toolOf, type Platform } from "./platform";

/** Whose change is in effect at boot only once an initramfs with it was built. */
const inInitramfs: ReadonlySet<string> = new Set([
  paths.modprobe,
  paths.bootTable,
  paths.initramfsModules,
  ...initramfsTools.flatMap(({ formats }) => Object.keys(formats)),
]);

/** Whether the running kernel then lacks anything, and a reboot is due, is reboot.ts's. */
export function needsImage(written: readonly string[]): boolean {
  return written.some((key) => inInitramfs.has(key));
}

const minutes = 60;

/**
 * The commands that written files need, in the order in which they must run. The image that matters is the one of
 * the kernel that boots next; with `onlyNext` the others stay as they are, to fall back on, until a proof.
 */
export function requiredCommands(
  written: readonly string[],
  platform: Platform,
  observation: Observation,
  onlyNext: boolean,
): string[] {
  const { next } = observation.kernel;
  const rebuilt = !needsImage(written) ? [] : onlyNext && next !== null ? [next] : null;
  const builds = rebuilt?.length === 0 ? [] : toolOf(platform).build(rebuilt, observation);
  return [...builds, ...loaderOf(platform).refresh(written, rebuilt, observation)];
}

/** The steps that run those commands, and first what an interrupted change still owes. */
export function commandSteps(commands: readonly string[], owed: readonly string[]): Step[] {
  const all = [...owed.filter((command) => !commands.includes(command)), ...commands];
  return all.map((line) => ({ step: "run", command: line.split(" "), timeoutSeconds: timeout(line) }));
}

function timeout(line: string): number {
  const program = line.split(" ")[0] ?? "";
  return builders.has(program) ? 30 * minutes : 10 * minutes;
}

/** They pack an image, which takes its time. */
const builders: ReadonlySet<string> = new Set(["update-initramfs", "dracut", "mkinitcpio", "kernel-install"]);
