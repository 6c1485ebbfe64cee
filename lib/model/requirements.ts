import type { Step } from "./change";
import type { Observation } from "./observation";
import { paths } from "./paths";
import type { Platform } from "./platform";

/** What must run on the host before a written file has its effect at the next boot. */
type Requirement = "boot loader" | "initramfs" | "nothing";

/** Which change needs what. Whether the running kernel then lacks anything, and a reboot is due, is reboot.ts's. */
const requirements: Readonly<Record<string, Requirement>> = {
  [paths.grubDropIn]: "boot loader",
  [paths.kernelCommandLine]: "boot loader",
  [paths.modprobe]: "initramfs",
  [paths.bootTable]: "initramfs",
  [paths.initramfsHook]: "initramfs",
  [paths.initTopScript]: "initramfs",
  [paths.modulesLoad]: "nothing",
};

const refreshLoader = {
  grub: ["update-grub"],
  "proxmox-boot-tool": ["proxmox-boot-tool", "refresh"],
} as const;

const minutes = 60;
const timeouts: Readonly<Record<string, number>> = { "update-initramfs": 30 * minutes };

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
  const needed = new Set(written.map((path) => requirements[path] ?? "nothing"));
  const kernel = onlyNext ? (observation.kernel.next ?? "all") : "all";
  const refresh = refreshLoader[platform.bootLoader].join(" ");
  const commands = needed.has("initramfs") ? [`update-initramfs -u -k ${kernel}`] : [];
  // proxmox-boot-tool also copies the new image to every ESP.
  if (needed.has("boot loader") || (commands.length > 0 && platform.bootLoader === "proxmox-boot-tool"))
    commands.push(refresh);
  return commands;
}

/** The steps that run those commands, and first what an interrupted change still owes. */
export function commandSteps(commands: readonly string[], owed: readonly string[]): Step[] {
  const all = [...owed.filter((command) => !commands.includes(command)), ...commands];
  return all.map((line) => {
    const command = line.split(" ");
    return { step: "run", command, timeoutSeconds: timeouts[command[0] ?? ""] ?? 10 * minutes };
  });
}
