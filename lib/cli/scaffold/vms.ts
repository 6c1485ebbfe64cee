import type { PciNic, PciRequest, PciSlot, UsbSlot } from "../../hypervisors/types";
import { boundDevice, type Binding } from "./bindings";
import { record, set } from "./fields";
import type { DescribedVm } from "./systems";
import { literal, type Field } from "./typescript";

/** Whether a VM has a device of the binding. */
export function usesBinding({ declaration }: DescribedVm, binding: Binding): boolean {
  return Object.values(declaration.pci).some((slot) => boundDevice(slot, [binding]) !== null);
}

export function vmFields({ declaration, system }: DescribedVm, bindings: readonly Binding[]): Field[] {
  const { vmId, pci, usb, machine, cpu, bios, vga, bootOrder } = declaration;
  return [
    { name: "on", value: { raw: system.target(vmId) } },
    ...set({ machine, cpu, bios, vga, bootOrder }),
    ...slots("pci", pci, (slot) => pciFields(slot, bindings)),
    ...slots("usb", usb, usbFields),
    { name: "adopt", value: true },
  ];
}

function slots<S>(
  name: string,
  of: Readonly<Record<string, S>>,
  fields: (slot: S) => readonly Field[],
): Field[] {
  const entries = Object.entries(of).map(([key, slot]) => ({ name: key, value: { fields: fields(slot) } }));
  return entries.length === 0 ? [] : [{ name, value: { fields: entries, expanded: true } }];
}

function pciFields(slot: PciSlot, bindings: readonly Binding[]): Field[] {
  const bound = boundDevice(slot, bindings);
  const device: Field[] =
    slot.device === null
      ? []
      : bound === null
        ? [{ name: "device", value: record({ address: slot.device }) }]
        : [{ name: "device", value: { raw: `${bound.binding.variable}.device(${literal(bound.key)})` } }];
  const options = {
    mapping: slot.mapping,
    pcie: slot.pcie,
    rombar: slot.rombar,
    romfile: slot.romfile,
    xVga: slot.x_vga,
    mdev: slot.mdev,
    legacyIgd: slot.legacy_igd,
    driver: slot.driver,
    vendorId: slot.vendor_id,
    deviceId: slot.device_id,
    subVendorId: slot.sub_vendor_id,
    subDeviceId: slot.sub_device_id,
    managed: slot.managed,
    rom: slot.rom,
    bootOrder: slot.boot_order,
    guestAddress: slot.guest_address,
    unassigned: slot.unassigned,
    teaming: slot.teaming,
    request: slot.request && requestOf(slot.request),
    nic: slot.nic && nicOf(slot.nic),
    profile: slot.profile,
  };
  return [...device, ...set(options)];
}

const requestOf = ({ vendor, device, class: pciClass, short_address }: PciRequest) =>
  record({ vendor, device, class: pciClass, shortAddress: short_address });

const nicOf = ({ network, network_uname, mac, ip, ip6, vlan_id }: PciNic) =>
  record({ network, networkUname: network_uname, mac, ip, ip6, vlanId: vlan_id });

function usbFields({ host, mapping, spice, usb3, boot_order, startup_policy }: UsbSlot): readonly Field[] {
  return set({ host, mapping, spice, usb3, bootOrder: boot_order, startupPolicy: startup_policy });
}
