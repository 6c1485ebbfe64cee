import { KernelError } from "../kernel/errors";
import type { Machine } from "../machine";
import type { Element } from "@xmldom/xmldom";
import { pciSourceOf } from "./hostdev";
import { devicesOf, domains, parse, saveLive, VirshError, type StoredDomain } from "./store";

/** Starts a domain: its devices go to vfio-pci, where they are managed, and must be free. */
export function startDomain(machine: Machine, domain: StoredDomain): void {
  if (domain.live !== null)
    throw new VirshError("Requested operation is not valid: domain is already active");
  const configuration = domain.configuration ?? "";
  for (const device of devicesOf(parse(configuration))) takeHostdev(machine, domain.name, device);
  saveLive(machine, domain.name, configuration);
}

/** What a domain gives up goes back to the driver that it was taken from; what vfio-pci had before stays there. */
export function stopDomain(machine: Machine, domain: StoredDomain): void {
  if (domain.live === null) throw new VirshError("Requested operation is not valid: domain is not running");
  const devices = devicesOf(parse(domain.live));
  saveLive(machine, domain.name, null);
  for (const device of devices) giveHostdevBack(machine, device);
}

export function takeHostdev(machine: Machine, name: string, device: Element): void {
  const address = pciSourceOf(device);
  if (address === null) return;
  const { files, drivers, loader } = machine;
  if (!files.exists(`/sys/bus/pci/devices/${address}`))
    throw new VirshError(
      `device not found: Device ${address} not found: could not access /sys/bus/pci/devices/${address}/config: No such file or directory`,
    );
  const holder = domains(machine).find(
    (other) =>
      other.name !== name &&
      other.live !== null &&
      devicesOf(parse(other.live)).some((held) => pciSourceOf(held) === address),
  );
  if (holder)
    throw new VirshError(
      `Requested operation is not valid: PCI device ${address} is in use by driver QEMU, domain ${holder.name}`,
    );
  loader.load("vfio_pci");
  if (drivers.driverOf(address) !== "vfio-pci") {
    if (device.getAttribute("managed") !== "yes")
      throw new VirshError(
        `Requested operation is not valid: Unmanaged PCI device ${address} must be manually detached from the host`,
      );
    rebind(machine, address);
  }
  const group = files.list(`/sys/bus/pci/devices/${address}/iommu_group/devices`);
  if (group.length === 0)
    throw new VirshError(
      `internal error: QEMU unexpectedly closed the monitor: vfio ${address}: no iommu_group found`,
    );
  const held = group.find((member) => {
    const known = machine.drivers.present().find((other) => other.address === member);
    return known?.bridge !== true && ![null, "vfio-pci"].includes(drivers.driverOf(member));
  });
  if (held !== undefined)
    throw new VirshError(
      `internal error: QEMU unexpectedly closed the monitor: vfio ${address}: group is not viable. Please ensure all devices within the iommu_group are bound to their vfio bus driver.`,
    );
}

const taken = (address: string) => `/run/libvirt/hostdevmgr/${address}`;

function rebind({ files, drivers }: Machine, address: string): void {
  const before = drivers.driverOf(address);
  files.write(taken(address), `${before ?? ""}\n`);
  drivers.setOverride(address, "vfio-pci");
  if (before !== null) drivers.unbind(before, address);
  drivers.probe(address);
}

export function giveHostdevBack({ files, drivers }: Machine, device: Element): void {
  const address = pciSourceOf(device);
  if (address === null || device.getAttribute("managed") !== "yes") return;
  if (files.read(taken(address)) === null) return;
  files.remove(taken(address));
  drivers.setOverride(address, "");
  try {
    drivers.unbind("vfio-pci", address);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  drivers.probe(address);
}
