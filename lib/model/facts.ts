/** What one probe of a host reads, in one round trip. Facts only: what to make of them is decided elsewhere. */
export interface HostFacts {
  /** /etc/machine-id */
  readonly machineId: string;
  readonly hostname: string;
  /** /proc/sys/kernel/random/boot_id: another one after every boot. */
  readonly bootId: string;
  /** `uname -m`, such as `x86_64`. */
  readonly architecture: string;
  readonly kernel: {
    /** Release of the running kernel. */
    readonly release: string;
    /** /proc/cmdline, as it stands. */
    readonly commandLine: string;
    /** Release of the kernel that the boot loader starts next; null if it cannot be told. */
    readonly next: string | null;
    /** Releases with an image in /boot. */
    readonly installed: readonly string[];
  };
  readonly distribution: {
    readonly id: string;
    readonly idLike: readonly string[];
    readonly versionId: string;
    readonly prettyName: string;
  };
  readonly cpu: {
    readonly vendor: "intel" | "amd" | "other";
    /** vmx or svm stands in /proc/cpuinfo. */
    readonly virtualization: boolean;
  };
  readonly firmware: {
    readonly efi: boolean;
    /** ACPI table that describes an IOMMU. */
    readonly iommuTable: "DMAR" | "IVRS" | null;
    /** DMI vendor and product, in words. */
    readonly product: string;
  };
  /** Names under /sys/class/iommu, such as `dmar0` or `ivhd0`. */
  readonly iommuUnits: readonly string[];
  /** What speaks for which boot loader; see bootLoader.ts for the choice. */
  readonly bootLoaders: {
    readonly updateGrub: boolean;
    readonly proxmoxBootTool: boolean;
    /** /etc/kernel/proxmox-boot-uuids, a line each. */
    readonly proxmoxBootUuids: readonly string[];
    /** `proxmox-boot-tool status` modes seen, by ESP uuid; empty where the tool does not manage ESPs. */
    readonly espModes: Readonly<Record<string, "uefi" | "grub">>;
  };
  /** What else tells how the host boots, and whether its files are its administrator's to write. */
  readonly bootEvidence: BootEvidence;
  /** Initramfs builders that are there. */
  readonly initramfsTools: readonly string[];
  /** Needed programs that are missing. */
  readonly missingTools: readonly string[];
  /** Loaded modules with their readable parameters (of vfio*, kvm* and every module that drives a PCI device). */
  readonly modules: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Modules built into the running kernel, of those that drive PCI devices here and vfio's. */
  readonly builtinModules: readonly string[];
  readonly devices: readonly PciDevice[];
  /** Every function that can make virtual ones (SR-IOV), by address. */
  readonly sriov: Readonly<Record<string, SriovFacts>>;
  /** What the host or this session lives on. */
  readonly critical: readonly CriticalUse[];
  /** What the host lives on but could not be traced to a PCI device, in words: any of the kind may be it. */
  readonly unresolved: readonly string[];
  /** What would keep the host from coming back by itself after a reboot, in words. */
  readonly bootHazards: readonly string[];
  /**
   * Files we may have lines in, by path, whole: everything of /etc/modprobe.d, /etc/modules, /etc/modules-load.d,
   * /etc/initramfs-tools/modules, /etc/kernel/cmdline, /etc/default/grub, /etc/default/grub.d, boot entries, GRUB's
   * environment blocks, and our own files.
   */
  readonly files: Readonly<Record<string, string>>;
  /** Lines of others' boot scripts and of the initramfs builder's settings that are about drivers; no comments. */
  readonly scriptLines: readonly ScriptLine[];
  /** The GRUB command line without our drop-in, as update-grub's own evaluation gives it; null without GRUB. */
  readonly grubForeign: { readonly linux: string; readonly linuxDefault: string } | null;
  /** Our record on the host (record.ts), as it stands; null if there is none. */
  readonly record: string | null;
  /** Commands that an interrupted change still owes, in order; a line each. */
  readonly pending: readonly string[];
  /** What we took from the host before a reboot and have not given back, as it stands; null if there is nothing. */
  readonly drain: string | null;
  readonly proxmox: ProxmoxFacts | null;
  /** null where there is no `virsh`. */
  readonly libvirt: LibvirtFacts | null;
  /** null where neither libvirt's daemon nor its QEMU driver's is installed. */
  readonly qemuDriver: QemuDriverFacts | null;
  /** null where the host is no OpenNebula front end. */
  readonly opennebula: OpenNebulaFacts | null;
  /** MemTotal of /proc/meminfo, in KiB; 0 where it cannot be read. */
  readonly memory: number;
  readonly usbDevices: readonly UsbDevice[];
  readonly mediatedDevices: readonly MediatedDevice[];
}

