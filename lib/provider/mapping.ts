import {
  mappingChange,
  mappingProblems,
  mappingRecordAfter,
  mappingSatisfies,
  nodesWithout,
  observedMapping,
  usersOf,
  type MappingOptions,
  type MappingRequest,
} from "../hypervisors/proxmox/mappingChange";
import { parseMapping } from "../hypervisors/proxmox/mapping";
import type { Settings, VmRecord } from "../hypervisors/types";
import { describeVm } from "../hypervisors/proxmox/virtualMachine";
import type { HostFacts, MappingKind } from "../model/facts";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { pciMappingSchema, usbMappingSchema } from "../schema";
import { changedSincePlan, stateStays } from "./applyResults";
import { failure, warning } from "./diagnostics";
import { changeAndRead, changeFailure, checkMachine, keep } from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { cluster, devicesOf, lookAll, noticeOf, seen, type MappingState, type Sights } from "./mappingHosts";
import { editedSince, inUse, malformed, strangers, taken, type VmSlotWords } from "./mappingRefusals";
import { desiredOf, plannedSettings } from "./mappingSettings";
import { recordOfWhole } from "./settingRecord";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

export const pciMapping = mapping("pci", pciMappingSchema, ["mdev", "live_migration"]);
export const usbMapping = mapping("usb", usbMappingSchema, []);

