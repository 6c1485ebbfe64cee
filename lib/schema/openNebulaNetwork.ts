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

/** Addresses that a network gives to its NICs. */
const addressRangeAttributes = {
  size: required(number, "How many addresses."),
  ip: optional(string, "The first IPv4 address; none are given if not set."),
  mac: optional(string, "The first MAC address; OpenNebula chooses if not set."),
  global_prefix: optional(string, "IPv6 prefix; no IPv6 addresses are given if not set."),
} as const;

export const openNebulaNetworkSchema = resource({
  typeName: "passthrough_opennebula_network",
  version: 0,
  description: "A virtual network of an OpenNebula front end for NICs that are passed through.",
  attributes: {
    id: computed(string, "`host/name`."),
    host: required(string, "Name of the front end in the provider's `hosts`."),
    name: required(string, "Name of the network, as VMs name it."),
    driver: optional(string, "VN_MAD: `dummy` or `802.1Q`. Default `dummy`."),
    bridge: optional(
      string,
      "BRIDGE: OpenNebula wants a word there, which passed-through NICs never use. Default `passthrough`.",
    ),
    physical_device: optional(string, "PHYDEV; not ours if not set."),
    vlan_id: optional(number, "VLAN_ID, from 1 to 4094; only with `802.1Q`. Not ours if not set."),
    ranges: optional(
      mapOf(addressRangeAttributes),
      "Address ranges, by a name of the author's; they come with the network, and another one replaces it.",
    ),
    users: optional(
      list(string),
      "Ids or names of the VMs of this stack that name it; they are changed before it goes.",
    ),
    settings: computed(
      map(string),
      "Our settings in OpenNebula's own words, by attribute; a range by `AR <name>`.",
    ),
    created: computed(bool, "This resource made the network, so its destroy removes it."),
    machine_id: computed(string, "The front end's machine-id."),
    assumed: computed(bool, "The front end was not reached; this is what the state remembers."),
  },
});

export type OpenNebulaNetworkState = StateOf<typeof openNebulaNetworkSchema.attributes>;
