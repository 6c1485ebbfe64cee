import {
  bool,
  computed,
  list,
  mapOf,
  object,
  optional,
  required,
  resource,
  string,
  type StateOf,
} from "./attribute";
import { selectorAttributes } from "./selector";

/** What one PCI device of a host looks like. */
export const pciDeviceAttributes = {
  id: computed(string, "`vvvv:dddd`, vendor and device id."),
  class: computed(string, "PCI class, four hex digits."),
  subsystem: computed(string, "`vvvv:dddd`, subsystem vendor and device id."),
  name: computed(string, "Vendor and device in words."),
  serial: computed(string, "Serial number of the card, or of the NVMe drive; empty where it shows none."),
  macs: computed(list(string), "Permanent MAC addresses of its ports."),
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
    select: optional(
      object(selectorAttributes),
      "Only what this selects, however many cards unless it says how many. Default: every device.",
    ),
    address: computed(
      string,
      "What `select` found: the slots of which it is every function, else the functions, joined by `;`; empty without `select`.",
    ),
    devices: computed(mapOf(pciDeviceAttributes), "The devices, by address."),
    iommu: computed(bool, "The IOMMU is on."),
  },
});

export type PciDevicesState = StateOf<typeof pciDevicesSchema.attributes>;
