import type { HostFacts } from "../../model/facts";
import type { PciSlot, UsbSlot } from "../types";
import { Holders, type VmDescription, type VmDescriptions } from "../vmDescription";
import { claims, functions } from "./claims";
import { formatPciSlot, parsePciValue, pciKey, pciSlotProblems, samePciValue } from "./hostpci";
import { formatUsbSlot, parseUsbValue, sameUsbValue, usbKey, usbSlotProblems } from "./hostusb";
import { parseProperties, type Properties } from "./propertyString";
import { allVms, describeVm, type VirtualMachine } from "./virtualMachine";
import { isQ35, satisfies, settings } from "./vmSettings";

/** The VMs of this node that have PCI devices, USB devices or mappings of them. */
export function describeVms(facts: HostFacts): VmDescriptions {
  if (facts.proxmox === null) return { vms: [], leftOut: [] };
  const taken = new Holders();
  const holders = new Set(claims(facts).flatMap(({ vmId, inUse }) => (inUse ? [vmId] : [])));
  const vms = allVms(facts).filter(({ node }) => node === facts.proxmox?.node);
  // A VM that runs with a device is asked before one that only has it in its configuration.
  const ordered = [...vms].sort((one, other) => Number(holders.has(other.id)) - Number(holders.has(one.id)));
  const described = ordered
    .map((vm) => describe(facts, vm, taken))
    .filter(({ declaration: { pci, usb }, leftOut }) => {
      const passesUsb = Object.values(usb).some(({ spice }) => spice !== true);
      return Object.keys(pci).length > 0 || passesUsb || leftOut.length > 0;
    })
    .sort((one, other) => Number(one.declaration.vmId) - Number(other.declaration.vmId));
  return { vms: described, leftOut: [] };
}

function describe(facts: HostFacts, vm: VirtualMachine, taken: Holders): VmDescription {
  const leftOut: string[] = [];
  const pci: Record<string, PciSlot> = {};
  const usb: Record<string, UsbSlot> = {};
  const skip = (key: string, why: string) =>
    void leftOut.push(`${key} of ${describeVm(vm)}, ${vm.configured[key] ?? ""}: ${why}`);
  const machine = settingOf(vm, "machine");
  for (const [key, value] of entriesOf(vm, pciKey)) {
    const slot = pciSlotOf(value);
    if (slot === null) {
      skip(key, "its options are not all known here");
      continue;
    }
    const fault = conflict(slot, machine, Object.values(pci));
    if (fault !== null) {
      skip(key, fault);
      continue;
    }
    // Mediated devices are made for each VM anew.
    const wanted = slot.mdev === null ? functions(facts, value) : [];
    const held = taken.take(wanted, describeVm(vm));
    if (held === null) pci[key] = slot;
    else skip(key, held);
  }
  for (const [key, value] of entriesOf(vm, usbKey)) {
    const slot = usbSlotOf(value);
    if (slot === null) {
      skip(key, "its options are not all known here");
      continue;
    }
    const held = taken.take(slot.host === null ? [] : [`USB ${slot.host}`], describeVm(vm));
    if (held === null) usb[key] = slot;
    else skip(key, held);
  }
  const declaration: VmDescription["declaration"] = {
    vmId: vm.id,
    pci,
    usb,
    machine,
    cpu: settingOf(vm, "cpu"),
    bios: settingOf(vm, "bios"),
    vga: settingOf(vm, "vga"),
    bootOrder: bootOrderOf(vm),
  };
  return { declaration, name: vm.name, leftOut };
}

/** In the order of their numbers. */
function entriesOf(vm: VirtualMachine, keys: RegExp): [string, string][] {
  const number = (key: string) => Number(/\d+$/.exec(key)?.[0] ?? 0);
  return Object.entries(vm.configured)
    .filter(([key]) => keys.test(key))
    .sort(([one], [other]) => number(one) - number(other));
}

/** What a stack could not say of one VM, although Proxmox VE holds it. */
function conflict(slot: PciSlot, machine: string | null, others: readonly PciSlot[]): string | null {
  if (slot.pcie === true && machine !== null && !isQ35(machine)) return "PCI Express needs a q35 machine";
  if (slot.legacy_igd === true && machine !== null && isQ35(machine)) return "legacy-igd needs a pc machine";
  if (slot.x_vga === true && others.some(({ x_vga }) => x_vga === true))
    return "another slot is the primary display already";
  return null;
}

const booleans: Readonly<Record<string, boolean>> = { "1": true, "0": false };

/** null where the declared slot would not mean the same. */
function pciSlotOf(value: string): PciSlot | null {
  const properties: Properties = parsePciValue(value) ?? {};
  const text = (key: string) => properties[key] ?? null;
  const flag = (key: string) => booleans[properties[key] ?? ""] ?? null;
  const slot: PciSlot = {
    device: text("host"),
    mapping: text("mapping"),
    pcie: flag("pcie"),
    rombar: flag("rombar"),
    romfile: text("romfile"),
    x_vga: flag("x-vga"),
    mdev: text("mdev"),
    legacy_igd: flag("legacy-igd"),
    driver: text("driver"),
    vendor_id: text("vendor-id"),
    device_id: text("device-id"),
    sub_vendor_id: text("sub-vendor-id"),
    sub_device_id: text("sub-device-id"),
  };
  return pciSlotProblems(slot).length === 0 && samePciValue(formatPciSlot(slot), value) ? slot : null;
}

function usbSlotOf(value: string): UsbSlot | null {
  const properties: Properties = parseUsbValue(value) ?? {};
  const spice = properties["host"] === "spice" ? true : null;
  const slot: UsbSlot = {
    host: spice ? null : (properties["host"] ?? null),
    mapping: properties["mapping"] ?? null,
    spice,
    usb3: booleans[properties["usb3"] ?? ""] ?? null,
  };
  return usbSlotProblems(slot).length === 0 && sameUsbValue(formatUsbSlot(slot), value) ? slot : null;
}

/** The main part of a setting: nobody declares the others, so they stay. null where it is not ours to say. */
function settingOf(vm: VirtualMachine, key: "machine" | "cpu" | "bios" | "vga"): string | null {
  const actual = vm.configured[key];
  const setting = settings[key];
  if (actual === undefined || setting === undefined) return null;
  const value = parseProperties(actual, setting.main)?.[setting.main];
  return value !== undefined && setting.grammar.test(value) && satisfies(key, actual, value) ? value : null;
}

function bootOrderOf(vm: VirtualMachine): string[] | null {
  const actual = vm.configured["boot"];
  const devices = parseProperties(actual ?? "", "legacy")?.["order"]?.split(";") ?? [];
  const { grammar, write } = settings["boot"] ?? {};
  const distinct = new Set(devices).size === devices.length;
  const good = devices.length > 0 && distinct && devices.every((device) => grammar?.test(device) === true);
  return good && write && satisfies("boot", actual ?? null, write(devices)) ? devices : null;
}
