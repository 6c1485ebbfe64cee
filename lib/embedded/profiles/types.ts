import type { OpenNebulaCloud } from "../opennebula/types";

/** What a machine is made of and what its administrator had installed before anything of ours came. */
export interface Profile {
  readonly name: string;
  /** One line for a list of profiles. */
  readonly summary: string;
  readonly hostname: string;
  /** /etc/os-release. */
  readonly osRelease: string;
  /** Releases of the installed kernels, the one that boots by default last. */
  readonly kernels: readonly string[];
  readonly cpu: {
    /** null where /proc/cpuinfo names none, as on POWER. */
    readonly vendorId: "AuthenticAMD" | "GenuineIntel" | null;
    readonly model: string;
    readonly flags: string;
    readonly threads: number;
  };
  readonly dmi: { readonly vendor: string; readonly product: string };
  readonly firmware: {
    readonly efi: boolean;
    readonly iommuTable: "DMAR" | "IVRS" | null;
    readonly iommuUnits: readonly string[];
  };
  /** Which devices get an IOMMU group under these kernel parameters. */
  readonly iommu: (parameters: readonly string[]) => "all" | "all-but-graphics" | "none";
  readonly bootLoader: BootLoader;
  /** What makes the initramfs. @default initramfs-tools */
  readonly initramfs?: "initramfs-tools" | "dracut" | "mkinitcpio";
  /** Where kernels and their images stand. @default as on Debian */
  readonly images?: BootImages;
  /** The package of each kernel, by release, where images are named by it. */
  readonly packages?: Readonly<Record<string, string>>;
  /** As `uname -m` says it. @default x86_64 */
  readonly architecture?: string;
  /** Further programs that are there, and that nothing here starts. */
  readonly bystanders?: readonly string[];
  readonly devices: readonly PciFunction[];
  /** Reserved regions of a group beyond the usual MSI window, by group. */
  readonly reservedRegions?: Readonly<Record<number, string>>;
  readonly modules: Readonly<Record<string, KernelModule>>;
  /** dm and md devices. */
  readonly stackedDisks: readonly StackedDisk[];
  readonly network: Network;
  /** /proc/self/mountinfo. */
  readonly mounts: string;
  /** /proc/swaps without its heading. */
  readonly swaps: string;
  /** What `zpool list -vHPL` prints; empty without ZFS. */
  readonly zpools: string;
  /** What nobody reaches the host without after a boot: one device of each must be on its own driver. */
  readonly essential: readonly {
    readonly use: "the root file system" | "the network";
    readonly anyOf: readonly string[];
  }[];
  /** Files of the root file system, by path. */
  readonly files: Readonly<Record<string, string>>;
  /** Names of vendors and devices for pci.ids: `10de` or `10de:2204`. */
  readonly names: Readonly<Record<string, string>>;
  readonly proxmox?: ProxmoxNode;
  readonly libvirt?: LibvirtHost;
  /** It is an OpenNebula front end. */
  readonly openNebula?: OpenNebulaCloud;
}

export interface BootLoader {
  /**
   * grub: update-grub. systemd-boot: proxmox-boot-tool. grub-mkconfig: a menu made by that. bls: GRUB with entry files.
   * loader-entries: systemd-boot with entry files.
   */
  readonly kind: "grub" | "systemd-boot" | "grub-mkconfig" | "bls" | "loader-entries";
  /** Root device as update-grub names it on the kernel command line. */
  readonly root: string;
  /** File system ids of the ESPs that proxmox-boot-tool manages; none with GRUB. */
  readonly esps: readonly string[];
  /** What proxmox-boot-tool has on each of them. @default systemd-boot with EFI, else GRUB */
  readonly espModes?: Readonly<Record<string, "uefi" | "grub">>;
  /** GRUB's menu where it is no /boot/grub/grub.cfg, and the program that makes it. */
  readonly menu?: string;
  readonly mkconfig?: "grub2-mkconfig" | "grub-mkconfig";
  /** With entry files: what the installer wrote into `options`. */
  readonly options?: string;
  /** With systemd-boot: where its ESP is mounted, and whether kernel-install writes the entries. */
  readonly esp?: string;
  readonly kernelInstall?: boolean;
  /** A unified kernel image: what its stub says of itself. */
  readonly stub?: string;
}

export interface BootImages {
  readonly kernel: (release: string) => string;
  readonly initramfs: (release: string) => string;
}

