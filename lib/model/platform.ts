import type { Observation } from "./observation";
import { paths } from "./paths";

/** What a host boots with: where kernel parameters stand, and what brings written files into the next boot. */
export interface Platform {
  readonly bootLoader: "grub" | "proxmox-boot-tool";
  readonly initramfs: "initramfs-tools";
  readonly cpuVendor: "intel" | "amd" | "other";
  /** Files that carry kernel parameters. */
  readonly parameterFiles: readonly ParameterFile[];
}

export type ParameterFile = typeof paths.grubDropIn | typeof paths.kernelCommandLine;

/** What the author set by hand; null or absent: detect it. */
export interface PlatformOverrides {
  readonly bootLoader?: string | null;
  readonly initramfs?: string | null;
  readonly cpuVendor?: string | null;
}

/** Throws, naming what was found and how to set it by hand. */
export function detectPlatform(observation: Observation, overrides: PlatformOverrides = {}): Platform {
  const bootLoader = overrides.bootLoader ?? detectBootLoader(observation);
  const initramfs = overrides.initramfs ?? observation.initramfsTools[0];
  const cpuVendor = overrides.cpuVendor ?? detectCpuVendor(observation);
  if (bootLoader !== "grub" && bootLoader !== "proxmox-boot-tool") {
    throw new Error(
      unsupported(observation, "boot loader", bootLoader, "`grub` or `proxmox-boot-tool`", "bootLoader"),
    );
  }
  if (initramfs !== "initramfs-tools") {
    throw new Error(
      unsupported(observation, "initramfs builder", initramfs, "`initramfs-tools`", "initramfs"),
    );
  }
  if (cpuVendor !== "intel" && cpuVendor !== "amd" && cpuVendor !== "other") {
    throw new Error(unsupported(observation, "CPU vendor", cpuVendor, "`intel` or `amd`", "cpuVendor"));
  }
  return { bootLoader, initramfs, cpuVendor, parameterFiles: parameterFiles(observation, bootLoader) };
}

function detectBootLoader(observation: Observation): string | undefined {
  const { bootLoaders } = observation;
  if (bootLoaders.proxmoxBootTool && bootLoaders.proxmoxBootUuids.length > 0) return "proxmox-boot-tool";
  return bootLoaders.updateGrub ? "grub" : undefined;
}

/** By the firmware's tables first: /proc/cpuinfo of an emulated CPU may name another vendor than its IOMMU. */
function detectCpuVendor(observation: Observation): string {
  const byTable = { DMAR: "intel", IVRS: "amd" } as const;
  const table = observation.firmware.iommuTable;
  return table === null ? observation.cpu.vendor : byTable[table];
}

/** proxmox-boot-tool manages ESPs for systemd-boot and for GRUB: each reads its own file, a mixed host both. */
function parameterFiles(observation: Observation, bootLoader: Platform["bootLoader"]): ParameterFile[] {
  if (bootLoader === "grub") return [paths.grubDropIn];
  const modes = new Set(Object.values(observation.bootLoaders.espModes));
  if (modes.size === 0) modes.add(observation.firmware.efi ? "uefi" : "grub");
  return [
    ...(modes.has("uefi") ? [paths.kernelCommandLine] : []),
    ...(modes.has("grub") ? [paths.grubDropIn] : []),
  ];
}

function unsupported(
  observation: Observation,
  what: string,
  found: string | undefined,
  expected: string,
  prop: string,
): string {
  const host = `${observation.hostname} (${observation.distribution.prettyName}, kernel ${observation.kernel.release})`;
  const there =
    found === undefined ? `none that is known was found on ${host}` : `${found} on ${host} is not supported`;
  return `${what}: ${there}. Supported: ${expected}; set \`${prop}\` of the IommuHost by hand if one of them is right.`;
}
