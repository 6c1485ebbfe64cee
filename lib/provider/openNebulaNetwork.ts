import { cloudOf } from "../hypervisors/opennebula/cloud";
import {
  desiredNetwork,
  findNetwork,
  networkChange,
  networkChangedSince,
  networkProblems,
  networkRecordAfter,
  networkUsers,
  observeNetwork,
  type NetworkDeclaration,
} from "../hypervisors/opennebula/network";
import { wroteNothing } from "../model/change";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { openNebulaNetworkSchema, type OpenNebulaNetworkState } from "../schema";
import { changedSincePlan, stateStays } from "./applyResults";
import { failure } from "./diagnostics";
import { applyAlone, changeAndRead, changeFailure, keep, refresh } from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { recordOfWhole } from "./settingRecord";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

type State = OpenNebulaNetworkState;

const inputs = [
  "host",
  "name",
  "driver",
  "bridge",
  "physical_device",
  "vlan_id",
  "ranges",
] as const satisfies readonly (keyof State)[];

/** Of the settings those that a network which is there cannot change: its driver and its ranges. */
const isFixed = (setting: string): boolean => setting === "VN_MAD" || setting.startsWith("AR ");

const nameIn = ({ name, host }: State): string => `${name ?? ""} of ${host ?? ""}`;
const title = (state: State): string => `Virtual network ${nameIn(state)}`;

export const openNebulaNetwork: ResourceType<Hosts> = {
  schema: openNebulaNetworkSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const declared = typed<State>(config);
    return networkProblems(declarationOf(declared)).map(({ path, detail }) =>
      failure(`Unable to use ${path} of virtual network ${declared.name ?? ""}`, detail, [path]),
    );
  },

  read: (request, hosts, signal) =>
    refresh<State>(request, hosts, signal, (state, { facts, ...sight }) => {
      const network = findNetwork(facts, state.host ?? "", state.name ?? "");
      if (network === null) return { state: null, private: request.private };
      const declaration = declarationOf(state);
      const known = recordOfWhole(request.private, state);
      // An import: what is there already is what a destroy leaves.
      const record =
        state.machine_id === null
          ? { base: observeNetwork(network, desiredNetwork(declaration)), written: {} }
          : known;
      return {
        state: untyped<State>({
          ...state,
          id: `${state.host ?? ""}/${state.name ?? ""}`,
          settings: { ...observeNetwork(network, { ...record.written, ...desiredNetwork(declaration) }) },
          created: state.created ?? false,
          machine_id: facts.machineId,
          assumed: false,
        }),
        private: { ...keep({ facts, ...sight }), record },
      };
    }),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<State>(prior);
    if (proposed === null || config === null) {
      if (before === null) return { planned: null, private: kept };
      const sight = await hosts.look(before.host ?? "", kept["connection"], signal);
      const diagnostics = sight.kind === "seen" ? inUse(before, sight, before.users ?? []) : [];
      return { planned: null, private: kept, diagnostics };
    }
    const next = typed<Planned<State>>(proposed);
    const undecided: Planned<State> = {
      ...next,
      id: next.host === UNKNOWN || next.name === UNKNOWN ? UNKNOWN : `${next.host ?? ""}/${next.name ?? ""}`,
      settings: UNKNOWN,
      created: before?.created ?? UNKNOWN,
      machine_id: before?.machine_id ?? UNKNOWN,
      assumed: false,
    };
    if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };

    const declared = typed<State>(proposed);
    const settings = { ...desiredNetwork(declarationOf(declared)) };
    const changed = before === null || inputsChanged(inputs, before, next);
    if (!changed && same(before.settings, settings)) {
      const planned: Planned<State> = { ...before, users: next.users };
      return { planned: untyped(planned), private: kept };
    }
    const replaced = before === null ? [] : replacedBy(before, declared, settings);
    const sight = await hosts.look(declared.host ?? "", kept["connection"], signal);
    const diagnostics =
      sight.kind === "assumed"
        ? [sight.notice]
        : sight.kind === "unknown"
          ? []
          : before === null
            ? taken(declared, sight)
            : replaced.length > 0
              ? [...notOurs(before, replaced), ...inUse(before, sight, [])]
              : [];
    return {
      planned: untyped<Planned<State>>({
        ...undecided,
        settings,
        assumed: before === null ? assumedIn(sight) : false,
      }),
      private: kept,
      requiresReplace: replaced.map((name) => [name]),
      diagnostics,
    };
  },

  apply: (request, hosts, signal) =>
    applyAlone<State>(request, hosts, signal, (_name, before, target, sight) =>
      change(before, target && typed(untyped(target)), sight, request.private, signal),
    ),

  import: (id) =>
    Promise.resolve({ state: importedState(id, ["host", "name"], openNebulaNetworkSchema.attributes) }),
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
  const stays = stateStays(before, kept);
  const declaration = target && declarationOf(target);
  const desired = declaration ? desiredNetwork(declaration) : {};
  const network = findNetwork(sight.facts, host, declared.name ?? "");
  if (target === null && network === null) return { state: null, private: kept };
  if (before === null && network !== null) return stays(taken(declared, sight));
  const created = network === null || before?.created === true;
  const used = target === null && created ? inUse(declared, sight, []) : [];
  if (used.length > 0) return stays(used);
  const edited =
    before === null || network === null ? [] : networkChangedSince(network, before.settings ?? {}, desired);
  if (edited.length > 0) return stays([changedSincePlan(title(declared), edited)]);

  const record = recordOfWhole(kept, before);
  const planned = networkChange({ network, declaration, record, created });
  const work = {
    purpose: `${target === null ? "give back" : "write"} virtual network ${nameIn(declared)}`,
    machineId: sight.facts.machineId,
    steps: planned.steps,
  };
  const { outcome, facts } = await changeAndRead(sight, work, signal);
  const failed = outcome.ok ? [] : [changeFailure(host, work, outcome)];
  if (target === null && outcome.ok) return { state: null, private: kept };
  if (facts === null || wroteNothing(outcome)) return stays(failed);
  const now = findNetwork(facts, host, declared.name ?? "");
  if (now === null) return target === null ? { state: null, private: kept } : stays(failed);
  const after = outcome.ok ? planned.record : networkRecordAfter(record, planned, now);
  const settings = { ...observeNetwork(now, { ...after.written, ...desired }) };
  // Somebody else's may have come under that name meanwhile: only one that is as declared is taken for ours.
  if (network === null && !outcome.ok && !same(settings, { ...desired })) return stays(failed);
  return {
    state: untyped<State>({
      ...declared,
      id: `${host}/${declared.name ?? ""}`,
      settings,
      created,
      machine_id: facts.machineId,
      assumed: false,
    }),
    private: { ...keep(sight, facts), record: after },
    diagnostics: failed,
  };
}

