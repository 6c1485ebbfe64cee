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
import { selectorAttributes } from "./selector";

/** What one function of a bound device looks like on the host. */
export const boundFunctionAttributes = {
  device: computed(string, "Key of the declared device that selected it."),
  id: computed(string, "`vvvv:dddd`, vendor and device id."),
  class: computed(string, "PCI class, four hex digits."),
  name: computed(string, "Vendor and device in words."),
  driver: computed(string, "The driver that holds it now; empty for none."),
  host_driver: computed(string, "The driver that gets it back; empty where none is known."),
} as const;

export const vfioBindingSchema = resource({
  typeName: "passthrough_vfio_binding",
  version: 0,
  description: "PCI devices of one host held by vfio-pci.",
  attributes: {
    id: computed(string, "`host/name`."),
    host: required(string, "Name of the host in the provider's `hosts`."),
    name: required(string, "Name of the binding, unique on its host."),
    devices: required(mapOf(selectorAttributes), "The devices to bind, by a name of the author's."),
    allow_critical: optional(
      list(string),
      "PCI addresses the author hands over although the host needs them.",
    ),
    live_rebind: optional(bool, "Also rebind display devices without a reboot. Default false."),
    addresses: computed(
      map(string),
      "Address by device key: the slot, or the function; several joined by `;`.",
    ),
    functions: computed(mapOf(boundFunctionAttributes), "Every bound function, by address."),
    iommu_groups: computed(map(string), "IOMMU group by function address."),
    machine_id: computed(string, "The host's machine-id."),
    assumed: computed(bool, "The host was not reached; this is what the state remembers."),
  },
});

export type BoundFunction = StateOf<typeof boundFunctionAttributes>;
export type VfioBindingState = StateOf<typeof vfioBindingSchema.attributes>;
