import { wroteNothing, type Step } from "../model/change";
import { observe } from "../model/observation";
import { differences, unlike } from "../model/virtualFunctions";
import { functionFileSteps, removeFunctionFileSteps, tablePath } from "../model/virtualFunctionFiles";
import { settingProblems } from "../model/virtualFunctionSettings";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { virtualFunctionsSchema, type VirtualFunctionsState } from "../schema";
import { stateStays } from "./applyResults";
import { addressProblems, failure, warning, wordsOf } from "./diagnostics";
import { configured, groupProblems, makingProblems, takenAwayProblems } from "./functionProblems";
import {
  decideFunctions,
  declarationOf,
  idOf,
  physicalOf,
  plannedFiles,
  plannedFunctions,
  readBack,
  undecided,
  type FunctionsDecision,
} from "./functionState";
import { applyAlone, changeAndRead, changeFailure, keep, planObservation, refresh } from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

const inputs = [
  "host",
  "name",
  "of",
  "function_count",
  "settings",
  "allow_critical",
] as const satisfies readonly (keyof VirtualFunctionsState)[];

/** Another one of these is another set of functions. */
const identity = ["host", "name", "of"] as const satisfies readonly (keyof VirtualFunctionsState)[];

/** What the physical function had before us; a destroy goes back to it. */
interface Before {
  readonly count: number;
  readonly autoprobe: boolean;
}

export const virtualFunctions: ResourceType<Hosts> = {
  schema: virtualFunctionsSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const state = typed<VirtualFunctionsState>(config);
    const title = `Unable to use the virtual functions ${JSON.stringify(state.name ?? "")}`;
    return [
      ...settingProblems(declarationOf(state)).map(({ of, words }) => failure(title, words, [of])),
      ...addressProblems("allow_critical", state.allow_critical),
    ];
  },

  read: (request, hosts, signal) =>
    refresh<VirtualFunctionsState>(request, hosts, signal, (state, sight) => ({
      state: untyped(readBack(state, observe(sight.facts))),
      private: keepWith(request.private, sight),
      diagnostics: groupProblems(
        state.host ?? "",
        sight.facts,
        state.of ?? "",
        state.allow_critical ?? [],
      ).map((problem) => ({ ...problem, severity: "warning" })),
    })),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<VirtualFunctionsState>(prior);
    if (proposed === null || config === null) {
      return {
        planned: null,
        private: kept,
        diagnostics: before === null ? [] : await destroyProblems(before, kept, hosts, signal),
      };
    }
    const next = typed<Planned<VirtualFunctionsState>>(proposed);
    if (hasUnknown(config)) return { planned: untyped(undecided(next)), private: kept };

    const declared = typed<VirtualFunctionsState>(proposed);
    const name = declared.host ?? "";
    const changed = before === null || inputsChanged(inputs, before, next);
    const sight = changed ? await hosts.look(name, kept["connection"], signal) : null;
    const diagnostics: Diagnostic[] = sight?.kind === "assumed" ? [sight.notice] : [];
    const observation = planObservation(before, kept, sight);
    const planned = (state: VirtualFunctionsState | Planned<VirtualFunctionsState>) => ({
      planned: untyped(state),
      private: before === null ? { ...kept, remade: identityOf(declared) } : kept,
      diagnostics,
      requiresReplace:
        before === null ? [] : identity.flatMap((key) => (before[key] === declared[key] ? [] : [[key]])),
    });
    if (observation === null) return planned({ ...undecided(next), assumed: assumedIn(sight) });

    let decision: FunctionsDecision;
    try {
      decision = decideFunctions(declared, observation);
    } catch (error) {
      const words = [
        `Unable to make the virtual functions ${declared.name ?? ""} on ${name}`,
        wordsOf(error),
      ] as const;
      diagnostics.push(changed ? failure(...words, ["of"]) : warning(...words));
      return planned(changed || before === null ? declared : before);
    }
    if (changed && sight?.kind === "seen") {
      const [allow, users] = [declared.allow_critical ?? [], declared.users ?? []];
      diagnostics.push(...makingProblems(name, sight.facts, decision, allow, users));
    }
    const functions = plannedFunctions(decision);
    const files = plannedFiles(declared, decision);
    if (
      before !== null &&
      !changed &&
      functions !== null &&
      same(before.functions, functions.functions) &&
      same(before.addresses, functions.addresses) &&
      same(before.files, files)
    ) {
      return planned({ ...before, users: declared.users });
    }
    return planned({
      ...next,
      id: idOf(declared),
      addresses: functions?.addresses ?? UNKNOWN,
      functions: functions?.functions ?? UNKNOWN,
      // The kernel decides once they are there.
      iommu_groups: UNKNOWN,
      files,
      machine_id: observation.machineId,
      assumed: false,
    } as Planned<VirtualFunctionsState>);
  },

  apply: (request, hosts, signal) =>
    applyAlone<VirtualFunctionsState>(request, hosts, signal, (name, before, target, sight) =>
      target === null
        ? destroy(name, before, sight, request.private, signal)
        : make(name, before, target, sight, request.private, signal),
    ),

  import(id) {
    return Promise.resolve({ state: importedState(id, ["host", "name"], virtualFunctionsSchema.attributes) });
  },
};

