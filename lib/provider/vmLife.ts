import {
  untouched,
  type Hypervisor,
  type Problem,
  type SettingChange,
  type VmDeclaration,
  type VmRecord,
} from "../hypervisors/types";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import type { VmState } from "../schema";
import { changedSincePlan, stateStays } from "./applyResults";
import { failure, warning, wordsOf } from "./diagnostics";
import type { Hosts } from "./hosts";
import { assumedIn } from "./hosts";
import type { Place, SeenPlace, Whereabouts } from "./place";
import { selectsSlots, slotSelectorProblems, withSlotsSelected, withSlotsStoodIn } from "./selectedSlots";
import { recordIn, withoutNull } from "./settingRecord";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

const inputs = [
  "host",
  "hypervisor",
  "vm_id",
  "pci",
  "pci_order",
  "usb",
  "machine",
  "cpu",
  "bios",
  "vga",
  "balloon",
  "boot_order",
  "pin_to",
  "nics",
  "create",
  "restart",
  "peers",
  "provided",
  "rom_ids",
] as const satisfies readonly (keyof VmState)[];

/** The life of a VM's resource, whichever system runs the VM and wherever that is reached. */
export type VmLife = Pick<ResourceType<Hosts>, "read" | "plan" | "apply"> & {
  validate(declared: VmState): Diagnostic[];
};

export function vmLife<F, S>(hypervisor: Hypervisor<F, S>, placeOf: (hosts: Hosts) => Place<F, S>): VmLife {
  return {
    validate: (declared) => [
      ...slotSelectorProblems(declared),
      ...hypervisor.validate(declarationOf(withSlotsStoodIn(declared))).map(diagnosticsOf(declared)),
    ],

    async read({ state: values, private: kept }, hosts, signal) {
      const state = typed<VmState>(values);
      const sight = await placeOf(hosts).look(state, kept["connection"], signal);
      if (sight.kind === "unknown") return { state: values, private: kept };
      if (sight.kind === "assumed")
        return { state: { ...values, assumed: true }, private: kept, diagnostics: [sight.notice] };
      const record = recordOf(kept);
      const slots = slotsThere(placeOf(hosts), state, sight.facts);
      const read = readBack(hypervisor, state, slots, sight, sight.facts, record.written);
      return {
        state: read === null ? null : untyped({ ...read, created: record.created !== undefined }),
        private: { ...sight.keep(sight.facts), record },
      };
    },

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
        created: before?.created ?? UNKNOWN,
        node: UNKNOWN,
        machine_id: UNKNOWN,
        assumed: false,
      };
      if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };

      const declared = typed<VmState>(proposed);
      const changed = before === null || inputsChanged(inputs, before, next);
      const replaced = before !== null && isAnother(before, declared);
      const where = { ...declared, machine_id: replaced ? null : (before?.machine_id ?? null) };
      const sight = changed ? await placeOf(hosts).look(where, kept["connection"], signal) : null;
      const diagnostics: Diagnostic[] = sight?.kind === "assumed" ? [sight.notice] : [];
      const { selectable } = placeOf(hosts);
      const from = sight?.kind === "seen" ? selectable?.seen(sight.facts) : selectable?.kept(kept);
      let named: VmState;
      try {
        // Where the devices of its host are not known, neither is what its slots select.
        if (selectsSlots(declared) && !from)
          return { planned: untyped(undecided), private: kept, diagnostics };
        named = from ? withSlotsSelected(declared, from) : declared;
      } catch (error) {
        const title = `Unable to select the devices of VM ${declared.vm_id ?? ""} on ${declared.host ?? ""}`;
        if (changed)
          return { planned: proposed, private: kept, diagnostics: [failure(title, wordsOf(error), ["pci"])] };
        return { planned: prior, private: kept, diagnostics: [warning(title, wordsOf(error))] };
      }
      const settings = { ...hypervisor.desired(declarationOf(named)) };
      if (before !== null && !changed && same(before.settings, settings))
        return { planned: prior, private: kept };
      if (sight?.kind === "seen") {
        const isNew = before === null || replaced;
        const request = { ...requestOf(named, where, sight, isNew ? untouched : recordOf(kept)), isNew };
        diagnostics.push(...hypervisor.problems(request, "plan").map(diagnosticsOf(declared)));
      }
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
      const declared = target ?? before;
      if (declared === null) return { state: null, private: kept };
      const where = { ...declared, machine_id: before?.machine_id ?? null };
      const place = placeOf(hosts);
      return place.alone(where, kept["connection"], signal, (sight) => {
        const slots = slotsThere(place, declared, sight.facts);
        return change(hypervisor, { before, target, declared, slots, where, kept }, sight, signal);
      });
    },
  };
}