/** A network of that name is somebody's already. */
function taken(state: State, { facts }: Seen): Diagnostic[] {
  const found = findNetwork(facts, state.host ?? "", state.name ?? "");
  if (found === null) return [];
  return [
    failure(
      `There is a virtual network ${state.name ?? ""} in OpenNebula on ${state.host ?? ""} already`,
      `It is network ${found.id}. Set \`adopt: true\` to take it over, or choose another name. Nothing was touched.`,
      ["name"],
    ),
  ];
}

/** One that was there before us is never removed to make another. */
function notOurs(before: State, replaced: readonly string[]): Diagnostic[] {
  if (before.created === true) return [];
  return [
    failure(
      `${title(before)} would have to be made anew`,
      "Driver, ranges and name of a network stay what they are, and this one was there before it was declared here. " +
        "Declare it as it is, or another one by another name.",
      [replaced[0] ?? "name"],
    ),
  ];
}

/** VMs that would lose their addresses; those of `peers` are changed first. */
function inUse(state: State, { facts }: Seen, peers: readonly string[]): Diagnostic[] {
  const host = state.host ?? "";
  const network = findNetwork(facts, host, state.name ?? "");
  if (network === null || state.created !== true) return [];
  const users = networkUsers(cloudOf(facts, host), network).filter(
    ({ ids }) => !ids.some((id) => peers.includes(id)),
  );
  if (users.length === 0) return [];
  return [
    failure(
      `${title(state)} is in use`,
      `${users.map(({ words }) => words).join(", ")} ${users.length > 1 ? "have" : "has"} a NIC in it. Take it out there first.`,
    ),
  ];
}

/** What of the difference only another network can have. */
function replacedBy(before: State, declared: State, settings: Readonly<Record<string, string>>) {
  const fixed = (all: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(all).filter(([key]) => isFixed(key)));
  return [
    ...(["host", "name"] as const).filter((name) => before[name] !== declared[name]),
    ...(same(fixed(before.settings ?? {}), fixed(settings)) ? [] : (["settings"] as const)),
  ];
}

function declarationOf({
  name,
  driver,
  bridge,
  physical_device: physicalDevice,
  vlan_id: vlanId,
  ranges,
}: State): NetworkDeclaration {
  return {
    name: name ?? "",
    driver: driver ?? "dummy",
    bridge: bridge ?? "passthrough",
    ...{ physicalDevice, vlanId, ranges: ranges ?? {} },
  };
}
