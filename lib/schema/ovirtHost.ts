import { bool, computed, list, optional, required, resource, string, type StateOf } from "./attribute";

export const ovirtHostSchema = resource({
  typeName: "passthrough_ovirt_host",
  version: 0,
  description:
    "The kernel parameters that an oVirt engine writes to one of its hosts, kept in step with those of the host itself.",
  attributes: {
    id: computed(string, "`engine/name`."),
    engine: required(string, "Name of the engine in the provider's `engines`."),
    name: required(string, "Name or id of the host at the engine."),
    kernel_parameters: optional(list(string), "Kernel parameters that the host has, such as `iommu=pt`."),
    iommu: optional(bool, "The host has the parameter that its CPU needs for the IOMMU. Default true."),
    parameters: computed(list(string), "Those of them that the engine's own line says too."),
    owned: computed(
      list(string),
      "Parameters in the engine's line that we added, for a destroy to take out.",
    ),
    machine_id: computed(string, "The engine's instance id and the host's id."),
    assumed: computed(bool, "The engine was not reached; this is what the state remembers."),
  },
});

export type OvirtHostState = StateOf<typeof ovirtHostSchema.attributes>;