/** A part of a device, such as a virtual GPU, that its driver hands out. */
export interface MediatedDevice {
  readonly uuid: string;
  /** Address of the PCI function that makes it. */
  readonly parent: string;
  /** Such as `nvidia-63`; empty if it has none. */
  readonly type: string;
}

export interface ScriptLine {
  readonly path: string;
  readonly number: number;
  readonly text: string;
}

/** A USB device that is plugged in; no root hubs. */
export interface UsbDevice {
  /** `bus-port[.port...]` */
  readonly port: string;
  /** `vvvv:pppp`, lower case. */
  readonly id: string;
  readonly hub: boolean;
  /** Its number on the bus: another one each time that it is plugged in. */
  readonly number: number;
  /** In the device's own words; empty if it has none. */
  readonly name: string;
}

export interface BootEvidence {
  /** Programs that make boot entries, images or whole systems, of those that are known. */
  readonly programs: readonly string[];
  /** GRUB menus that grub-mkconfig made: no stubs that only lead to one. */
  readonly grubMenus: readonly string[];
  /** GRUB_ENABLE_BLSCFG of /etc/default/grub is true. */
  readonly blsEnabled: boolean;
  /** What booted this kernel, as it told the firmware: `systemd-boot 255.4-1`; empty if it told nothing. */
  readonly loader: string;
  /** The stub of a unified kernel image, if this kernel came in one; else empty. */
  readonly stub: string;
  /** The initramfs of each installed kernel, by release. */
  readonly images: Readonly<Record<string, string>>;
  /** The package of each installed kernel, by release, where its images are named by that (Arch). */
  readonly packages: Readonly<Record<string, string>>;
  /** / is mounted read-only. */
  readonly rootReadOnly: boolean;
  /** The running system was deployed by ostree. */
  readonly ostree: boolean;
  /** VARIANT_ID of os-release. */
  readonly variant: string;
  /** What tells whether GRUB can start another entry once; null without a menu in /boot/grub or /boot/grub2. */
  readonly grubMenu: GrubMenu | null;
  /** What tells whether systemd-boot can start another entry once; null where it did not start this host. */
  readonly systemdBoot: SystemdBootFacts | null;
}

/** What systemd-boot told the firmware, and what can be told to it. */
export interface SystemdBootFacts {
  /** It says that it starts what LoaderEntryOneShot names, and forgets that. */
  readonly obeysOneShot: boolean;
  /** efivarfs is mounted, and may be written. */
  readonly variablesWritable: boolean;
  /** What names the default, an id or a pattern of ids: LoaderEntryDefault, else loader.conf; empty for nothing. */
  readonly wanted: string;
}

/** GRUB's menu in /boot/grub or /boot/grub2, and the file system that its environment block is on. */
export interface GrubMenu {
  /** As the kernel names it: `ext4`, `zfs`; empty if it cannot be told. */
  readonly fileSystem: string;
  /** Where its block device stands in /sys; empty for one that has none. */
  readonly device: string;
  /** It obeys `next_entry` of the environment block. */
  readonly obeysNextEntry: boolean;
  /** What it starts by default is what `saved_entry` of the environment block names. */
  readonly startsSaved: boolean;
  /** It reads custom.cfg beside it. */
  readonly readsCustom: boolean;
  /** There is a custom.cfg that is not ours. */
  readonly foreignCustom: boolean;
  /** The first entry of each kernel, whole, by the kernel's path as GRUB sees it. */
  readonly entries: Readonly<Record<string, string>>;
}

export interface PciDevice {
  /** `dddd:bb:dd.f`, lower case. */
  readonly address: string;
  /** Four hex digits each, lower case, no `0x`. */
  readonly vendor: string;
  readonly device: string;
  readonly subsystemVendor: string;
  readonly subsystemDevice: string;
  /** Six hex digits: class, subclass, programming interface. */
  readonly class: string;
  readonly revision: string;
  /** Addresses of every PCI ancestor, root port first, this device last. */
  readonly path: readonly string[];
  /** PCI header type 1 or 2: a PCI-to-PCI or CardBus bridge. */
  readonly bridge: boolean;
  readonly driver: string | null;
  readonly driverOverride: string | null;
  readonly iommuGroup: string | null;
  /** Types of the group's reserved regions that forbid assignment, such as `direct`. */
  readonly reservedRegions: readonly string[];
  readonly bootVga: boolean;
  readonly modalias: string;
  /** Of an NVMe drive, while the host's driver has it. */
  readonly serial: string | null;
  /** The card's PCI Express serial number as lspci writes it; null where it has none or sleeps. */
  readonly pcieSerial: string | null;
  /** Permanent MAC addresses of its ports, while the host's driver has it. */
  readonly macs: readonly string[];
  /** Address of the physical function, for a virtual function. */
  readonly physicalFunction: string | null;
  readonly resetMethods: readonly string[];
  /** Vendor and device in words, from the host's pci.ids; empty if it has none. */
  readonly name: string;
}