async function make(
  name: string,
  before: VirtualFunctionsState | null,
  target: Planned<VirtualFunctionsState>,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const declared = typed<VirtualFunctionsState>(untyped(target));
  const label = declared.name ?? "";
  const observation = observe(sight.facts);
  const decision = decideFunctions(declared, observation);
  const stays = stateStays(before, kept);
  const addresses = plannedFunctions(decision)?.addresses;
  if (target.addresses !== UNKNOWN && addresses !== undefined && !same(target.addresses, addresses)) {
    return stays([
      failure(
        `${name} changed since the plan`,
        `The virtual functions ${label} would stand elsewhere now. Nothing was touched. Plan again.`,
        ["of"],
      ),
    ]);
  }
  const allow = declared.allow_critical ?? [];
  const refused = makingProblems(name, sight.facts, decision, allow, declared.users ?? []).filter(
    ({ severity }) => severity === "error",
  );
  if (refused.length > 0) return stays(refused);

  const change = {
    purpose: `make the virtual functions ${label} on ${name}`,
    machineId: sight.facts.machineId,
    steps: [
      ...functionFileSteps(label, decision.table, observation),
      ...makingSteps(label, decision, allow, sight),
    ],
  };
  const { outcome, facts } = await changeAndRead(sight, change, signal);
  const failed = outcome.ok ? [] : [changeFailure(name, change, outcome)];
  if (facts === null || (before === null && wroteNothing(outcome))) return stays(failed);
  const after = observe(facts);
  const state = readBack({ ...declared, assumed: false }, after);
  return {
    state: untyped(state),
    private: { ...keepWith(kept, sight, facts), before: beforeOf(kept, decision) },
    diagnostics: [
      ...failed,
      ...(outcome.ok
        ? [...unmet(name, declared, after), ...groupProblems(name, facts, physicalOf(declared), allow)]
        : []),
    ],
  };
}

function makingSteps(
  label: string,
  decision: FunctionsDecision,
  allow: readonly string[],
  { facts }: Seen,
): Step[] {
  const { physical, declared, anew } = decision;
  const { device, sriov } = physical;
  const set = anew ? [] : unlike(declared, sriov.functions);
  const held = declared.every(({ number }) => {
    const at = sriov.functions[number]?.address;
    return facts.devices.find(({ address }) => address === at)?.driver === "vfio-pci";
  });
  if (!anew && set.length === 0 && held) return [];
  return [
    {
      step: "make-functions",
      table: tablePath(label),
      physical: { address: device.address, id: `${device.vendor}:${device.device}` },
      count: anew ? declared.length : null,
      set,
      allow,
    },
  ];
}

