import type { BootDeclaration } from "../model/bootConfiguration";
import { wroteNothing } from "../model/change";
import { declarationProblems } from "../model/declarationProblems";
import { configurationSteps, decideHost, removalSteps, type HostDecision } from "../model/hostDecision";
import { observe, type Observation } from "../model/observation";
import { observedFiles } from "../model/ownedFiles";
import { detectPlatform } from "../model/platform";
import { parseRecord } from "../model/record";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { iommuHostSchema, type IommuHostState } from "../schema";
import { stateStays } from "./applyResults";
import { addressProblems, failure, warning, wordsOf } from "./diagnostics";
import { hazardNotices } from "./hazardNotices";
import {
  applyAlone,
  changeAndRead,
  changeFailure,
  keep,
  planObservation,
  recreated,
  refresh,
} from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import {
  adviceNotices,
  destroyNotices,
  firmwareNotices,
  drainNotices,
  guestNotices,
  kernelNotices,
  manualNotices,
  preparationProblems,
  refusals,
  riskNotices,
  trialNotices,
} from "./hostNotices";
import { settingAttributes } from "./hostSettings";
import {
  declarationOf,
  overridesIn,
  overridesOf,
  plannedCreate,
  plannedUpdate,
  readBack,
  standsAsDeclared,
  undecided,
} from "./hostState";
import { importedState } from "./importId";
import { managedProblems, managerNotices, managerOf } from "./managedHost";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

/** What the author declares; everything else in the state is read or decided here. */
const inputs = [
  "host",
  "owner",
  "iommu",
  "kernel_parameters",
  "vfio_modules",
  "modules",
  "modprobe_options",
  "blacklist",
  "softdeps",
  "devices",
  "allow_unsafe_interrupts",
  ...Object.values(settingAttributes),
  "allow_critical",
  "reboot",
  "managed_by",
  "before_reboot",
  "trial_boot",
  "trial_panic_seconds",
] as const satisfies readonly (keyof IommuHostState)[];

/** Where the parts of the boot declaration stand. */
const attributes = {
  iommu: "iommu",
  kernelParameters: "kernel_parameters",
  vfioModules: "vfio_modules",
  modules: "modules",
  modprobeOptions: "modprobe_options",
  blacklist: "blacklist",
  softdeps: "softdeps",
  devices: "devices",
  allowUnsafeInterrupts: "allow_unsafe_interrupts",
  ...settingAttributes,
  trialBoot: "trial_boot",
  trialPanicSeconds: "trial_panic_seconds",
} as const satisfies Record<Exclude<keyof BootDeclaration, "settings">, keyof IommuHostState>;

const ownerWords =
  "It tells this declaration from another one of the same host. Expected a name, such as the project's and the stack's.";

