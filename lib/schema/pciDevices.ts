import { bool, computed, list, mapOf, optional, required, resource, string, type StateOf } from "./attribute";

/** What one PCI device of a host looks like. */
export const pciDeviceAttributes = {
  id: computed(string, "`vvvv:dddd`, vendor and device id."),
  class: computed(string, "PCI class, four hex digits."),
  name: computed(string, "Vendor and device in words."),
  driver: computed(string, "The driver that holds it; empty for none."),
  iommu_group: computed(string, "IOMMU group; empty without one."),
  critical: computed(list(string), "What of the host depends on it."),
} as const;

export const pciDevicesSchema = resource({
  typeName: "passthrough_pci_devices",
  version: 0,
  description: "The PCI devices of a host, by address.",
  attributes: {
    id: computed(string, "The host's name."),
    host: required(string, "Name of the host in the provider's `hosts`."),
    address: optional(string, "Only this slot or function."),
    device_id: optional(string, "Only devices of this `vvvv:dddd`."),
    class: optional(string, "Only devices of this class: two or four hex digits."),
    devices: computed(mapOf(pciDeviceAttributes), "The devices, by address."),
    iommu: computed(bool, "The IOMMU is on."),
  },
});

export type PciDevicesState = StateOf<typeof pciDevicesSchema.attributes>;
