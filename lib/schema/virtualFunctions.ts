import {
  bool,
  computed,
  list,
  map,
  mapOf,
  number,
  optional,
  required,
  resource,
  string,
  type StateOf,
} from "./attribute";

/** What the network card keeps for one virtual function. */
export const functionSettingsAttributes = {
  mac: optional(
    string,
    "MAC address. Default: one made of machine, place and number, the same at every boot.",
  ),
  vlan: optional(number, "VLAN that the card tags, 1 to 4094; 0 for none. Default 0."),
  trust: optional(bool, "The guest may change its MAC address and listen to others'. Default false."),
  spoof_check: optional(bool, "The card drops what is not sent from its own MAC address. Default true."),
} as const;

/** What one virtual function looks like on the host. */
export const virtualFunctionAttributes = {
  device: computed(string, "Its number."),
  id: computed(string, "`vvvv:dddd`, vendor and device id."),
  driver: computed(string, "The driver that holds it now; empty for none."),
  mac: computed(string, "MAC address that the card keeps for it; null where it keeps none."),
  vlan: computed(number, "VLAN that the card tags; 0 for none."),
  trust: computed(bool, "The guest may change its MAC address and listen to others'."),
  spoof_check: computed(bool, "The card drops what is not sent from its own MAC address."),
} as const;

export const virtualFunctionsSchema = resource({
  typeName: "passthrough_virtual_functions",
  version: 0,
  description:
    "The virtual functions (SR-IOV) of one physical function, made at every boot and held by vfio-pci.",
  attributes: {
    id: computed(string, "`host/name`."),
    host: required(string, "Name of the host in the provider's `hosts`."),
    name: required(string, "Name of the functions, unique on their host."),
    of: required(string, "Address of the physical function, `dddd:bb:dd.f`."),
    function_count: required(number, "How many, at least 1."),
    settings: optional(
      mapOf(functionSettingsAttributes),
      "What the network card keeps for each, by its number.",
    ),
    allow_critical: optional(
      list(string),
      "PCI addresses the author lets a new count interrupt although the host needs them.",
    ),
    users: optional(list(string), "Ids of the VMs of this stack that get one; they are changed after it."),
    addresses: computed(map(string), "Address of each function, by its number."),
    functions: computed(mapOf(virtualFunctionAttributes), "Every function, by address."),
    iommu_groups: computed(map(string), "IOMMU group by function address."),
    files: computed(map(string), "What makes them at every boot, by file."),
    machine_id: computed(string, "The host's machine-id."),
    assumed: computed(bool, "The host was not reached; this is what the state remembers."),
  },
});

export type FunctionSettingsState = StateOf<typeof functionSettingsAttributes>;
export type VirtualFunctionState = StateOf<typeof virtualFunctionAttributes>;
export type VirtualFunctionsState = StateOf<typeof virtualFunctionsSchema.attributes>;
