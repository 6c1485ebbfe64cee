import { type iommuHostSchema, type ConfigOf } from "../schema";
import * as errors from "./errors";
import * as valid from "./validation";

/** Settings of a host that are declared by name. What can be done live is; the rest takes effect at a boot. */
export interface HostSettings {
  /**
   * How the host's own DMA goes: `passthrough` past the IOMMU, which is faster (`iommu=pt`; `iommu.passthrough=1` on
   * ARM), or `translated` through it. What guests get is protected either way.
   * @default the kernel's own choice
   */
  readonly iommuMode?: "passthrough" | "translated";
  /**
   * What the kernel takes for isolated although it does not say so: ports below a switch (`downstream`), functions of a
   * card (`multifunction`), one kind of device. It splits IOMMU groups that the hardware does not separate: a guest may
   * then reach the memory of another device's guest, or of the host. Only kernels that carry the patch have it, such as
   * Proxmox VE's; the plan refuses it elsewhere.
   * @default none
   */
  readonly acsOverride?: readonly ("downstream" | "multifunction" | `id:${string}`)[];
  /**
   * Memory set apart in huge pages as the kernel boots, for guests that are configured for it. Nothing else can use it.
   * @default none
   */
  readonly hugepages?: Hugepages;
  /**
   * Options of KVM.
   * @default those of the kernel
   */
  readonly kvm?: KvmSettings;
  /**
   * Keep vfio-pci out of VGA arbitration (`disable_vga`), so that the host's own display is not slowed down. It is for
   * every card of the host: one that a guest with SeaBIOS has as its first display (`xVga`) shows nothing then.
   * @default false
   */
  readonly disableVga?: boolean;
  /**
   * Modules that do not load at all, not even when something asks for them by name: `blacklist nouveau` and
   * `alias nouveau off`.
   * @default none
   */
  readonly disabledModules?: readonly string[];
  /**
   * Modules packed into the initramfs beside those of vfio, whichever tool makes it.
   * @default `modules`, where devices are bound
   */
  readonly initramfsModules?: readonly string[];
  /**
   * What dracut's initramfs does with drivers, on hosts that have one. Bound devices need neither.
   * @default none
   */
  readonly dracutDrivers?: DracutDrivers;
}

/** Huge pages of a host. */
export interface Hugepages {
  /** How many pages, by their size: `{ "1G": 16 }`. */
  readonly pools?: Readonly<Record<string, number>>;
  /**
   * The size that a program gets which asks for none.
   * @default the kernel's own, 2M on x86
   */
  readonly defaultSize?: string;
}

/** Options of KVM, for the CPU that the host has. */
export interface KvmSettings {
  /**
   * Let guests read and write registers that KVM does not know, which some guests and drivers need; takes effect at once.
   * @default false
   */
  readonly ignoreMsrs?: boolean;
  /**
   * Log each time that a guest does; takes effect at once.
   * @default true
   */
  readonly reportIgnoredMsrs?: boolean;
  /**
   * Let guests run guests of their own.
   * @default the kernel's own choice, mostly true
   */
  readonly nested?: boolean;
}

/** What an initramfs of dracut does with drivers. */
export interface DracutDrivers {
  /**
   * Loaded before any other: `rd.driver.pre`.
   * @default none
   */
  readonly load?: readonly string[];
  /**
   * Never loaded there: `rd.driver.blacklist`.
   * @default none
   */
  readonly blacklist?: readonly string[];
}

export function checkSettings(at: (prop: string) => string, settings: HostSettings): void {
  const { hugepages, dracutDrivers } = settings;
  valid.check(valid.isIommuMode, at("iommuMode"), settings.iommuMode);
  valid.checkAll<string>(valid.isAcsOverride, at("acsOverride"), settings.acsOverride);
  valid.checkAll(valid.isBlacklistable, at("disabledModules"), settings.disabledModules);
  valid.checkAll(valid.isModule, at("initramfsModules"), settings.initramfsModules);
  valid.checkAll(valid.isModule, at("dracutDrivers.load"), dracutDrivers?.load);
  valid.checkAll(valid.isBlacklistable, at("dracutDrivers.blacklist"), dracutDrivers?.blacklist);
  valid.check(valid.isPageSize, at("hugepages.defaultSize"), hugepages?.defaultSize);
  for (const [size, count] of Object.entries(hugepages?.pools ?? {})) {
    valid.isPageSize(at("hugepages.pools"), size);
    valid.check(valid.isPageCount, at(`hugepages.pools["${size}"]`), count);
  }
  if (hugepages !== undefined && hugepages.defaultSize === undefined && noKeys(hugepages.pools))
    throw errors.noHugepages(at("hugepages"));
  if (settings.acsOverride?.length === 0) throw errors.noAcsOverride(at("acsOverride"));
}

/** The settings in the schema's words. */
export function declaredSettings(
  settings: HostSettings,
): Partial<ConfigOf<typeof iommuHostSchema.attributes>> {
  const { hugepages, kvm, dracutDrivers } = settings;
  return {
    iommu_mode: settings.iommuMode,
    acs_override: settings.acsOverride && [...settings.acsOverride],
    hugepages: hugepages && {
      default_size: hugepages.defaultSize ?? null,
      pools: hugepages.pools ? { ...hugepages.pools } : null,
    },
    kvm: kvm && {
      ignore_msrs: kvm.ignoreMsrs ?? null,
      report_ignored_msrs: kvm.reportIgnoredMsrs ?? null,
      nested: kvm.nested ?? null,
    },
    disable_vga: settings.disableVga,
    disabled_modules: settings.disabledModules && [...settings.disabledModules],
    initramfs_modules: settings.initramfsModules && [...settings.initramfsModules],
    dracut_drivers: dracutDrivers && {
      load: dracutDrivers.load ? [...dracutDrivers.load] : null,
      blacklist: dracutDrivers.blacklist ? [...dracutDrivers.blacklist] : null,
    },
  };
}

function noKeys(record: object | undefined): boolean {
  return record === undefined || Object.keys(record).length === 0;
}
