/** What the picture shows a device as. */
export type Icon = "display" | "disk" | "network" | "audio" | "usb" | "bridge" | "chip";

export interface DeviceKind {
  readonly label: string;
  readonly icon: Icon;
}

/** By the beginning of the class code; the longest that fits counts. */
const kinds: Readonly<Record<string, DeviceKind>> = {
  "01": { label: "Storage", icon: "disk" },
  "0104": { label: "RAID", icon: "disk" },
  "0106": { label: "SATA", icon: "disk" },
  "0107": { label: "SAS", icon: "disk" },
  "0108": { label: "NVMe", icon: "disk" },
  "02": { label: "Network", icon: "network" },
  "0200": { label: "Ethernet", icon: "network" },
  "0207": { label: "InfiniBand", icon: "network" },
  "03": { label: "Display", icon: "display" },
  "0300": { label: "VGA", icon: "display" },
  "0302": { label: "3D controller", icon: "display" },
  "04": { label: "Multimedia", icon: "audio" },
  "0401": { label: "Audio", icon: "audio" },
  "0403": { label: "Audio", icon: "audio" },
  "05": { label: "Memory", icon: "chip" },
  "06": { label: "Bridge", icon: "bridge" },
  "0600": { label: "Host bridge", icon: "bridge" },
  "0601": { label: "ISA bridge", icon: "bridge" },
  "0604": { label: "PCI bridge", icon: "bridge" },
  "07": { label: "Serial port", icon: "chip" },
  "08": { label: "System", icon: "chip" },
  "0c": { label: "Serial bus", icon: "chip" },
  "0c03": { label: "USB", icon: "usb" },
  "0c05": { label: "SMBus", icon: "chip" },
  "0d": { label: "Wireless", icon: "network" },
  "0280": { label: "Network", icon: "network" },
  "10": { label: "Encryption", icon: "chip" },
  "11": { label: "Signal processor", icon: "chip" },
  "12": { label: "Accelerator", icon: "chip" },
};

const other: DeviceKind = { label: "Other device", icon: "chip" };

/** @param code four or six hex digits */
export function kindOf(code: string): DeviceKind {
  return kinds[code.slice(0, 4)] ?? kinds[code.slice(0, 2)] ?? other;
}

/** Bridges by their class too: nobody hands out an ISA bridge, although its header is that of a device. */
export function isBridge(device: { readonly bridge: boolean; readonly class: string }): boolean {
  return device.bridge || device.class.startsWith("06");
}
