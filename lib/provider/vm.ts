import { hypervisors } from "../hypervisors/registry";
import {
  untouched,
  type Hypervisor,
  type Problem,
  type VmDeclaration,
  type VmRecord,
} from "../hypervisors/types";
import { wroteNothing } from "../model/change";
import type { HostFacts } from "../model/facts";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { notTaken, takenBy, vmSchema, type HypervisorTakes, type NotTaken, type VmState } from "../schema";
import { failure, warning } from "./diagnostics";
import { changeAndRead, changeFailure, checkMachine, keep, refresh } from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

const inputs = [
  "host",
  "hypervisor",
  "vm_id",
  "pci",
  "usb",
  "machine",
  "cpu",
  "bios",
  "vga",
  "boot_order",
  "restart",
  "peers",
  "provided",
] as const satisfies readonly (keyof VmState)[];

export const vm: ResourceType<Hosts> = {
  schema: vmSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const declared = typed<VmState>(config);
    const hypervisor = hypervisors[declared.hypervisor ?? ""];
    const takes = takenBy(declared.hypervisor ?? "");
    if (!hypervisor || !takes) return [unknownHypervisor(declared)];
    const foreign = notTaken(takes, declared);
    if (foreign.length > 0) return foreign.map((found) => notTakenBy(takes, declared, found));
    return hypervisor.validate(declarationOf(declared)).map(diagnosticsOf(declared));
  },

  read: (request, hosts, signal) =>
    refresh<VmState>(request, hosts, signal, (remembered, sight) => {
      const state = {
        ...remembered,
        hypervisor: remembered.hypervisor ?? hypervisorThatHas(remembered, sight.facts),
      };
      const record = recordOf(request.private);
      const read = readBack(state, sight.facts, record.written);
      return { state: read === null ? null : untyped(read), private: keepVm(sight, record) };
    }),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<VmState>(prior);
    if (proposed === null || config === null) return { planned: null, private: kept };
    const next = typed<Planned<VmState>>(proposed);
    const id =
      next.host === UNKNOWN || next.vm_id === UNKNOWN ? UNKNOWN : `${next.host ?? ""}/${next.vm_id ?? ""}`;
    const undecided: Planned<VmState> = {
      ...next,
      id,
      settings: UNKNOWN,
      previous: UNKNOWN,
      restart_pending: UNKNOWN,
      node: UNKNOWN,
      machine_id: UNKNOWN,
      assumed: false,
    };
    if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };

    const declared = typed<VmState>(proposed);
    const hypervisor = hypervisorOf(declared);
    const settings = { ...hypervisor.desired(declarationOf(declared)) };
    const changed = before === null || inputsChanged(inputs, before, next);
    if (before !== null && !changed && same(before.settings, settings))
      return { planned: prior, private: kept };

    const name = declared.host ?? "";
    const sight = changed ? await hosts.look(name, kept["connection"], signal) : null;
    const diagnostics: Diagnostic[] = sight?.kind === "assumed" ? [sight.notice] : [];
    if (sight?.kind === "seen") {
      diagnostics.push(
        ...hypervisor
          .problems(requestOf(declared, sight.facts, recordOf(kept)), "plan")
          .map(diagnosticsOf(declared)),
      );
    }
    const replaced = before !== null && (before.host !== declared.host || before.vm_id !== declared.vm_id);
    return {
      // Where the VM is and what it runs with may change until the apply; what is configured then is ours to say.
      planned: untyped<Planned<VmState>>({
        ...undecided,
        settings,
        machine_id: before?.machine_id ?? UNKNOWN,
        assumed: before === null ? assumedIn(sight) : false,
      }),
      private: kept,
      requiresReplace: replaced ? [["host"], ["vm_id"]] : [],
      diagnostics,
    };
  },

  async apply({ prior, planned, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<VmState>(prior);
    const target = planned === null ? null : typed<VmState>(planned);
    const name = target?.host ?? before?.host ?? "";
    return hosts.alone(name, kept["connection"], signal, (sight) => {
      checkMachine(name, before?.machine_id ?? null, sight.facts);
      return change(before, target, sight, kept, signal);
    });
  },

  import(id) {
    const state = importedState(id, ["host", "vm_id"], vmSchema.attributes);
    return Promise.resolve({ state });
  },
};