export const iommuHost: ResourceType<Hosts> = {
  schema: iommuHostSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const declared = typed<IommuHostState>(config);
    return [
      ...(declared.owner === "" ? [failure("Unable to use an empty owner", ownerWords, ["owner"])] : []),
      ...declarationProblems(declarationOf(declared)).map(({ of, words }) => {
        const attribute = attributes[of];
        return failure(`Unable to use ${attribute} of ${declared.host ?? ""}`, words, [attribute]);
      }),
      ...managedProblems(declared),
      ...addressProblems("allow_critical", declared.allow_critical),
      ...preparationProblems(declared),
    ];
  },

  read: (request, hosts, signal) =>
    refresh<IommuHostState>(request, hosts, signal, async (state, sight) => {
      const overrides = overridesOf(request.private);
      const { read, diagnostics } = readBack(state, overrides, observe(sight.facts));
      const due = { required: read.reboot_required === true, reason: read.reboot_reason ?? "" };
      const name = state.host ?? "";
      diagnostics.push(
        ...manualNotices(name, state, due, sight.connection),
        ...guestNotices(name, state, due, sight.facts),
        ...(await managerNotices(name, state, due, hosts, signal, false)),
        ...drainNotices(name, sight.facts.drain),
      );
      return { state: untyped(read), private: { ...keep(sight), overrides }, diagnostics };
    }),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<IommuHostState>(prior);
    if (proposed === null || config === null)
      return { planned: null, private: kept, diagnostics: destroyNotices(before) };
    const next = typed<Planned<IommuHostState>>(proposed);
    if (hasUnknown(config)) return { planned: untyped(undecided(next)), private: kept };

    const declared = typed<IommuHostState>(proposed);
    const name = declared.host ?? "";
    const overrides = overridesIn(typed<IommuHostState>(config));
    const changed =
      before === null ||
      inputsChanged(inputs, before, next) ||
      !same(overrides, overridesOf(kept) ?? overrides);
    const sight = changed ? await hosts.look(name, kept["connection"], signal) : null;
    const diagnostics: Diagnostic[] = sight?.kind === "assumed" ? [sight.notice] : [];
    const observation = planObservation(before, kept, sight);
    const planned = (state: IommuHostState | Planned<IommuHostState>) => ({
      planned: untyped(state),
      private: { ...kept, overrides, ...(before === null ? { recreated: { host: name } } : {}) },
      diagnostics,
    });
    if (observation === null) return planned({ ...undecided(next), assumed: assumedIn(sight) });

    let decision: HostDecision;
    try {
      decision = decideHost(declarationOf(declared), overrides, observation);
    } catch (error) {
      if (changed)
        return {
          ...planned(declared),
          diagnostics: [failure(`Unable to configure ${name}`, wordsOf(error))],
        };
      diagnostics.push(warning(`${name} is not as declared`, wordsOf(error)));
      return planned(before);
    }
    if (changed) {
      const facts = sight?.kind === "seen" ? sight.facts : null;
      diagnostics.push(
        ...riskNotices(name, declared),
        ...firmwareNotices(declarationOf(declared), decision, observation),
        ...trialNotices(name, decision),
        ...adviceNotices(name, declarationOf(declared), decision, observation, facts),
      );
    }
    // Where one was due before this change, the refresh has said so.
    if (before?.reboot_required !== true) {
      diagnostics.push(...kernelNotices(name, decision.reboot, observation));
      if (sight?.kind === "seen") {
        diagnostics.push(
          ...manualNotices(name, declared, decision.reboot, sight.connection),
          ...guestNotices(name, declared, decision.reboot, sight.facts),
        );
      }
    }
    if (changed && sight?.kind === "seen") {
      const said = await managerNotices(name, declared, decision.reboot, hosts, signal, true);
      const known = before?.reboot_required === true;
      diagnostics.push(...said.filter(({ severity }) => !known || severity === "error"));
      diagnostics.push(...(await hazardNotices(name, declared, decision.reboot, sight.facts)));
      diagnostics.push(...refusals(name, sight.facts, decision, [declared.owner, before?.owner], declared));
    }
    if (before === null) return planned(plannedCreate(next, decision, observation));
    if (!changed && standsAsDeclared(before, decision)) return planned(before);
    return planned(plannedUpdate(next, before, decision, observation));
  },

  apply: (request, hosts, signal) =>
    applyAlone<IommuHostState>(request, hosts, signal, (name, before, target, sight) =>
      target === null
        ? destroy(name, before, sight, request.private, signal)
        : configure(name, before, target, sight, request.private, hosts, signal),
    ),

  import(id) {
    return Promise.resolve({ state: importedState(id, ["host"], iommuHostSchema.attributes) });
  },
};