/** What the card did not take over although nothing was said against it. */
function unmet(
  name: string,
  state: VirtualFunctionsState,
  observation: ReturnType<typeof observe>,
): Diagnostic[] {
  const { physical, declared, anew } = decideFunctions(state, observation);
  if (anew) {
    return [
      failure(
        `${physical.device.address} of ${name} has ${physical.sriov.count} virtual functions, not ${declared.length}`,
        "Somebody else changes them too: another program at boot, or by hand.",
      ),
    ];
  }
  return declared.flatMap((one) => {
    const there = physical.sriov.functions[one.number];
    const keys = differences(one, there);
    if (there === undefined || keys.length === 0) return [];
    const said = keys.map((key) => `${key} is ${String(there[key])} and not ${String(one.settings[key])}`);
    return [
      failure(
        `Function ${one.number} of ${physical.device.address} on ${name} is not as declared`,
        `${there.address}: ${said.join(", ")}. The card's driver took it without a word; it may not know this setting.`,
        ["settings", String(one.number)],
      ),
    ];
  });
}

async function destroy(
  name: string,
  before: VirtualFunctionsState | null,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  // The create that follows sets right what stands.
  if (before === null || same(kept["remade"], identityOf(before))) return { state: null, private: kept };
  const refused = leavingProblems(name, before, sight, kept).filter(({ severity }) => severity === "error");
  if (refused.length > 0) return { state: untyped(before), private: kept, diagnostics: refused };
  const { facts } = sight;
  const physical = facts.devices.find(({ address }) => address === physicalOf(before));
  const restore = restored(before, sight, kept);
  const change = {
    purpose: `take the virtual functions ${before.name ?? ""} from ${name}`,
    machineId: facts.machineId,
    steps: [
      ...removeFunctionFileSteps(before.name ?? "", facts),
      ...(restore === null || physical === undefined
        ? []
        : [
            {
              step: "reset-functions" as const,
              physical: { address: physical.address, id: `${physical.vendor}:${physical.device}` },
              ...restore,
              allow: before.allow_critical ?? [],
            },
          ]),
    ],
  };
  const { outcome } = await changeAndRead(sight, change, signal);
  if (outcome.ok) return { state: null, private: kept };
  return { state: untyped(before), private: kept, diagnostics: [changeFailure(name, change, outcome)] };
}

async function destroyProblems(
  before: VirtualFunctionsState,
  kept: PrivateState,
  hosts: Hosts,
  signal: AbortSignal,
): Promise<Diagnostic[]> {
  const name = before.host ?? "";
  const sight = await hosts.look(name, kept["connection"], signal);
  return sight.kind === "seen" ? leavingProblems(name, before, sight, kept) : [];
}

/** What speaks against taking the functions away. */
function leavingProblems(
  name: string,
  before: VirtualFunctionsState,
  sight: Seen,
  kept: PrivateState,
): Diagnostic[] {
  const { facts } = sight;
  const restore = restored(before, sight, kept);
  if (restore === null) return [];
  const of = physicalOf(before);
  const there = facts.sriov[of];
  return [
    ...takenAwayProblems(
      name,
      facts,
      of,
      `from ${there?.count ?? 0} to ${restore.count}`,
      before.allow_critical ?? [],
    ),
    ...configured(
      name,
      facts,
      Object.values(there?.functions ?? {}).map(({ address }) => address),
      before.users ?? [],
    ),
  ];
}

/** What to go back to; null where that is what is there. */
function restored(before: VirtualFunctionsState, { facts }: Seen, kept: PrivateState): Before | null {
  const there = facts.sriov[physicalOf(before)];
  // One that was adopted and never changed by us stays.
  const earlier = kept["before"] as Before | undefined;
  return there === undefined || earlier === undefined || earlier.count === there.count ? null : earlier;
}

function beforeOf(kept: PrivateState, { physical }: FunctionsDecision): Before {
  const { count, autoprobe } = physical.sriov;
  return (kept["before"] as Before | undefined) ?? { count, autoprobe };
}

function keepWith(kept: PrivateState, sight: Seen, facts = sight.facts): PrivateState {
  return { ...keep(sight, facts), ...(kept["before"] === undefined ? {} : { before: kept["before"] }) };
}

function identityOf(state: VirtualFunctionsState): Record<string, string | null> {
  return Object.fromEntries(identity.map((key) => [key, state[key]]));
}
