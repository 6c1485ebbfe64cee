import type { PciDevice } from "./facts";
import { parsePciAddress } from "./pciAddress";

/**
 * What finds a device again at boot. Bus numbers change when a card is added elsewhere; the way from the root
 * complex down to the device does not.
 */
export interface BootTableEntry {
  /** Root bus, then device.function of each bridge on the way and of the device: `0000:00/03.1/00.0`. */
  readonly topology: string;
  /** Four lower-case hex digits each. */
  readonly vendor: string;
  readonly device: string;
  readonly subsystemVendor: string;
  readonly subsystemDevice: string;
}

/** The way from the root complex to a device, such as `0000:00/03.1/00.0`. */
export function topologyOf(device: Pick<PciDevice, "address" | "path">): string {
  const [first] = device.path;
  if (first === undefined || device.path[device.path.length - 1] !== device.address) {
    throw new Error(
      `The way to the PCI device ${device.address} is not known: its ancestors read ${JSON.stringify(device.path)}, ` +
        "expected the root port first and the device itself last.",
    );
  }
  const root = first.slice(0, first.lastIndexOf(":"));
  return [root, ...device.path.map((address) => address.slice(address.lastIndexOf(":") + 1))].join("/");
}

export function bootTableEntry(device: PciDevice): BootTableEntry {
  if (device.physicalFunction !== null) {
    throw new Error(
      `${device.address} is a virtual function: it only exists once the driver of ${device.physicalFunction} ` +
        "has made it, so it cannot be held from boot on.",
    );
  }
  const { vendor, device: id, subsystemVendor, subsystemDevice } = device;
  return { topology: topologyOf(device), vendor, device: id, subsystemVendor, subsystemDevice };
}

/** The line of the boot-time table that finds this device: topology, id, subsystem id. */
export function bootTableLine(device: PciDevice): string {
  return formatBootTableLine(bootTableEntry(device));
}

export function formatBootTableLine(entry: BootTableEntry): string {
  return `${entry.topology} ${entry.vendor}:${entry.device} ${entry.subsystemVendor}:${entry.subsystemDevice}`;
}

const lineForm =
  /^([0-9a-f]{4,8}:[0-9a-f]{2}(?:\/[01][0-9a-f]\.[0-7])+) ([0-9a-f]{4}):([0-9a-f]{4}) ([0-9a-f]{4}):([0-9a-f]{4})$/;

/** Reads a line of the boot-time table; null if it is none of ours. */
export function parseBootTableLine(line: string): BootTableEntry | null {
  const [, topology, vendor, device, subsystemVendor, subsystemDevice] = lineForm.exec(line) ?? [];
  if (!topology || !vendor || !device || !subsystemVendor || !subsystemDevice) return null;
  return { topology, vendor, device, subsystemVendor, subsystemDevice };
}

/** The device that boot would take for this entry; null if none, or another one, stands there. */
export function deviceAtBoot(devices: readonly PciDevice[], entry: BootTableEntry): PciDevice | null {
  const line = formatBootTableLine(entry);
  const found = devices.filter(
    (device) => device.physicalFunction === null && device.path.length > 0 && bootTableLine(device) === line,
  );
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** Lines in a stable order, so that declaring the same devices in another order is no change. */
export function compareBootTableLines(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The root bus of a topology as sysfs names its folder: `pci0000:00`. */
export function rootOf(topology: string): string {
  const root = topology.split("/")[0] ?? "";
  parsePciAddress(`${root}:00`);
  return `pci${root}`;
}
