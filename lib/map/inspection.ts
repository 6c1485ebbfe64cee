import type { CriticalUse, HostFacts, PciDevice } from "../model/facts";
import { bootNow } from "../model/reboot";
import { legibleRecord } from "../model/record";

/** What `passthrough inspect --json` prints and `passthrough map --facts` reads: a host without its secrets. */
export interface Inspection {
  readonly hostname: string;
  readonly machineId: string;
  readonly architecture?: string;
  readonly kernel: Pick<HostFacts["kernel"], "release">;
  /** In words. */
  readonly distribution: string;
  readonly cpu?: HostFacts["cpu"];
  readonly firmware: HostFacts["firmware"];
  readonly iommuUnits?: readonly string[];
  readonly proxmox: { readonly node: string; readonly version: string } | null;
  /** The declaration that owns the host; null for none. */
  readonly owner: string | null;
  /** What the host lives on but could not be traced to a device, in words. */
  readonly unresolved: readonly string[];
  readonly devices: readonly InspectedDevice[];
}

export interface InspectedDevice extends PciDevice {
  readonly critical: readonly Omit<CriticalUse, "address">[];
  readonly vms: readonly VmUse[];
  /** `binding/device` that holds it from boot on; null for none. */
  readonly binding: string | null;
}

/** One VM that has the device. */
export interface VmUse {
  readonly vmId: string;
  readonly vmName: string;
  /** The key, such as `hostpci0`. */
  readonly slot: string;
  readonly running: boolean;
  /** The VM runs with it. */
  readonly inUse: boolean;
  /** The VM still has it at its next start. */
  readonly configured: boolean;
  /** A mediated device: several VMs may have one each. */
  readonly shared: boolean;
}

/** A VM's use, and the device it is of. */
export type VmUseOf = VmUse & { readonly address: string };

/** @param uses what VMs have of the host's devices */
export function inspection(facts: HostFacts, uses: readonly VmUseOf[]): Inspection {
  const { hostname, machineId, architecture, kernel, distribution, cpu, firmware, iommuUnits } = facts;
  const record = legibleRecord(facts.record);
  const bindings = new Map(
    record && bootNow(record, facts.devices).functions.map(({ address, device }) => [address, device]),
  );
  return {
    hostname,
    machineId,
    architecture,
    kernel,
    distribution: distribution.prettyName,
    cpu,
    firmware,
    iommuUnits,
    proxmox: facts.proxmox && { node: facts.proxmox.node, version: facts.proxmox.version },
    owner: record?.owner ?? null,
    unresolved: facts.unresolved,
    devices: facts.devices.map((device) => ({
      ...device,
      critical: facts.critical
        .filter(({ address }) => address === device.address)
        .map(({ kind, use, essential }) => ({ kind, use, essential })),
      vms: uses
        .filter(({ address }) => address === device.address)
        .map(({ vmId, vmName, slot, running, inUse, configured, shared }) => ({
          vmId,
          vmName,
          slot,
          running,
          inUse,
          configured,
          shared,
        })),
      binding: bindings.get(device.address) ?? null,
    })),
  };
}