async function change(
  before: VmState | null,
  target: VmState | null,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const declared = target ?? before;
  if (declared === null) return { state: null, private: kept };
  const hypervisor = hypervisorOf(declared);
  const label = `VM ${declared.vm_id ?? ""} on ${declared.host ?? ""}`;
  const request = {
    ...requestOf(declared, sight.facts, recordOf(kept, before)),
    ...(target === null ? { declaration: null } : {}),
  };
  const stays = (diagnostics: Diagnostic[]): ApplyResult => ({
    state: before === null ? null : untyped(before),
    private: kept,
    diagnostics,
  });
  // A VM that is gone has nothing of ours any more.
  if (target === null && hypervisor.observe(sight.facts, declared.vm_id ?? "", {}) === null)
    return { state: null, private: kept };

  const problems = hypervisor.problems(request, "apply").map(diagnosticsOf(declared));
  if (problems.some(({ severity }) => severity === "error")) return stays(problems);
  const edited = before === null ? [] : hypervisor.changedSince(request, before.settings ?? {});
  if (edited.length > 0) {
    const words = edited.map(
      ({ key, before: was, after: is }) => `${key} was ${was ?? "not set"} and is ${is ?? "not set"}`,
    );
    return stays([
      failure(`${label} changed since the plan`, `${words.join("; ")}. Nothing was touched. Plan again.`, [
        "settings",
      ]),
    ]);
  }

  const planned = hypervisor.change(request);
  const work = {
    purpose: target === null ? `give ${label} back` : `configure ${label}`,
    machineId: sight.facts.machineId,
    steps: planned.steps,
  };
  const { outcome, facts } = await changeAndRead(sight, work, signal);
  const failed = outcome.ok ? [] : [changeFailure(declared.host ?? "", work, outcome)];
  if (target === null && outcome.ok) return { state: null, private: kept };
  if (facts === null || wroteNothing(outcome)) return stays(failed);

  const written = hypervisor.recordAfter(request, planned, facts);
  // Nothing of ours came about: in the state it would be tainted, and with it the base for a destroy lost.
  if (before === null && !outcome.ok && Object.keys(written.written).length === 0) return stays(failed);
  const read = readBack(
    { ...declared, previous: withoutNull(written.base), assumed: false },
    facts,
    written.written,
  );
  return {
    state: read === null ? null : untyped(read),
    private: keepVm({ ...sight, facts }, written),
    diagnostics: failed,
  };
}

/** The VM's settings of ours as they are configured now; null where the host has no such VM any more. */
function readBack(
  state: VmState,
  facts: HostFacts,
  written: Readonly<Record<string, string>>,
): VmState | null {
  const name = state.host ?? "";
  const declared = declarationOf(state);
  const wanted = { ...written, ...hypervisorOf(state).desired(declared) };
  const view = hypervisorOf(state).observe(facts, declared.vmId, wanted);
  if (view === null) return null;
  return {
    ...state,
    id: `${name}/${declared.vmId}`,
    settings: { ...view.settings },
    restart_pending: view.restartPending,
    node: view.node,
    machine_id: facts.machineId,
    assumed: false,
  };
}

function keepVm(sight: Seen, record: VmRecord): PrivateState {
  return { ...keep(sight), record };
}

/** Of a tainted VM, Terraform hands over no private state: then `before` tells what is ours. */
function recordOf(kept: PrivateState, before: VmState | null = null): VmRecord {
  const record = kept["record"] as VmRecord | undefined;
  if (record !== undefined) return record;
  const { previous = null, settings } = before ?? {};
  if (previous === null) return untouched;
  const written = settings ?? {};
  const base = Object.keys(written).map((key) => [key, previous[key] ?? null] as const);
  return { base: Object.fromEntries(base), written };
}

function withoutNull(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

function requestOf(declared: VmState, facts: HostFacts, record: VmRecord) {
  return {
    host: declared.host ?? "",
    facts,
    vmId: declared.vm_id ?? "",
    declaration: declarationOf(declared),
    record,
  };
}

function hypervisorOf(declared: VmState): Hypervisor {
  const hypervisor = hypervisors[declared.hypervisor ?? ""];
  if (!hypervisor) throw new Error(unknownHypervisor(declared).summary);
  return hypervisor;
}

/** After an import by `host/vm id`, the host tells which of its hypervisors has the VM. */
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
    `Unknown hypervisor ${hypervisor ?? ""}; known: ${Object.keys(hypervisors).join(", ")}`,
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

function diagnosticsOf(declared: VmState): (problem: Problem) => Diagnostic {
  return ({ severity, key, summary, detail }) =>
    (severity === "error" ? failure : warning)(
      summary,
      detail,
      key === undefined ? undefined : pathOf(declared, key),
    );
}

/** Where a setting of the hypervisor stands in the configuration. */
function pathOf({ pci, usb }: VmState, key: string): string[] {
  const slots = Object.entries({ pci, usb }).find(([, named]) => Object.hasOwn(named ?? {}, key));
  return slots ? [slots[0], key] : [key === "boot" ? "boot_order" : key];
}

function declarationOf(state: VmState): VmDeclaration {
  return {
    vmId: state.vm_id ?? "",
    pci: state.pci ?? {},
    usb: state.usb ?? {},
    machine: state.machine,
    cpu: state.cpu,
    bios: state.bios,
    vga: state.vga,
    bootOrder: state.boot_order,
    restart: state.restart ?? false,
    peers: state.peers ?? [],
    provided: state.provided ?? [],
  };
}
