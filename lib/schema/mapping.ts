import {
  bool,
  computed,
  list,
  map,
  mapOf,
  optional,
  required,
  resource,
  string,
  type StateOf,
} from "./attribute";

/** One PCI device of one node. */
export const mappedPciDeviceAttributes = {
  host: required(string, "Name of the node's host in the provider's `hosts`."),
  address: required(
    string,
    "`dddd:bb:dd` (the whole slot) or `dddd:bb:dd.f`; several joined by `;` become an entry each.",
  ),
} as const;

/** One USB device of one node. */
export const mappedUsbDeviceAttributes = {
  host: required(string, "Name of the node's host in the provider's `hosts`."),
  id: required(string, "`vvvv:pppp`, vendor and product id."),
  port: optional(string, "`bus-port[.port...]` that it is plugged into; any port if not set."),
} as const;

const shared = {
  id: computed(string, "`host/name`."),
  host: required(string, "Name of the host, in the provider's `hosts`, whose `pvesh` writes it: any node."),
  name: required(string, "Name of the mapping, as VMs name it."),
  description: optional(string, "A line of text; not ours if not set."),
  users: optional(
    list(string),
    "Ids of the VMs of this stack that name it; they are changed before it goes.",
  ),
  settings: computed(
    map(string),
    "Our part of the mapping in Proxmox VE's own words: options by name, entries by `map <node> <path>`.",
  ),
  created: computed(bool, "This resource made the mapping, so its destroy removes it."),
  node: computed(string, "The cluster node that writes it."),
  machine_id: computed(string, "The machine-id of that node."),
  assumed: computed(bool, "A host was not reached; this is what the state remembers."),
} as const;

export const pciMappingSchema = resource({
  typeName: "passthrough_pci_mapping",
  version: 0,
  description: "A resource mapping of PCI devices in a Proxmox VE cluster.",
  attributes: {
    ...shared,
    devices: required(mapOf(mappedPciDeviceAttributes), "The devices, by a name of the author's."),
    mdev: optional(bool, "The devices can make mediated devices; not ours if not set."),
    live_migration: optional(
      bool,
      "VMs with it can be migrated live, which needs a driver that can; Proxmox VE 8.4 and later. Not ours if not set.",
    ),
  },
});

export const usbMappingSchema = resource({
  typeName: "passthrough_usb_mapping",
  version: 0,
  description: "A resource mapping of USB devices in a Proxmox VE cluster.",
  attributes: {
    ...shared,
    devices: required(mapOf(mappedUsbDeviceAttributes), "The devices, by a name of the author's."),
  },
});

export type PciMappingState = StateOf<typeof pciMappingSchema.attributes>;
export type UsbMappingState = StateOf<typeof usbMappingSchema.attributes>;
