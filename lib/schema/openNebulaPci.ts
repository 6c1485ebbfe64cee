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

/** What one OpenNebula host lists instead of what all do. */
export const openNebulaHostFilterAttributes = {
  filter: optional(list(string), "PCI_FILTER: patterns `vendor:device[:class]` as `lspci -d` takes them."),
  short_address: optional(list(string), "PCI_SHORT_ADDRESS: only these functions, `bb:dd.f`."),
  device_name: optional(list(string), "PCI_DEVICE_NAME: only devices whose name matches one of these."),
  devices: optional(map(string), "Functions of the host that must be listed: `vvvv:dddd` by address."),
} as const;

export const openNebulaPciSchema = resource({
  typeName: "passthrough_opennebula_pci",
  version: 0,
  description: "Which PCI devices the hosts of an OpenNebula front end list, for its VMs to ask for.",
  attributes: {
    id: computed(string, "The front end's name."),
    host: required(string, "Name of the front end in the provider's `hosts`."),
    filter: optional(
      list(string),
      "`:filter` of pci.conf: patterns `vendor:device[:class]`; not ours if not set.",
    ),
    short_address: optional(list(string), "`:short_address` of pci.conf; not ours if not set."),
    device_name: optional(
      list(string),
      "`:device_name` of pci.conf: regular expressions; not ours if not set.",
    ),
    hosts: optional(mapOf(openNebulaHostFilterAttributes), "By name or id of an OpenNebula host."),
    wait: optional(number, "Seconds to wait until the hosts list what is declared. Default 120."),
    settings: computed(
      map(string),
      "Our settings in OpenNebula's own words, by where they stand: a key of pci.conf, an attribute of a host.",
    ),
    previous: computed(
      map(string),
      "What settings of ours were before, for a destroy to give back; absent ones were not set.",
    ),
    pending: computed(list(string), "Commands of an earlier, interrupted change that must still run."),
    missing: computed(list(string), "What is declared and no host lists, in words."),
    machine_id: computed(string, "The front end's machine-id."),
    assumed: computed(bool, "The front end was not reached; this is what the state remembers."),
  },
});

export type OpenNebulaHostFilter = StateOf<typeof openNebulaHostFilterAttributes>;
export type OpenNebulaPciState = StateOf<typeof openNebulaPciSchema.attributes>;