/** The declaration with the devices that its slots select there; or why they select none. */
function slotsThere<F, S>(place: Place<F, S>, state: VmState, facts: F): VmState | Error {
  if (!selectsSlots(state) || place.selectable === undefined) return state;
  try {
    return withSlotsSelected(state, place.selectable.seen(facts));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function isAnother(before: VmState, declared: VmState): boolean {
  return before.host !== declared.host || before.vm_id !== declared.vm_id;
}

interface Wanted {
  readonly before: VmState | null;
  readonly target: VmState | null;
  /** Whichever of the two is there. */
  readonly declared: VmState;
  /** The same with the devices that its slots select. */
  readonly slots: VmState | Error;
  readonly where: Whereabouts;
  readonly kept: PrivateState;
}

async function change<F, S>(
  hypervisor: Hypervisor<F, S>,
  { before, target, declared, slots, where, kept }: Wanted,
  sight: SeenPlace<F, S>,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const label = `VM ${declared.vm_id ?? ""} on ${declared.host ?? ""}`;
  const stays = stateStays(before, kept);
  if (target !== null && slots instanceof Error)
    return stays([failure(`Unable to select the devices of ${label}`, slots.message, ["pci"])]);
  const named = slots instanceof Error ? declared : slots;
  const request = {
    ...requestOf(named, where, sight, recordOf(kept, before)),
    isNew: before === null,
    ...(target === null ? { declaration: null } : {}),
  };
  if (target !== null) {
    const other = otherDevices(target, hypervisor.desired(declarationOf(named)));
    if (other.length > 0) return stays([changedSincePlan(label, other)]);
  }
  // A VM that is gone has nothing of ours any more.
  if (target === null && hypervisor.observe(sight.facts, request.vmId, {}) === null)
    return { state: null, private: kept };

  const problems = hypervisor.problems(request, "apply").map(diagnosticsOf(declared));
  if (problems.some(({ severity }) => severity === "error")) return stays(problems);
  const edited = before === null ? [] : hypervisor.changedSince(request, before.settings ?? {});
  if (edited.length > 0) return stays([changedSincePlan(label, edited)]);

  const planned = hypervisor.change(request);
  const purpose = target === null ? `give ${label} back` : `configure ${label}`;
  const { failed, untouched: nothing, facts } = await sight.change(purpose, planned.steps, signal);
  if (target === null && failed.length === 0) return { state: null, private: kept };
  if (facts === null || nothing) return stays(failed);

  const written = hypervisor.recordAfter(request, planned, facts);
  // Nothing of ours came about: in the state it would be tainted, and with it the base for a destroy lost.
  const nothingWritten = Object.keys(written.written).length === 0 && written.created === undefined;
  if (before === null && failed.length > 0 && nothingWritten) return stays(failed);
  const read = readBack(
    hypervisor,
    {
      ...declared,
      machine_id: where.machine_id,
      previous: withoutNull(written.base),
      assumed: false,
    },
    named,
    sight,
    facts,
    written.written,
  );
  return {
    state: read === null ? null : untyped({ ...read, created: written.created !== undefined }),
    private: { ...sight.keep(facts), record: written },
    diagnostics: failed,
  };
}

/** Slots that select another device by now than the plan showed. */
function otherDevices(target: VmState, desired: Readonly<Record<string, string>>): SettingChange[] {
  const planned = target as Planned<VmState>;
  if (!selectsSlots(target) || planned.settings === UNKNOWN || planned.settings === null) return [];
  return Object.entries(planned.settings).flatMap(([key, before]) =>
    desired[key] === before ? [] : [{ key, before, after: desired[key] ?? null }],
  );
}

/** The VM's settings of ours as they are configured now; null where there is no such VM any more. */
function readBack<F, S>(
  hypervisor: Hypervisor<F, S>,
  state: VmState,
  slots: VmState | Error,
  sight: SeenPlace<F, S>,
  facts: F,
  written: Readonly<Record<string, string>>,
): VmState | null {
  const vmId = sight.known(state);
  const desired = slots instanceof Error ? {} : hypervisor.desired(declarationOf(slots));
  const wanted = { ...written, ...desired };
  const view = hypervisor.observe(facts, vmId, wanted);
  if (view === null) return null;
  return {
    ...state,
    id: `${state.host ?? ""}/${state.vm_id ?? ""}`,
    settings: { ...view.settings },
    restart_pending: view.restartPending,
    node: view.node,
    machine_id: sight.identity(vmId, facts),
    assumed: false,
  };
}

/** The record of a VM, which also tells whether we made it. */
function recordOf(kept: PrivateState, before: VmState | null = null): VmRecord {
  const record = recordIn(kept, before);
  if (kept["record"] !== undefined || before?.created !== true || before.previous === null) return record;
  return { ...record, created: before.create?.delete_on_destroy ? "delete" : "keep" };
}

function requestOf<F, S>(declared: VmState, where: Whereabouts, sight: SeenPlace<F, S>, record: VmRecord) {
  return {
    host: declared.host ?? "",
    facts: sight.facts,
    vmId: sight.known(where),
    declaration: declarationOf(declared),
    record,
  };
}

function diagnosticsOf(declared: VmState): (problem: Problem) => Diagnostic {
  return ({ severity, key, summary, detail }) =>
    (severity === "error" ? failure : warning)(
      summary,
      detail,
      key === undefined ? undefined : pathOf(declared, key),
    );
}

/** Settings that the hypervisors call otherwise than the declaration does. */
const attributeOf: Readonly<Record<string, string>> = { boot: "boot_order", placement_policy: "pin_to" };

/** Where a setting of the hypervisor stands in the configuration. */
function pathOf({ pci, usb, nics }: VmState, key: string): string[] {
  const slots = Object.entries({ pci, usb }).find(([, named]) => Object.hasOwn(named ?? {}, key));
  if (slots) return [slots[0], key];
  const nic = Object.keys(nics ?? {}).find((name) => [name, `nics.${name}`].includes(key));
  return nic === undefined ? [attributeOf[key] ?? key] : ["nics", nic];
}

function declarationOf(state: VmState): VmDeclaration {
  return {
    vmId: state.vm_id ?? "",
    pci: state.pci ?? {},
    pciOrder: state.pci_order,
    usb: state.usb ?? {},
    machine: state.machine,
    cpu: state.cpu,
    bios: state.bios,
    vga: state.vga,
    balloon: state.balloon,
    bootOrder: state.boot_order,
    pinTo: state.pin_to,
    nics: state.nics ?? {},
    create: state.create,
    restart: state.restart ?? false,
    peers: state.peers ?? [],
    provided: state.provided ?? [],
    romIds: state.rom_ids ?? {},
  };
}