/** A physical function, and the virtual ones that it has. */
export interface SriovFacts {
  /** How many it can have. */
  readonly total: number;
  readonly count: number;
  /** Routing id of the first after its own, and of each after the one before; 0 where the kernel does not tell. */
  readonly offset: number;
  readonly stride: number;
  /** Device id of the virtual ones, four hex digits; empty where the kernel does not tell. */
  readonly device: string;
  /** Drivers of the host take new ones by themselves. */
  readonly autoprobe: boolean;
  /** Its network interface; null for none. */
  readonly port: string | null;
  /** The virtual ones by their number. */
  readonly functions: Readonly<Record<string, VirtualFunctionFacts>>;
}

/** What is not told, or not by this driver, is null. */
export interface VirtualFunctionFacts {
  readonly address: string;
  readonly mac: string | null;
  /** 0 for none. */
  readonly vlan: number | null;
  readonly trust: boolean | null;
  readonly spoofCheck: boolean | null;
}

/** One reason why a PCI device must not be handed over. */
export interface CriticalUse {
  readonly address: string;
  readonly kind: "disk" | "network" | "display" | "esp" | "console" | "chipset" | "usb" | "guest" | "other";
  /** In words: `carries / (/dev/nvme0n1p3, LVM pve/root)`, `carries this SSH session (enp3s0, bridge vmbr0)`. */
  readonly use: string;
  /** false: worth a warning only (one of several members of a bond). */
  readonly essential: boolean;
  /** The next boot would stop without it: no author can allow that. */
  readonly neededToBoot?: true;
}

export interface ProxmoxFacts {
  readonly node: string;
  readonly version: string;
  /** Every VM configuration of the cluster, by vm id. */
  readonly vms: Readonly<Record<string, ProxmoxVmFacts>>;
  /** The containers of this node, by id. */
  readonly containers: Readonly<Record<string, ProxmoxContainerFacts>>;
  /** Nodes of the cluster, this one among them. */
  readonly nodes: readonly string[];
  /** Network interfaces of this node, bridges among them; those of its guests are left out. */
  readonly interfaces: readonly string[];
  /** Ids of the VMs that the high availability manager may start on another node. */
  readonly highlyAvailable: readonly string[];
  /** Ids of the VMs whose disks are replicated to another node. */
  readonly replicated: readonly string[];
  /** Names under /usr/share/kvm that a romfile may name. */
  readonly romFiles: readonly string[];
  /** sha256 of those that end in .rom or .bin, by name. */
  readonly romDigests: Readonly<Record<string, string>>;
  /** PCI and USB resource mappings of the cluster. */
  readonly pciMappings: readonly string[];
  readonly usbMappings: readonly string[];
  /** Their configuration files, as they stand; empty where there is none. */
  readonly mappingFiles: Readonly<Record<MappingKind, string>>;
}

export type MappingKind = "pci" | "usb";

export interface ProxmoxVmFacts {
  readonly node: string;
  /** The configuration file, whole (sections [PENDING] and snapshots included). */
  readonly config: string;
  /** sha1 of the configuration file, as `qm set --digest` compares it. */
  readonly digest: string;
  readonly running: boolean;
}

export interface ProxmoxContainerFacts {
  /** The configuration file, whole. */
  readonly config: string;
  readonly running: boolean;
}

export interface LibvirtFacts {
  /** What libvirt said instead of an answer, and then nothing is known of its domains; null where it answered. */
  readonly complaint: string | null;
  /** Every domain, by name. */
  readonly domains: Readonly<Record<string, LibvirtDomainFacts>>;
}

/** What runs libvirt's guests of QEMU. */
export interface QemuDriverFacts {
  /** /etc/libvirt/qemu.conf, whole; null if there is none. It may hold passwords: never kept, never shown. */
  readonly conf: string | null;
  /** Units that read it: libvirtd.service, virtqemud.service, those that are installed. */
  readonly services: readonly string[];
}

export interface LibvirtDomainFacts {
  readonly uuid: string;
  /** Its configuration, as `virsh dumpxml --inactive` prints it. */
  readonly configured: string;
  /** What it runs with, as `virsh dumpxml` prints it; null where it does not run. */
  readonly live: string | null;
  /** It has a configuration that outlives its next shutdown. */
  readonly persistent: boolean;
  /** It starts with the host. */
  readonly autostart: boolean;
}

/** An OpenNebula front end: what its commands print, as it stands. */
export interface OpenNebulaFacts {
  /** The PCI probe's configuration, whole; null if there is none. */
  readonly pciConf: string | null;
  /** What `onehost list -j` and its like print; empty where one failed. */
  readonly hosts: string;
  readonly vms: string;
  readonly templates: string;
  readonly networks: string;
  /** A command that gave no answer, with its own words; null where all answered. */
  readonly failure: string | null;
}
