import {
  bootLoader,
  bootLoaderNames,
  bootLoaders,
  type BootLoader,
  type BootLoaderName,
} from "./bootLoaders";
import {
  initramfsNames,
  initramfsTool,
  initramfsTools,
  type InitramfsName,
  type InitramfsTool,
} from "./initramfs";
import type { Observation } from "./observation";
import { checkHostKind } from "./refusedHosts";

/** What a host boots with: the rows of the two tables, and whose IOMMU it is. */
export interface Platform {
  readonly bootLoader: BootLoaderName;
  readonly initramfs: InitramfsName;
  readonly cpuVendor: "intel" | "amd" | "other";
}

/** What the author set by hand; null or absent: detect it. */
export interface PlatformOverrides {
  readonly bootLoader?: string | null;
  readonly initramfs?: string | null;
  readonly cpuVendor?: string | null;
}

export function loaderOf({ bootLoader: name }: Platform): BootLoader {
  return bootLoader(name);
}

export function toolOf({ initramfs }: Platform): InitramfsTool {
  return initramfsTool(initramfs);
}

/** Throws, naming what was found and how to set it by hand. */
export function detectPlatform(observation: Observation, overrides: PlatformOverrides = {}): Platform {
  checkHostKind(observation);
  const loader = overrides.bootLoader ?? bootLoaders.find((row) => row.detect(observation))?.name;
  const initramfs =
    overrides.initramfs ??
    initramfsTools.find(({ name }) => observation.initramfsTools.includes(name))?.name ??
    observation.initramfsTools[0];
  const cpuVendor = overrides.cpuVendor ?? detectCpuVendor(observation);
  if (!isOneOf<BootLoaderName>(bootLoaderNames, loader))
    throw unsupported(observation, "boot loader", loader, bootLoaderNames, "bootLoader");
  if (!isOneOf<InitramfsName>(initramfsNames, initramfs))
    throw unsupported(observation, "initramfs builder", initramfs, initramfsNames, "initramfs");
  if (!observation.initramfsTools.includes(initramfs)) throw notThere(observation, initramfs);
  if (!isOneOf<Platform["cpuVendor"]>(cpuVendors, cpuVendor))
    throw unsupported(observation, "CPU vendor", cpuVendor, ["intel", "amd"], "cpuVendor");
  return { bootLoader: loader, initramfs, cpuVendor };
}

const cpuVendors = ["intel", "amd", "other"] as const;

function isOneOf<T extends string>(known: readonly string[], found: string | undefined): found is T {
  return found !== undefined && known.includes(found);
}

/** By the firmware's tables first: /proc/cpuinfo of an emulated CPU may name another vendor than its IOMMU. */
function detectCpuVendor(observation: Observation): string {
  const byTable = { DMAR: "intel", IVRS: "amd" } as const;
  const table = observation.firmware.iommuTable;
  return table === null ? observation.cpu.vendor : byTable[table];
}

function unsupported(
  observation: Observation,
  what: string,
  found: string | undefined,
  supported: readonly string[],
  prop: string,
): Error {
  const host = hostInWords(observation);
  const there =
    found === undefined ? `none that is known was found on ${host}` : `${found} on ${host} is not supported`;
  const expected = supported.map((name) => `\`${name}\``).join(", ");
  return new Error(
    `${what}: ${there}. Supported: ${expected}; set \`${prop}\` of the IommuHost by hand if one of them is right.`,
  );
}

/** Set by hand, but it could only fail once the files for it are written. */
function notThere(observation: Observation, initramfs: InitramfsName): Error {
  const found = observation.initramfsTools.join(", ") || "none";
  return new Error(
    `initramfs builder: ${initramfs} is not on ${hostInWords(observation)}; found there: ${found}. ` +
      "Install it there, or leave `initramfs` of the IommuHost out.",
  );
}

function hostInWords({ hostname, distribution, kernel }: Observation): string {
  return `${hostname} (${distribution.prettyName}, kernel ${kernel.release})`;
}
