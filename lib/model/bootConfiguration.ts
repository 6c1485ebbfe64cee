import { sha256 } from "./digest";
import type { PciDevice } from "./facts";
import { settingLines, settingParameters, type HostSettings } from "./hostSettings";
import { checkParameters, satisfies, unmetParameters } from "./kernelParameters";
import { isOlderThan } from "./kernelRelease";
import { blacklistLine, optionsLine, softdepLine } from "./modprobe";
import type { Observation } from "./observation";
import type { Platform } from "./platform";
import { resolveDeclared, type HeldDevices } from "./heldDevices";
import { checkSelector, type DeviceSelector } from "./selector";

/** What an author declares of a host. */
export interface BootDeclaration {
  readonly iommu: boolean;
  readonly kernelParameters: readonly string[];
  /** Load the modules that passthrough stands on. */
  readonly vfioModules: boolean;
  readonly modules: readonly string[];
  readonly modprobeOptions: Readonly<Record<string, string>>;
  readonly blacklist: readonly string[];
  readonly softdeps: Readonly<Record<string, string>>;
  /** What the bindings hold, by `binding/device`. */
  readonly devices: Readonly<Record<string, DeviceDeclaration>>;
  readonly allowUnsafeInterrupts: boolean;
  /** What is declared by name of how the kernel and its modules behave. */
  readonly settings?: HostSettings;
  /** Try what a reboot is due for once, and make it the default after the proof. @default false */
  readonly trialBoot?: boolean;
  /** Seconds after which a kernel that panics in the trial starts the machine anew; 0: never. @default 30 */
  readonly trialPanicSeconds?: number;
}

export interface DeviceDeclaration extends DeviceSelector {
  readonly liveRebind?: boolean | null;
}

/** One function that vfio-pci holds from boot on. */
export interface BootFunction {
  readonly address: string;
  readonly id: string;
  readonly name: string;
  /** `binding/device` that declares it. */
  readonly device: string;
  /** It leaves or enters vfio-pci by a reboot only: a display device's driver may hang on unbind. */
  readonly byReboot: boolean;
}

/** The declared boot state, resolved against one host: what a boot must bring about and a proof compares. */
export interface DesiredBoot {
  readonly parameters: readonly string[];
  readonly modules: readonly string[];
  readonly modprobe: readonly string[];
  readonly functions: readonly BootFunction[];
  /** Packed into the initramfs beside the modules of vfio; absent for none. */
  readonly initramfsModules?: readonly string[];
}

/** The modules that passthrough stands on. vfio_virqfd is part of vfio since Linux 6.2; POWER has an IOMMU of its own. */
const vfioModules = (architecture: string, release: string): string[] => [
  "vfio",
  architecture.startsWith("ppc64") ? "vfio_iommu_spapr_tce" : "vfio_iommu_type1",
  "vfio_pci",
  ...(isOlderThan(release, 6, 2) ? ["vfio_virqfd"] : []),
];

/** AMD's IOMMU is on wherever the firmware offers it; Intel's needs the parameter on many kernels. */
const iommuParameters = { intel: ["intel_iommu=on"], amd: [], other: [] } as const;

/**
 * Throws where a device cannot be found.
 * @param held what the declared devices were when they were last written to this host
 */
export function desiredBoot(
  declaration: BootDeclaration,
  platform: Platform,
  observation: Observation,
  held: HeldDevices = {},
): DesiredBoot {
  const iommu = declaration.iommu ? iommuParameters[platform.cpuVendor] : [];
  const declared = declaration.kernelParameters.filter((parameter) => !iommu.includes(parameter as never));
  const ids = unique(Object.values(declaration.devices).flatMap((device) => everyOfKind(device) ?? []));
  const functions = sorted(declaration.devices).flatMap(([name, device]) =>
    resolveDeclared(name, device, observation.devices, held).map((found) => ({
      address: found.address,
      id: `${found.vendor}:${found.device}`,
      name: found.name,
      device: name,
      byReboot: isDisplay(found) && device.liveRebind !== true,
    })),
  );
  checkHeldOnce(functions);
  const settings = declaration.settings ?? {};
  const target = { platform, observation };
  const named = unmetParameters(declared.join(" "), settingParameters(settings, target));
  // What is declared by name and what is declared as it stands must not undo each other.
  if (named.length > 0) checkParameters([...named, ...declared]);
  const initramfsModules = unique(settings.initramfsModules ?? []);
  return {
    parameters: [
      ...iommu.filter((parameter) => !satisfies(declared.join(" "), parameter)),
      ...named,
      ...declared,
    ],
    modules: unique([
      ...(declaration.vfioModules ? vfioModules(observation.architecture, observation.kernel.release) : []),
      ...declaration.modules,
    ]),
    modprobe: [
      ...settingLines(settings, target, ids.length > 0 ? [`ids=${ids.join(",")}`] : []),
      ...(declaration.allowUnsafeInterrupts
        ? [optionsLine("vfio_iommu_type1", "allow_unsafe_interrupts=1")]
        : []),
      ...sorted(declaration.modprobeOptions).map(([module, options]) => optionsLine(module, options)),
      ...[...declaration.blacklist].sort().map(blacklistLine),
      ...sorted(declaration.softdeps).map(([module, dependencies]) => softdepLine(module, dependencies)),
    ],
    functions,
    ...(initramfsModules.length > 0 ? { initramfsModules } : {}),
  };
}

/** The id where it alone selects, and any number: only then may the kernel take whatever has it. */
function everyOfKind(device: DeviceDeclaration): string | null {
  const { criteria, nth, count } = checkSelector(device);
  const { id, ...others } = criteria;
  const any = nth === null && count === null && Object.keys(others).length === 0;
  return any ? (id ?? null) : null;
}

/** Two that hold one function would each give it back while the other still wants it. */
function checkHeldOnce(functions: readonly BootFunction[]): void {
  const holders = new Map<string, string>();
  for (const { address, name, device } of functions) {
    const other = holders.get(address);
    if (other !== undefined) {
      throw new Error(
        `${other} and ${device} both name ${`${address} ${name}`.trim()}, and a function has one holder. Name it in one ` +
          "of them; an id names every device of its kind.",
      );
    }
    holders.set(address, device);
  }
}

/** A display device: its driver may hang when it has to let go. */
export function isDisplay(device: PciDevice): boolean {
  return device.class.startsWith("03");
}

/** Identifies a declared boot state; names in words do not count. */
export function bootDigest(boot: DesiredBoot): string {
  const functions = boot.functions.map(({ address, id }) => [address, id]);
  const further = boot.initramfsModules === undefined ? [] : [boot.initramfsModules];
  return sha256(JSON.stringify([boot.parameters, boot.modules, boot.modprobe, functions, ...further]));
}

function sorted<T>(of: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
