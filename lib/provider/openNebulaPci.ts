import { setTimeout as pause } from "node:timers/promises";
import {
  filterProblems,
  type PciFilterDeclaration,
  type Selection,
} from "../hypervisors/opennebula/filterDeclaration";
import { desiredFilter } from "../hypervisors/opennebula/filterDeclaration";
import {
  filterChange,
  filterChangedSince,
  filterRecordAfter,
  missingDevices,
  observeFilter,
  unknownHosts,
} from "../hypervisors/opennebula/pciFilter";
import type { VmRecord } from "../hypervisors/types";
import { wroteNothing } from "../model/change";
import type { HostFacts } from "../model/facts";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { openNebulaPciSchema, type OpenNebulaPciState } from "../schema";
import { changedSincePlan, stateStays } from "./applyResults";
import { failure, warning } from "./diagnostics";
import { applyAlone, changeAndRead, changeFailure, keep, refresh } from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { recordIn, withoutNull } from "./settingRecord";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

type State = OpenNebulaPciState;

const inputs = [
  "host",
  "filter",
  "short_address",
  "device_name",
  "hosts",
] as const satisfies readonly (keyof State)[];

/** Seconds that the hosts get to list what is declared. */
const defaultWait = 120;

export const openNebulaPci: ResourceType<Hosts> = {
  schema: openNebulaPciSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const declared = typed<State>(config);
    return filterProblems(declarationOf(declared)).map(({ path, detail }) =>
      failure(`Unable to use ${path.join(".")} of ${declared.host ?? ""}`, detail, path),
    );
  },

  read: (request, hosts, signal) =>
    refresh<State>(request, hosts, signal, (state, sight) => {
      const record = recordIn(request.private);
      const read = readBack(state, sight.facts, record);
      return {
        state: untyped(read),
        private: { ...keep(sight), record },
        diagnostics: missingWarning(read),
      };
    }),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<State>(prior);
    if (proposed === null || config === null) return { planned: null, private: kept };
    const next = typed<Planned<State>>(proposed);
    const undecided: Planned<State> = {
      ...next,
      id: next.host,
      ...{ settings: UNKNOWN, previous: UNKNOWN, missing: UNKNOWN, machine_id: UNKNOWN },
      ...{ pending: [], assumed: false },
    };
    if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };

    const declared = typed<State>(proposed);
    const declaration = declarationOf(declared);
    const settings = { ...desiredFilter(declaration) };
    const changed = before === null || inputsChanged(inputs, before, next);
    const stands = before !== null && same(before.settings, settings) && (before.pending ?? []).length === 0;
    if (!changed && stands) {
      const planned: Planned<State> = { ...before, wait: next.wait };
      return { planned: untyped(planned), private: kept };
    }
    const name = declared.host ?? "";
    const sight = changed ? await hosts.look(name, kept["connection"], signal) : null;
    return {
      planned: untyped<Planned<State>>({
        ...undecided,
        settings,
        machine_id: before?.machine_id ?? UNKNOWN,
        assumed: before === null ? assumedIn(sight) : false,
      }),
      private: kept,
      requiresReplace: before !== null && before.host !== declared.host ? [["host"]] : [],
      diagnostics:
        sight?.kind === "assumed"
          ? [sight.notice]
          : sight?.kind === "seen"
            ? absentHosts(sight.facts, name, declaration)
            : [],
    };
  },

  apply: (request, hosts, signal) =>
    applyAlone<State>(request, hosts, signal, (_name, before, target, sight) =>
      change(before, target && typed(untyped(target)), sight, request.private, signal),
    ),

  import: (id) => Promise.resolve({ state: importedState(id, ["host"], openNebulaPciSchema.attributes) }),
};

async function change(
  before: State | null,
  target: State | null,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const declared = target ?? before;
  if (declared === null) return { state: null, private: kept };
  const host = declared.host ?? "";
  const declaration = target && declarationOf(target);
  const request = { host, facts: sight.facts, declaration, record: recordIn(kept, before) };
  const stays = stateStays(before, kept);
  const absent = declaration ? absentHosts(sight.facts, host, declaration) : [];
  if (absent.length > 0) return stays(absent);
  const edited = before === null ? [] : filterChangedSince(request, before.settings ?? {});
  if (edited.length > 0) return stays([changedSincePlan(`The PCI monitoring of ${host}`, edited)]);

  const planned = filterChange(request);
  const work = {
    purpose:
      target === null ? `give the PCI monitoring of ${host} back` : `configure the PCI monitoring of ${host}`,
    machineId: sight.facts.machineId,
    steps: planned.steps,
  };
  const { outcome, facts } = await changeAndRead(sight, work, signal);
  const failed = outcome.ok ? [] : [changeFailure(host, work, outcome)];
  if (target === null && outcome.ok) return { state: null, private: kept };
  if (facts === null || wroteNothing(outcome)) return stays(failed);

  const record = filterRecordAfter(request, planned, facts);
  if (before === null && !outcome.ok && Object.keys(record.written).length === 0) return stays(failed);
  const listed = target && outcome.ok ? await untilListed(target, { ...sight, facts }, signal) : facts;
  const read = readBack({ ...declared, previous: withoutNull(record.base) }, listed, record);
  return {
    state: untyped(read),
    private: { ...keep(sight, listed), record },
    diagnostics: [...failed, ...missingWarning(read)],
  };
}

/** The facts once the hosts' monitoring lists everything that is declared, or when the time for it is over. */
async function untilListed(target: State, sight: Seen, signal: AbortSignal): Promise<HostFacts> {
  const declaration = declarationOf(target);
  const end = performance.now() + (target.wait ?? defaultWait) * 1000;
  let { facts } = sight;
  while (missingDevices(facts, target.host ?? "", declaration).length > 0 && performance.now() < end) {
    // A stop ends the wait, not what was done.
    if (signal.aborted) break;
    await pause(1000);
    sight.host.refresh();
    facts = await sight.host.probe();
  }
  return facts;
}

function readBack(state: State, facts: HostFacts, { written }: VmRecord): State {
  const host = state.host ?? "";
  const declaration = declarationOf(state);
  const { settings, pending } = observeFilter(facts, host, { ...written, ...desiredFilter(declaration) });
  return {
    ...state,
    id: host,
    settings: { ...settings },
    pending: [...pending],
    missing: missingDevices(facts, host, declaration),
    machine_id: facts.machineId,
    assumed: false,
  };
}

function missingWarning({ host, missing }: State): Diagnostic[] {
  if (missing === null || missing.length === 0) return [];
  return [
    warning(
      `OpenNebula on ${host ?? ""} does not list every device`,
      `${missing.join("; ")}. VMs that ask for them find no host. Is the device plugged in there, is the host monitored ` +
        "(`onehost list`), and does no other filter stand in the way?",
      ["missing"],
    ),
  ];
}

function absentHosts(facts: HostFacts, host: string, declaration: PciFilterDeclaration): Diagnostic[] {
  return unknownHosts(facts, host, declaration).map(({ path, detail }) =>
    failure(`Unable to configure ${path.join(".")}`, detail, path),
  );
}

function declarationOf(state: State): PciFilterDeclaration {
  return {
    ...selectionOf(state),
    hosts: Object.fromEntries(
      Object.entries(state.hosts ?? {}).map(([name, own]) => [
        name,
        { ...selectionOf(own), devices: own.devices },
      ]),
    ),
  };
}

function selectionOf({
  filter,
  short_address,
  device_name,
}: Pick<State, "filter" | "short_address" | "device_name">): Selection {
  return { filter, shortAddress: short_address, deviceName: device_name };
}
