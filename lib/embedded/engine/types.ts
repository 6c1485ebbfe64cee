/** What an embedded engine manages, as whoever starts it describes it. */
export interface EngineWorld {
  readonly hosts: readonly WorldHost[];
  readonly vms: readonly WorldVm[];
  readonly vnicProfiles?: readonly WorldProfile[];
}

export interface WorldHost {
  readonly name: string;
  readonly address?: string;
  readonly devices: readonly WorldDevice[];
  readonly customKernelCommandLine?: string;
  readonly reportedKernelCommandLine?: string;
  /** What the engine found of the IOMMU. @default true */
  readonly passthrough?: boolean;
  /** Power management is configured. @default false */
  readonly powerManagement?: boolean;
  /** It may run the engine's own VM. @default false */
  readonly hostedEngine?: boolean;
}

export interface WorldDevice {
  /** `0000:04:00.0`, or the port of a USB device: `1-4.2` */
  readonly address: string;
  /** `10de:13ba` */
  readonly id: string;
  readonly name: string;
  readonly group: number | null;
  readonly driver?: string;
}

export interface WorldVm {
  readonly name: string;
  readonly status?: "up" | "down";
  /** Names of hosts. @default none */
  readonly pinnedTo?: readonly string[];
  /** @default "migratable", or "pinned" where it is pinned to a host */
  readonly affinity?: "migratable" | "user_migratable" | "pinned";
  /** Name of the host that it runs on, where it is up. @default the one it is pinned to, else the first */
  readonly runsOn?: string;
  /** The engine itself runs in it. @default false */
  readonly hostedEngine?: boolean;
  /** Devices that it has from the start, by address. */
  readonly devices?: readonly string[];
  readonly nics?: readonly { readonly name: string; readonly profile: string; readonly interface: string }[];
}

export interface WorldProfile {
  readonly name: string;
  readonly network: string;
  readonly passThrough?: boolean;
}

/** A small world to try things on: two hosts, a card whose sound shares its group, three VMs. */
export const defaultWorld: EngineWorld = {
  hosts: [
    {
      name: "kvm1",
      devices: [
        { address: "0000:00:1f.2", id: "8086:2922", name: "SATA Controller", group: 5, driver: "ahci" },
        { address: "0000:04:00.0", id: "10de:13ba", name: "GM107GL [Quadro K2200]", group: 30 },
        { address: "0000:04:00.1", id: "10de:0fbc", name: "GM107 High Definition Audio", group: 30 },
        { address: "0000:05:00.0", id: "144d:a808", name: "NVMe SSD Controller", group: 31, driver: "nvme" },
        { address: "0000:06:00.0", id: "8086:10fb", name: "82599ES 10-Gigabit", group: 32, driver: "ixgbe" },
        { address: "0000:06:00.1", id: "8086:10fb", name: "82599ES 10-Gigabit", group: 33, driver: "ixgbe" },
        { address: "1-4.2", id: "046d:c52b", name: "Unifying Receiver", group: null, driver: "usb" },
      ],
      reportedKernelCommandLine: "BOOT_IMAGE=/vmlinuz root=/dev/sda1 intel_iommu=on iommu=pt",
      customKernelCommandLine: "intel_iommu=on",
    },
    {
      name: "kvm2",
      devices: [
        { address: "0000:04:00.0", id: "1002:73bf", name: "Navi 21", group: 12 },
        { address: "0000:04:00.1", id: "1002:ab28", name: "Navi 21 HDMI Audio", group: 12 },
      ],
      reportedKernelCommandLine: "BOOT_IMAGE=/vmlinuz root=/dev/sda1",
    },
  ],
  vms: [
    { name: "workstation", pinnedTo: ["kvm1"] },
    { name: "render", pinnedTo: ["kvm1"] },
    { name: "floating" },
  ],
  vnicProfiles: [
    { name: "fast", network: "storage", passThrough: true },
    { name: "ovirtmgmt", network: "ovirtmgmt" },
  ],
};