export interface PciFunction {
  readonly address: string;
  /** The bridge above; absent on the root bus. */
  readonly parent?: string;
  /** `vvvv:dddd` */
  readonly id: string;
  readonly subsystem?: string;
  /** Six hex digits. */
  readonly class: string;
  readonly revision?: string;
  readonly group: number;
  readonly bridge?: boolean;
  readonly bootVga?: boolean;
  readonly resetMethods?: string;
  readonly numaNode?: number;
  /** PCI Express serial number, as lspci writes it. */
  readonly pcieSerial?: string;
  /** It has a ROM: a VBIOS, or one that does not answer. */
  readonly rom?: "vbios" | "silent";
  /** It can make virtual functions while its driver holds it. */
  readonly sriov?: SriovCapability;
  /** Address of the physical function, for a virtual one. */
  readonly physicalFunction?: string;
  /** What appears below the function while this driver holds it. */
  readonly gives?: {
    readonly driver: string;
    readonly net?: readonly NetworkPort[];
    readonly nvme?: NvmeController;
    readonly disks?: readonly Disk[];
    readonly display?: { readonly card: number; readonly framebuffer?: string };
    readonly usb?: { readonly bus: number; readonly devices: readonly UsbDevice[] };
  };
}

export interface SriovCapability {
  readonly total: number;
  readonly offset: number;
  readonly stride: number;
  /** Device id of the virtual functions. */
  readonly device: string;
  /** The driver that makes them. */
  readonly driver: string;
  /** IOMMU group of the first; each after it has the next. */
  readonly group: number;
}

export interface NetworkPort {
  readonly name: string;
  readonly mac: string;
  readonly up: boolean;
}

export interface Disk {
  readonly name: string;
  /** `major:minor` of the whole disk; partition n has minor + n. */
  readonly number: string;
  /** 512-byte sectors. */
  readonly sectors: number;
  readonly model: string;
  readonly serial: string;
  readonly partitions: readonly Partition[];
}

export interface Partition {
  readonly sectors: number;
  /** File system id, as in /dev/disk/by-uuid. */
  readonly uuid?: string;
  /** What udev takes its content for: `vfat`, `zfs_member`, `linux_raid_member`. */
  readonly type?: string;
}

export interface NvmeController {
  readonly name: string;
  readonly subsystem: string;
  /** The namespace's head stands under the subsystem and has no PCI parent. */
  readonly multipath: boolean;
  readonly disk: Disk;
}

export interface UsbDevice {
  /** `1-3`, `1-3.2` */
  readonly port: string;
  readonly id: string;
  readonly product: string;
}

export interface KernelModule {
  /** Patterns of modules.alias. */
  readonly aliases?: readonly string[];
  /** Its PCI driver's name, if it has one. */
  readonly driver?: string;
  readonly dependsOn?: readonly string[];
  readonly builtin?: boolean;
  /** In every initramfs, as MODULES=most has it. */
  readonly initramfs?: boolean;
  /** Writable ones as the kernel shows them. */
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface StackedDisk {
  readonly name: string;
  readonly number: string;
  readonly sectors: number;
  readonly slaves: readonly string[];
  /** Name and uuid of a device-mapper device. */
  readonly dm?: { readonly name: string; readonly uuid: string };
  /** Level of an md array. */
  readonly md?: string;
  readonly uuid?: string;
}

export interface Network {
  /** The address that SSH sessions reach the host at. */
  readonly address: string;
  readonly interfaces: readonly VirtualInterface[];
  /** `ip -o addr show` */
  readonly addresses: string;
  /** `ip route show` */
  readonly routes: string;
}

export interface VirtualInterface {
  readonly name: string;
  readonly kind: "bridge" | "bond" | "vlan";
  readonly lower: readonly string[];
  readonly mac: string;
  readonly vlanId?: number;
}

export interface LibvirtHost {
  /** Definitions by the name of the domain. */
  readonly domains: Readonly<
    Record<string, { readonly xml: string; readonly running?: boolean; readonly autostart?: boolean }>
  >;
}

export interface ProxmoxNode {
  readonly node: string;
  readonly version: string;
  /** VM configurations by id. */
  readonly vms: Readonly<Record<number, { readonly config: string; readonly running?: boolean }>>;
  readonly romFiles: readonly string[];
}
