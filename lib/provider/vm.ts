import { ovirt } from "../hypervisors/ovirt/ovirt";
import { proxmox } from "../hypervisors/proxmox/proxmox";
import { hypervisors } from "../hypervisors/registry";
import type { HostFacts } from "../model/facts";
import type { Diagnostic, PrivateState, ResourceType, Values } from "../plugin/types";
import { notTaken, takenBy, vmSchema, type HypervisorTakes, type NotTaken, type VmState } from "../schema";
import { failure } from "./diagnostics";
import { hostPlace } from "./hostPlace";
import type { Hosts } from "./hosts";
import { importedState } from "./importId";
import { hasUnknown, typed } from "./values";
import { vmLife, type VmLife } from "./vmLife";

/** By hypervisor. */
const lives: Readonly<Record<string, VmLife>> = {
  ...Object.fromEntries(
    Object.entries(hypervisors).map(([name, hypervisor]) => [name, vmLife(hypervisor, hostPlace)]),
  ),
  [ovirt.name]: vmLife(ovirt, (hosts) => hosts.engines),
};

const anyHosts = vmLife(proxmox, hostPlace);

export const vm: ResourceType<Hosts> = {
  schema: vmSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const declared = typed<VmState>(config);
    const life = lives[declared.hypervisor ?? ""];
    const takes = takenBy(declared.hypervisor ?? "");
    if (!life || !takes) return [unknownHypervisor(declared)];
    const foreign = notTaken(takes, declared);
    if (foreign.length > 0) return foreign.map((found) => notTakenBy(takes, declared, found));
    return life.validate(declared);
  },

  async read(request, hosts, signal) {
    const hypervisor = await hypervisorOf(request, hosts, signal);
    // A host that is not seen is remembered in the same way whatever runs its VMs.
    if (hypervisor === null) return anyHosts.read(request, hosts, signal);
    const known = { ...request, state: { ...request.state, hypervisor } };
    return lifeOf(known.state).read(known, hosts, signal);
  },

  async plan(request, hosts, signal) {
    const { proposed, private: kept } = request;
    if (proposed === null) return { planned: null, private: kept };
    const isKnown = !hasUnknown(proposed["hypervisor"]);
    return (isKnown ? lifeOf(proposed) : anyHosts).plan(request, hosts, signal);
  },

  async apply(request, hosts, signal) {
    return lifeOf(request.planned ?? request.prior ?? {}).apply(request, hosts, signal);
  },

  import(id) {
    const state = importedState(id, ["host", "vm_id"], vmSchema.attributes);
    return Promise.resolve({ state });
  },
};

function lifeOf(values: Values): VmLife {
  const declared = typed<VmState>(values);
  const life = lives[declared.hypervisor ?? ""];
  if (!life) throw new Error(unknownHypervisor(declared).summary);
  return life;
}

/** After an import by `host/vm id`, an engine is known by its name, and a host that is seen tells what has the VM. */
async function hypervisorOf(
  { state: values, private: kept }: { state: Values; private: PrivateState },
  hosts: Hosts,
  signal: AbortSignal,
): Promise<string | null> {
  const state = typed<VmState>(values);
  if (state.hypervisor !== null) return state.hypervisor;
  const name = state.host ?? "";
  if (hosts.engines.has(name)) return ovirt.name;
  const sight = await hosts.look(name, kept["connection"], signal);
  return sight.kind === "seen" ? hypervisorThatHas(state, sight.facts) : null;
}

function hypervisorThatHas({ host, vm_id }: VmState, facts: HostFacts): string {
  const present = Object.values(hypervisors).filter((hypervisor) => hypervisor.isOn(facts));
  const found =
    present.find((hypervisor) => hypervisor.observe(facts, vm_id ?? "", {}) !== null) ?? present[0];
  if (found) return found.name;
  throw new Error(
    `${host ?? ""} runs no hypervisor that is known: ${Object.keys(hypervisors).join(", ")}. Name the host that runs VM ${vm_id ?? ""}.`,
  );
}

function unknownHypervisor({ hypervisor }: VmState): Diagnostic {
  return failure(
    `Unknown hypervisor ${hypervisor ?? ""}; known: ${Object.keys(lives).join(", ")}`,
    undefined,
    ["hypervisor"],
  );
}

function notTakenBy(
  { title }: HypervisorTakes,
  { vm_id }: VmState,
  { path, kind, expected }: NotTaken,
): Diagnostic {
  const name = path.at(-1) ?? "";
  return kind === "slot"
    ? failure(
        `${title} has no slot ${JSON.stringify(name)}`,
        `VM ${vm_id ?? ""} declares it. Expected ${expected.join()}.`,
        path,
      )
    : failure(
        `${title} has no ${name}`,
        `VM ${vm_id ?? ""} declares ${path.join(".")}. It takes ${expected.join(", ")}; leave ${name} out.`,
        path,
      );
}
