import { namesFunction } from "../model/pciAddress";
import type { InspectedDevice, Inspection, VmUse } from "./inspection";
import type { Machine } from "./judgement";
import type { PlannedFunction, PlannedHost, PlannedSide } from "./plan";

/** A planned host before and after the apply; both sides have the same devices. */
export interface PlannedMachines {
  readonly before: Machine;
  readonly after: Machine;
}

/** @param found the host as it was read; null: only what the plan itself knows is drawn */
export function machinesOf(planned: PlannedHost, found: Inspection | null): PlannedMachines {
  const { before, after } = planned;
  const known = { ...before.functions, ...after.functions };
  const read = new Map(found?.devices.map((device) => [device.address, device]));
  const missing = Object.entries(known).filter(([address]) => !read.has(address));
  const devices = [...read.values(), ...missing.map(([address, planned]) => withoutHost(address, planned))];
  const unresolved = found?.unresolved ?? [];
  // Read facts show what is there now; of what was not read, the state and the driver that is to get it back tell.
  const now = devices.map((device) => (read.has(device.address) ? device : inState(device, before, known)));
  return {
    before: { devices: now, unresolved },
    after: { devices: now.map((device) => applied(device, before, after)), unresolved },
  };
}

/** A function that only the plan knows. Nothing tells where in the PCI tree it stands. */
function withoutHost(address: string, planned: PlannedFunction): InspectedDevice {
  const [vendor = "", device = ""] = planned.id.split(":");
  return {
    address,
    vendor,
    device,
    subsystemVendor: "",
    subsystemDevice: "",
    class: planned.class.padEnd(6, "0"),
    revision: "",
    path: [],
    bridge: false,
    driver: null,
    driverOverride: null,
    iommuGroup: planned.group,
    reservedRegions: [],
    bootVga: false,
    modalias: "",
    serial: null,
    pcieSerial: null,
    macs: [],
    physicalFunction: null,
    resetMethods: [],
    name: planned.name,
    critical: [],
    vms: [],
    binding: null,
  };
}

function inState(
  device: InspectedDevice,
  side: PlannedSide,
  known: Readonly<Record<string, PlannedFunction>>,
): InspectedDevice {
  const bound = side.functions[device.address];
  return {
    ...device,
    driver: (bound ? bound.driver : known[device.address]?.hostDriver) || null,
    binding: bound?.binding ?? null,
    vms: usesOf(device.address, side),
  };
}

function applied(device: InspectedDevice, before: PlannedSide, after: PlannedSide): InspectedDevice {
  const was = before.functions[device.address];
  const bound = after.functions[device.address];
  const managed = new Set([...before.vms, ...after.vms].map(({ id }) => id));
  const kept = device.vms.filter(({ vmId }) => !managed.has(vmId));
  const names = new Map(device.vms.map(({ vmId, vmName }) => [vmId, vmName]));
  const arrived = usesOf(device.address, after).map((use) => {
    const same = device.vms.find(({ vmId, slot }) => vmId === use.vmId && slot === use.slot);
    return same ?? { ...use, vmName: names.get(use.vmId) ?? "" };
  });
  return {
    ...device,
    driver: bound ? bound.driver || device.driver : was ? was.hostDriver || null : device.driver,
    iommuGroup: device.iommuGroup ?? bound?.group ?? null,
    binding: bound?.binding ?? (was ? null : device.binding),
    vms: [...kept, ...arrived],
  };
}

/** Whether a VM runs, a plan does not tell. */
function usesOf(address: string, { vms }: PlannedSide): VmUse[] {
  return vms.flatMap(({ id, devices }) =>
    Object.entries(devices)
      .filter(([, addresses]) => addresses.some((wanted) => named(wanted, address)))
      .map(([slot]) => ({
        vmId: id,
        vmName: "",
        slot,
        running: false,
        inUse: false,
        configured: true,
        shared: false,
      })),
  );
}

function named(wanted: string, address: string): boolean {
  try {
    return namesFunction(wanted, address);
  } catch {
    // No address: the value of a mapping, or what the plan's file was made to say.
    return false;
  }
}
