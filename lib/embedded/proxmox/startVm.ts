import { idHalves } from "../kernel/aliases";
import { KernelError } from "../kernel/errors";
import type { Machine } from "../machine";
import { parseEntry } from "./mappingGrammar";
import { readMappings } from "./mappingFile";
import { isRunning, QmError, readVm, saveVm, setRunning } from "./vm";
import { withPendingApplied } from "./vmConfiguration";

/** Starts a VM as Proxmox does: pending settings first, then its devices to vfio-pci, their IOMMU groups as a whole. */
export function startVm(machine: Machine, id: string): void {
  const { configuration } = readVm(machine, id);
  const applied = withPendingApplied(configuration);
  saveVm(machine, id, applied);
  const slots = Object.entries(applied.current).filter(([key]) => /^hostpci\d+$/.test(key));
  const held: string[] = [];
  for (const [slot, value] of slots) {
    const properties = parseProperties(value);
    if (properties["pcie"] === "1" && !/q35/.test(applied.current["machine"] ?? "")) {
      throw new QmError("q35 machine model is not enabled");
    }
    const addresses = functionsOf(machine, id, slot, properties);
    for (const address of addresses) claim(machine, id, address);
    held.push(...addresses);
  }
  setRunning(machine, id, true);
  reserve(machine, id, held);
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
function functionsOf(
  machine: Machine,
  id: string,
  slot: string,
  properties: Readonly<Record<string, string>>,
): string[] {
  const { mapping, host } = properties;
  const named = mapping === undefined ? (host ?? "").split(";") : mappedAddresses(machine, id, mapping);
  return named.flatMap((short) => {
    const address = /^[0-9a-f]{4,}:[0-9a-f]{2}:/.test(short) ? short : `0000:${short}`;
    const all = machine.drivers.present().map((device) => device.address);
    const found = all.filter((known) =>
      /\.\d$/.test(address) ? known === address : known.startsWith(`${address}.`),
    );
    if (found.length === 0) throw new QmError(`${slot}: no pci device info for device '${address}'`);
    return found;
  });
}

/** Of the entries for this node, the first whose devices no running VM has. */
function mappedAddresses(machine: Machine, id: string, name: string): string[] {
  const { mappings } = readMappings(machine, "pci");
  const node = machine.profile.proxmox?.node ?? "";
  const mapping = mappings[name];
  if (mapping === undefined) throw new QmError(`PCI device mapping '${name}' does not exist`);
  const here = mapping.map.map(parseEntry).filter((entry) => entry["node"] === node);
  if (here.length === 0) throw new QmError(`PCI device mapping not found for '${name}'`);
  for (const entry of here) assertIdentity(machine, name, entry);
  const alternatives = here.map(({ path = "" }) => path.split(";"));
  const others = [...reserved(machine)].filter(([, vm]) => vm !== id);
  const taken = others.map(([address]) => address);
  const isFree = (paths: readonly string[]) =>
    !taken.some((address) => paths.some((path) => address === path || address.startsWith(`${path}.`)));
  return alternatives.find(isFree) ?? alternatives[0] ?? [];
}

/** The device must still be what the mapping says, down to its IOMMU group. */
function assertIdentity(
  { files, drivers }: Machine,
  name: string,
  entry: Readonly<Record<string, string>>,
): void {
  for (const path of (entry["path"] ?? "").split(";")) {
    const address = /\.\d$/.test(path) ? path : `${path}.0`;
    const device = drivers.present().find((known) => known.address === address);
    if (device === undefined)
      throw new QmError(
        `PCI device mapping invalid (hardware probably changed): pci device '${address}' not found`,
      );
    const group = files.exists(`/sys/bus/pci/devices/${address}/iommu_group`) ? String(device.group) : "-1";
    const correct = { id: device.id, iommugroup: group, "subsystem-id": device.subsystem ?? "0000:0000" };
    for (const [property, expected] of Object.entries(correct)) {
      const configured = entry[property];
      if (configured === undefined)
        throw new QmError(
          `PCI device mapping invalid (hardware probably changed): missing expected property '${property}'`,
        );
      if (configured !== expected)
        throw new QmError(
          `PCI device mapping invalid (hardware probably changed): '${property}' does not match for '${name}' (${expected} != ${configured})`,
        );
    }
  }
}

function claim(machine: Machine, id: string, address: string): void {
  const { files, drivers, loader } = machine;
  const holder = reserved(machine).get(address);
  if (holder !== undefined && holder !== id) {
    throw new QmError(`PCI device '${address}' already in use by VMID '${holder}'`);
  }
  loader.load("vfio_pci");
  if (files.list("/sys/kernel/iommu_groups").length === 0) {
    throw new QmError("cannot prepare PCI pass-through, IOMMU not present");
  }
  const group = files.list(`/sys/bus/pci/devices/${address}/iommu_group/devices`);
  if (group.length === 0) throw new QmError("Cannot open iommu_group: No such file or directory");
  for (const member of group) {
    const device = machine.drivers.present().find((known) => known.address === member);
    if (!device || device.class.startsWith("06") || drivers.driverOf(member) === "vfio-pci") continue;
    quietly(() => drivers.addId("vfio-pci", idHalves(device.id).join(" ")));
    const driver = drivers.driverOf(member);
    if (driver !== null && driver !== "vfio-pci") drivers.unbind(driver, member);
    quietly(() => drivers.bind("vfio-pci", member));
    if (drivers.driverOf(member) !== "vfio-pci") throw new QmError(`can't bind '${member}' to vfio-pci`);
  }
  machine.save();
}

const reservations = "/run/qemu-server/pci-id-reservations";

/** Devices of running VMs, by address. */
function reserved(machine: Machine): Map<string, string> {
  const lines = (machine.files.read(reservations) ?? "").split("\n").map((line) => line.split(" "));
  return new Map(
    lines.flatMap(([address = "", vm = ""]) => (vm !== "" && isRunning(machine, vm) ? [[address, vm]] : [])),
  );
}

function reserve(machine: Machine, id: string, addresses: readonly string[]): void {
  const others = [...reserved(machine)].filter(([, vm]) => vm !== id);
  const all = [...others, ...addresses.map((address) => [address, id] as const)];
  machine.files.write(reservations, all.map(([address, vm]) => `${address} ${vm}\n`).join(""));
}

/** Proxmox writes and does not look at what the kernel answers; it looks at what came of it. */
function quietly(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
}