async function configure(
  name: string,
  before: IommuHostState | null,
  target: Planned<IommuHostState>,
  sight: Seen,
  kept: PrivateState,
  hosts: Hosts,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const overrides = overridesOf(kept);
  const declared = typed<IommuHostState>(untyped(target));
  const observation = observe(sight.facts);
  const decision = decideHost(declarationOf(declared), overrides ?? {}, observation);
  const stays = stateStays(before, kept);
  const refused = refusals(name, sight.facts, decision, [declared.owner, before?.owner], declared).filter(
    ({ severity }) => severity === "error",
  );
  if (refused.length > 0) return stays(refused);
  const moved = movedSincePlan(name, before, target, decision, observation);
  if (moved) return stays([moved]);

  const change = {
    purpose: `configure ${name}`,
    machineId: sight.facts.machineId,
    steps: configurationSteps(decision, observation, {
      owner: declared.owner ?? "",
      allowCritical: declared.allow_critical ?? [],
      manager: managerOf(declared, hosts),
    }),
  };
  const { outcome, facts } = await changeAndRead(sight, change, signal);
  if (!outcome.ok && wroteNothing(outcome)) return stays([changeFailure(name, change, outcome)]);

  const known = settle(
    { ...declared, id: name, assumed: false, declaration_digest: decision.digest },
    before,
  );
  const read = facts === null ? unread(known, before) : readBack(known, overrides, observe(facts)).read;
  return {
    state: untyped(outcome.ok ? { ...read, ...plannedReboot(target) } : read),
    private: { ...keep(sight, facts ?? sight.facts), overrides },
    diagnostics: outcome.ok ? [] : [changeFailure(name, change, outcome)],
  };
}

/** After a change nobody could read back, the state claims no line that was not seen. */
function unread(state: IommuHostState, before: IommuHostState | null): IommuHostState {
  return { ...state, files: before?.files ?? {}, pending: before?.pending ?? [] };
}

async function destroy(
  name: string,
  before: IommuHostState | null,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  // The create that follows merges into what stands.
  if (recreated(kept, name)) return { state: null, private: kept };
  const observation = observe(sight.facts);
  const record = parseRecord(observation.record);
  if (record !== null && before !== null && record.owner !== before.owner) {
    // Somebody else's by now: nothing there is ours to take away.
    return {
      state: null,
      private: kept,
      diagnostics: [warning(`${name} belongs to ${record.owner} now`, "It was left as it is.")],
    };
  }
  const platform = detectPlatform(observation, overridesOf(kept) ?? {});
  const change = {
    purpose: `give ${name} back`,
    machineId: sight.facts.machineId,
    // Without our record the state still knows our lines.
    steps: removalSteps(record, platform, observation, record?.files ?? before?.files ?? {}),
  };
  const { outcome } = await changeAndRead(sight, change, signal);
  return outcome.ok
    ? { state: null, private: kept }
    : stateStays(before, kept)([changeFailure(name, change, outcome)]);
}

/** Terraform shows the plan's values; where they were known, the host must still be as the plan saw it. */
function movedSincePlan(
  name: string,
  before: IommuHostState | null,
  target: Planned<IommuHostState>,
  decision: HostDecision,
  observation: Observation,
): Diagnostic | null {
  if (target.files === UNKNOWN) return null;
  const planned = target.files ?? {};
  const seen = before?.files ?? {};
  const now = observedFiles(observation, decision.base);
  const edited = Object.keys({ ...seen, ...now }).filter(
    (path) => before !== null && now[path] !== seen[path] && now[path] !== planned[path],
  );
  const otherwise = Object.keys({ ...planned, ...decision.files }).filter(
    (path) => planned[path] !== decision.files[path],
  );
  const paths = [...new Set([...edited, ...otherwise])];
  if (paths.length === 0) return null;
  return failure(
    `${name} changed since the plan`,
    `${paths.join(", ")}: somebody changed lines there after this plan was made. Nothing was written. Plan again.`,
    ["files"],
  );
}

/** What was planned as known is what Terraform holds us to; the rest is as read. */
function plannedReboot(target: Planned<IommuHostState>): Partial<IommuHostState> {
  const entries = (["reboot_required", "reboot_reason", "reboot_generation"] as const).flatMap((attribute) =>
    target[attribute] === UNKNOWN ? [] : [[attribute, target[attribute]]],
  );
  return Object.fromEntries(entries) as Partial<IommuHostState>;
}

/** No unknown is left where the host was not asked for it. */
function settle(state: IommuHostState, before: IommuHostState | null): IommuHostState {
  return Object.fromEntries(
    Object.entries(state).map(([key, value]) => [
      key,
      (value as unknown) === UNKNOWN ? (before?.[key as keyof IommuHostState] ?? null) : value,
    ]),
  ) as unknown as IommuHostState;
}
