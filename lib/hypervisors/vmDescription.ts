import type { PciSlot, VmDeclaration } from "./types";

/** A VM that has devices, in the words of a declaration that changes nothing of it. */
export interface VmDescription {
  readonly declaration: Pick<VmDeclaration, "vmId" | "pci" | "usb"> &
    Partial<Pick<VmDeclaration, "machine" | "cpu" | "bios" | "vga" | "bootOrder">>;
  /** As its administrator named it; empty for none. */
  readonly name: string;
  /** What it has and cannot be declared as it is, a clause each. */
  readonly leftOut: readonly string[];
}

/** What a hypervisor shows of its VMs. */
export interface VmDescriptions {
  readonly vms: readonly VmDescription[];
  /** What of it no declaration can say, a clause each. */
  readonly leftOut: readonly string[];
}

/** Which VM has which device: a stack gives each to one VM, although some may name it. */
export class Holders {
  private readonly holders = new Map<string, string>();

  /** Takes the devices for a VM; in words why it cannot have them, else null. */
  take(devices: readonly string[], vm: string): string | null {
    const other = devices.map((device) => this.holders.get(device)).find((holder) => holder !== undefined);
    if (other !== undefined) return `${other} has it too, and a stack gives a device to one VM`;
    for (const device of devices) this.holders.set(device, vm);
    return null;
  }
}

/** Nothing said of a PCI slot. */
export const emptyPciSlot: PciSlot = {
  device: null,
  mapping: null,
  pcie: null,
  rombar: null,
  romfile: null,
  x_vga: null,
  mdev: null,
  legacy_igd: null,
  driver: null,
  vendor_id: null,
  device_id: null,
  sub_vendor_id: null,
  sub_device_id: null,
};
