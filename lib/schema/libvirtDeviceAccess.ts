import { bool, computed, list, map, required, resource, string, type StateOf } from "./attribute";

export const libvirtDeviceAccessSchema = resource({
  typeName: "passthrough_libvirt_device_access",
  version: 0,
  description: "Nodes of IOMMU groups in the cgroup_device_acl of a host's libvirt.",
  attributes: {
    id: computed(string, "The host's name."),
    host: required(string, "Name of the host in the provider's `hosts`."),
    groups: required(map(string), "IOMMU group by address of a function that is passed through."),
    nodes: computed(list(string), "Their nodes that stand in the list."),
    previous: computed(list(string), "Those that stood there before, which a destroy leaves."),
    pending: computed(list(string), "Commands of an earlier, interrupted change that must still run."),
    machine_id: computed(string, "The host's machine-id."),
    assumed: computed(bool, "The host was not reached; this is what the state remembers."),
  },
});

export type LibvirtDeviceAccessState = StateOf<typeof libvirtDeviceAccessSchema.attributes>;