function mapping(
  kind: MappingKind,
  schema: ResourceType<Hosts>["schema"],
  more: readonly (keyof MappingState)[],
): ResourceType<Hosts> {
  const inputs = ["host", "name", "description", "devices", ...more] as const;
  const optionsOf = (state: MappingState): MappingOptions => ({
    kind,
    name: state.name ?? "",
    description: state.description,
    mdev: state.mdev ?? null,
    liveMigration: state.live_migration ?? null,
  });
  const label = (state: MappingState): string =>
    `${kind === "pci" ? "PCI" : "USB"} resource mapping ${state.name ?? ""}`;

  return {
    schema,

    validate(config) {
      if (hasUnknown(config)) return [];
      const declared = typed<MappingState>(config);
      const devices = Object.entries(devicesOf(declared));
      return [
        ...mappingProblems(optionsOf(declared)).map((words) =>
          failure(`Unable to use ${label(declared)}`, words, ["name"]),
        ),
        ...(devices.length > 0
          ? []
          : [failure(`${label(declared)} has no devices`, "Expected at least one.", ["devices"])]),
        ...devices.flatMap(([key, device]) =>
          malformed(kind, device).map((words) =>
            failure(`Unable to use device ${key} of ${label(declared)}`, words, ["devices", key]),
          ),
        ),
      ];
    },

    async read({ state: values, private: kept }, hosts, signal) {
      const state = typed<MappingState>(values);
      const sights = await lookAll(state, kept, hosts, signal);
      const notice = noticeOf(sights);
      if (notice !== null)
        return { state: { ...values, assumed: true }, private: kept, diagnostics: [notice] };
      const writer = seen(sights, state.host);
      if (writer === null) return { state: values, private: kept };
      checkMachine(state.host ?? "", state.machine_id, writer.facts);
      const found = parseMapping(
        cluster(state.host ?? "", writer.facts).mappingFiles[kind],
        state.name ?? "",
      );
      if (found === null) return { state: null, private: kept };
      const { settings, missing } = desiredOf(optionsOf(state), state, sights);
      // What cannot be told now stays as it was written.
      const record = recordOfWhole(kept, state);
      const desired = missing.length > 0 ? { ...record.written, ...settings } : settings;
      // An import: what is there already is what a destroy leaves.
      const known =
        state.machine_id === null ? { base: observedMapping(found, desired), written: {} } : record;
      return {
        state: untyped<MappingState>({
          ...state,
          id: `${state.host ?? ""}/${state.name ?? ""}`,
          settings: observedMapping(found, { ...known.written, ...desired }),
          created: state.created ?? false,
          node: cluster(state.host ?? "", writer.facts).node,
          machine_id: writer.facts.machineId,
          assumed: false,
        }),
        private: { ...keepAll(writer, sights, known), desired },
        diagnostics: missing.map((words) =>
          warning(`${label(state)} names a device that is not as declared`, words, ["devices"]),
        ),
      };
    },

    async plan({ prior, proposed, config, private: kept }, hosts, signal) {
      const before = prior === null ? null : typed<MappingState>(prior);
      if (proposed === null || config === null) {
        if (before === null) return { planned: null, private: kept };
        const sight = await hosts.look(before.host ?? "", kept["connection"], signal);
        const diagnostics =
          sight.kind === "seen"
            ? inUse(label(before), leaving(before, kept, sight), sight, before.users ?? [])
            : [];
        return { planned: null, private: kept, diagnostics };
      }
      const next = typed<Planned<MappingState>>(proposed);
      const undecided: Planned<MappingState> = {
        ...next,
        id:
          next.host === UNKNOWN || next.name === UNKNOWN ? UNKNOWN : `${next.host ?? ""}/${next.name ?? ""}`,
        settings: UNKNOWN,
        created: before?.created ?? UNKNOWN,
        node: before !== null && before.host === next.host ? before.node : UNKNOWN,
        machine_id: before !== null && before.host === next.host ? before.machine_id : UNKNOWN,
        assumed: false,
      };
      if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };

      const declared = typed<MappingState>(proposed);
      const changed = before === null || inputsChanged(inputs, before, next as Planned<MappingState>);
      const desired = kept["desired"] as Settings | undefined;
      if (!changed && same(before.settings, desired ?? before.settings)) {
        // Who uses it concerns a later destroy alone.
        return { planned: untyped({ ...before, users: next.users }), private: kept };
      }
      const sights = await lookAll(declared, kept, hosts, signal);
      const notice = noticeOf(sights);
      const writer = seen(sights, declared.host);
      const replaced = before !== null && before.name !== declared.name;
      const diagnostics = notice === null ? [] : [notice];
      if (writer !== null) {
        diagnostics.push(...strangers(declared, before, sights, writer));
        if (before === null || replaced) diagnostics.push(...taken(label(declared), declared, kind, writer));
      }
      const settings =
        notice !== null || writer === null
          ? UNKNOWN
          : plannedSettings(optionsOf(declared), declared, before, desired ?? {}, sights);
      return {
        planned: untyped<Planned<MappingState>>({
          ...undecided,
          // Single values of it may be unknown.
          settings: settings as Planned<MappingState>["settings"],
          assumed: before === null ? assumedIn(notice === null ? null : { kind: "assumed", notice }) : false,
        }),
        private: kept,
        requiresReplace: replaced ? [["name"]] : [],
        diagnostics,
      };
    },

    async apply({ prior, planned, private: kept }, hosts, signal) {
      const before = prior === null ? null : typed<MappingState>(prior);
      const target = planned === null ? null : typed<Planned<MappingState>>(planned);
      const name = ((target ?? before)?.host ?? "") as string;
      return hosts.alone(name, before?.host === name ? kept["connection"] : null, signal, (sight) =>
        change(before, target, sight, kept, hosts, signal),
      );
    },

    import(id) {
      return Promise.resolve({ state: importedState(id, ["host", "name"], schema.attributes) });
    },
  };

  /** What a destroy takes away. */
  function leaving(state: MappingState, kept: PrivateState, { facts }: Seen): readonly VmSlotWords[] {
    const request = requestOf(state, kept, facts, null);
    return losing(facts, request, mappingChange(request));
  }

  /** VMs on nodes that a change leaves without an entry. */
  function losing(
    facts: HostFacts,
    { file, options }: MappingRequest,
    { changes }: ReturnType<typeof mappingChange>,
  ): readonly VmSlotWords[] {
    const gone = nodesWithout(parseMapping(file, options.name), changes);
    return usersOf(facts, kind, options.name)
      .filter(({ vm }) => gone.includes(vm.node))
      .map(({ vm, slot }) => ({ id: vm.id, words: `${describeVm(vm)} as ${slot}` }));
  }

  function requestOf(
    state: MappingState,
    kept: PrivateState,
    facts: HostFacts,
    desired: Settings | null,
  ): MappingRequest {
    const file = cluster(state.host ?? "", facts).mappingFiles[kind];
    return { options: optionsOf(state), file, desired, record: recordOfWhole(kept, state) };
  }

  async function change(
    before: MappingState | null,
    target: Planned<MappingState> | null,
    sight: Seen,
    kept: PrivateState,
    hosts: Hosts,
    signal: AbortSignal,
  ): Promise<ApplyResult> {
    const stays = stateStays(before, kept);
    const declared = target === null ? before : typed<MappingState>(untyped(target));
    if (declared === null) return { state: null, private: kept };
    const host = declared.host ?? "";
    if (before?.host === host) checkMachine(host, before.machine_id, sight.facts);
    const title = label(declared);

    let desired: Settings | null = null;
    let sights: Sights = { [host]: sight };
    if (target !== null) {
      sights = { ...(await lookAll(declared, kept, hosts, signal)), [host]: sight };
      const unmet = noticeOf(sights);
      if (unmet !== null) return stays([failure(`Unable to write ${title}`, wordsIn(unmet))]);
      const problems = [
        ...strangers(declared, before, sights, sight),
        ...(before === null ? taken(title, declared, kind, sight) : []),
      ];
      if (problems.length > 0) return stays(problems);
      const { settings, missing } = desiredOf(optionsOf(declared), declared, sights);
      if (missing.length > 0)
        return stays([
          failure(`Unable to write ${title}`, `${missing.join("; ")}. Nothing was touched.`, ["devices"]),
        ]);
      const other = Object.entries(target.settings === UNKNOWN ? {} : (target.settings ?? {})).filter(
        ([key, text]) => isKnown(text) && !mappingSatisfies(key, settings[key] ?? null, text),
      );
      if (other.length > 0) {
        const words = other.map(([key, text]) => `${key} was ${text}, and is ${settings[key] ?? "gone"}`);
        return stays([
          failure(`${title} changed since the plan`, `${words.join("; ")}. Nothing was touched. Plan again.`),
        ]);
      }
      desired = settings;
    }
    const request = {
      ...requestOf(before ?? declared, kept, sight.facts, desired),
      options: optionsOf(declared),
    };
    const there = parseMapping(request.file, request.options.name);
    if (target === null && there === null) return { state: null, private: kept };
    const edited = before === null ? [] : editedSince(before, request, desired);
    if (edited.length > 0) return stays([changedSincePlan(title, edited)]);
    const planned = mappingChange(request);
    const used = inUse(title, losing(sight.facts, request, planned), sight, []);
    if (used.length > 0) return stays(used);

    const work = {
      purpose: `${target === null ? "give back" : "write"} ${title}`,
      machineId: sight.facts.machineId,
      steps: planned.steps,
    };
    const { outcome, facts } = await changeAndRead(sight, work, signal);
    const failed = outcome.ok ? [] : [changeFailure(host, work, outcome)];
    if (target === null && outcome.ok) return { state: null, private: kept };
    if (facts === null) return stays(failed);
    const now = parseMapping(cluster(host, facts).mappingFiles[kind], request.options.name);
    if (now === null) return target === null ? { state: null, private: kept } : stays(failed);
    // Nothing of ours came about.
    if (before === null && !outcome.ok && there !== null) return stays(failed);
    const record = outcome.ok ? planned.record : mappingRecordAfter(request.record, planned, now);
    return {
      state: untyped<MappingState>({
        ...declared,
        id: `${host}/${declared.name ?? ""}`,
        settings: observedMapping(now, { ...record.written, ...desired }),
        created: before?.created ?? there === null,
        node: cluster(host, facts).node,
        machine_id: facts.machineId,
        assumed: false,
      }),
      private: { ...keepAll({ ...sight, facts }, sights, record), desired: desired ?? record.written },
      diagnostics: failed,
    };
  }
}

function keepAll(writer: Seen, sights: Sights, record: VmRecord): PrivateState {
  const connections = Object.entries(sights).flatMap(([name, sight]) =>
    sight.kind === "seen" ? [[name, sight.connection] as const] : [],
  );
  const { connection } = keep(writer);
  return { connection, connections: Object.fromEntries(connections), record };
}

const isKnown = (value: unknown): value is string => typeof value === "string";

const wordsIn = ({ summary, detail }: Diagnostic): string => [summary, detail].filter(Boolean).join(". ");
