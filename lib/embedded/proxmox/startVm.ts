import { idHalves } from "../kernel/aliases";
import { KernelError } from "../kernel/errors";
import type { Machine } from "../machine";
import { isRunning, QmError, readVm, saveVm, setRunning, vmIds } from "./vm";
import { configured, withPendingApplied } from "./vmConfiguration";

/** Starts a VM as Proxmox does: pending settings first, then its devices to vfio-pci, their IOMMU groups as a whole. */
export function startVm(machine: Machine, id: string): void {
  const { configuration } = readVm(machine, id);
  const applied = withPendingApplied(configuration);
  saveVm(machine, id, applied);
  const slots = Object.entries(applied.current).filter(([key]) => /^hostpci\d+$/.test(key));
  for (const [slot, value] of slots) {
    const properties = parseProperties(value);
    if (properties["pcie"] === "1" && !/q35/.test(applied.current["machine"] ?? "")) {
      throw new QmError("q35 machine model is not enabled");
    }
    for (const address of functionsOf(machine, slot, properties)) claim(machine, id, address);
  }
  setRunning(machine, id, true);
}

function parseProperties(value: string): Record<string, string> {
  return Object.fromEntries(
    value.split(",").map((part) => {
      const at = part.indexOf("=");
      return at < 0 ? ["host", part] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );
}

/** Addresses of the functions that a slot hands over: a slot without a function means all of them. */
function functionsOf(machine: Machine, slot: string, properties: Readonly<Record<string, string>>): string[] {
  const { mapping, host } = properties;
  const named = mapping === undefined ? (host ?? "").split(";") : mappedAddresses(machine, mapping);
  return named.flatMap((short) => {
    const address = /^[0-9a-f]{4,}:[0-9a-f]{2}:/.test(short) ? short : `0000:${short}`;
    const all = machine.profile.devices.map((device) => device.address);
    const found = all.filter((known) =>
      /\.\d$/.test(address) ? known === address : known.startsWith(`${address}.`),
    );
    if (found.length === 0) throw new QmError(`${slot}: no pci device info for device '${address}'`);
    return found;
  });
}

function mappedAddresses({ files, profile }: Machine, name: string): string[] {
  const sections = (files.read("/etc/pve/mapping/pci.cfg") ?? "").split(/\n(?=\S)/);
  const section = sections.find((text) => text.split("\n")[0]?.trim() === name);
  if (section === undefined) throw new QmError(`PCI device mapping '${name}' does not exist`);
  const here = section.split("\n").filter((line) => line.includes(`node=${profile.proxmox?.node ?? ""}`));
  return here.flatMap((line) => (/path=([^,\s]+)/.exec(line)?.[1] ?? "").split(";").filter(Boolean));
}

function claim(machine: Machine, id: string, address: string): void {
  const { files, drivers, loader } = machine;
  for (const other of vmIds(machine).filter((vm) => vm !== id && isRunning(machine, vm))) {
    if (usesOf(machine, other).includes(address)) {
      throw new QmError(`PCI device '${address}' already in use by VMID '${other}'`);
    }
  }
  loader.load("vfio_pci");
  if (files.list("/sys/kernel/iommu_groups").length === 0) {
    throw new QmError("cannot prepare PCI pass-through, IOMMU not present");
  }
  const group = files.list(`/sys/bus/pci/devices/${address}/iommu_group/devices`);
  if (group.length === 0) throw new QmError("Cannot open iommu_group: No such file or directory");
  for (const member of group) {
    const device = machine.profile.devices.find((known) => known.address === member);
    if (!device || device.class.startsWith("06") || drivers.driverOf(member) === "vfio-pci") continue;
    quietly(() => drivers.addId("vfio-pci", idHalves(device.id).join(" ")));
    const holder = drivers.driverOf(member);
    if (holder !== null && holder !== "vfio-pci") drivers.unbind(holder, member);
    quietly(() => drivers.bind("vfio-pci", member));
    if (drivers.driverOf(member) !== "vfio-pci") throw new QmError(`can't bind '${member}' to vfio-pci`);
  }
  machine.save();
}

function usesOf(machine: Machine, id: string): string[] {
  const { configuration } = readVm(machine, id);
  const settings = isRunning(machine, id) ? configuration.current : configured(configuration);
  return Object.entries(settings)
    .filter(([key]) => /^hostpci\d+$/.test(key))
    .flatMap(([key, value]) => functionsOf(machine, key, parseProperties(value)));
}

/** Proxmox writes and does not look at what the kernel answers; it looks at what came of it. */
function quietly(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
}
