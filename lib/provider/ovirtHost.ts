import { findHost } from "../hypervisors/ovirt/virtualMachine";
import { engineParameters, mergedLine, notYetBooted, saidBy } from "../model/engineCommandLine";
import type { EngineStep } from "../model/engineChange";
import type { EngineFacts, EngineHost } from "../model/engineFacts";
import { checkParameters } from "../model/kernelParameters";
import { UNKNOWN, type Diagnostic, type ResourceType } from "../plugin/types";
import { ovirtHostSchema, type OvirtHostState } from "../schema";
import { failure, warning, wordsOf } from "./diagnostics";
import { assumedIn, type Hosts } from "./hosts";
import { importedState } from "./importId";
import type { SeenPlace, Whereabouts } from "./place";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

const inputs = [
  "engine",
  "name",
  "kernel_parameters",
  "iommu",
] as const satisfies readonly (keyof OvirtHostState)[];

type Seen = SeenPlace<EngineFacts, EngineStep>;

export const ovirtHost: ResourceType<Hosts> = {
  schema: ovirtHostSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const { kernel_parameters: parameters } = typed<OvirtHostState>(config);
    try {
      checkParameters(parameters ?? []);
      return [];
    } catch (error) {
      return [failure("Unable to use kernel_parameters", wordsOf(error), ["kernel_parameters"])];
    }
  },

  async read({ state: values, private: kept }, hosts, signal) {
    const state = typed<OvirtHostState>(values);
    const sight = await hosts.engines.look(whereabouts(state), kept["connection"], signal);
    if (sight.kind === "unknown") return { state: values, private: kept };
    if (sight.kind === "assumed")
      return { state: { ...values, assumed: true }, private: kept, diagnostics: [sight.notice] };
    const host = hostOf(state, sight.facts);
    return {
      state: host === null ? null : untyped(readBack(state, host, sight.facts)),
      private: sight.keep(sight.facts),
      diagnostics: host === null ? [] : outOfStep(state, host),
    };
  },

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<OvirtHostState>(prior);
    if (proposed === null || config === null) return { planned: null, private: kept };
    const next = typed<Planned<OvirtHostState>>(proposed);
    const undecided: Planned<OvirtHostState> = {
      ...next,
      id: UNKNOWN,
      parameters: UNKNOWN,
      owned: UNKNOWN,
      machine_id: UNKNOWN,
      assumed: false,
    };
    if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };
    const declared = typed<OvirtHostState>(proposed);
    const replaced = before !== null && (before.engine !== declared.engine || before.name !== declared.name);
    const where = whereabouts(declared);
    const sight = await hosts.engines.look(where, kept["connection"], signal);
    const id = `${declared.engine ?? ""}/${declared.name ?? ""}`;
    if (sight.kind !== "seen") {
      const stays = before !== null && !inputsChanged(inputs, before, next);
      return {
        planned: stays
          ? prior
          : untyped<Planned<OvirtHostState>>({ ...undecided, id, assumed: assumedIn(sight) }),
        private: kept,
        diagnostics: sight.kind === "assumed" ? [sight.notice] : [],
      };
    }
    const host = findHost(sight.facts, declared.name ?? "");
    if (host === null)
      return {
        planned: untyped({ ...undecided, id }),
        private: kept,
        diagnostics: [missing(declared, sight.facts)],
      };
    // Only the vendor of its CPU is taken from the host: nobody changes that between plan and apply.
    const parameters = wanted(declared, host);
    if (before !== null && !inputsChanged(inputs, before, next) && same(before.parameters, parameters))
      return { planned: prior, private: kept };
    return {
      planned: untyped<Planned<OvirtHostState>>({
        ...undecided,
        ...{ id, parameters },
        machine_id: replaced ? UNKNOWN : (before?.machine_id ?? UNKNOWN),
      }),
      private: kept,
      requiresReplace: replaced ? [["engine"], ["name"]] : [],
      diagnostics: before === null ? outOfStep(declared, host) : [],
    };
  },

  async apply({ prior, planned, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<OvirtHostState>(prior);
    const target = planned === null ? null : typed<OvirtHostState>(planned);
    const declared = target ?? before;
    if (declared === null) return { state: null, private: kept };
    return hosts.engines.alone(whereabouts(declared), kept["connection"], signal, async (sight: Seen) => {
      // What is planned holds unknown values.
      const known = { ...declared, machine_id: before?.machine_id ?? null };
      const host = hostOf(known, sight.facts);
      if (host === null) {
        if (target === null) return { state: null, private: kept };
        return { state: prior, private: kept, diagnostics: [missing(declared, sight.facts)] };
      }
      const merged = mergedLine(host, target === null ? [] : wanted(declared, host), before?.owned ?? []);
      const steps: EngineStep[] =
        merged.line === host.customCommandLine
          ? []
          : [{ step: "kernelCommandLine", host: host.id, value: merged.line }];
      const label = `${declared.name ?? ""} of engine ${declared.engine ?? ""}`;
      const tried = await sight.change(`set the kernel command line of ${label}`, steps, signal);
      if (target === null && tried.failed.length === 0) return { state: null, private: kept };
      const now = tried.facts === null ? null : hostOf(known, tried.facts);
      // An answer may be lost on its way: what the engine has now tells whether it was done.
      const done = tried.failed.length === 0 || now?.customCommandLine === merged.line;
      if (tried.facts === null || now === null || (before === null && !done))
        return { state: prior, private: kept, diagnostics: tried.failed };
      const owned = done ? [...merged.owned] : (before?.owned ?? []);
      return {
        state: untyped(readBack({ ...declared, owned }, now, tried.facts)),
        private: sight.keep(tried.facts),
        diagnostics: tried.failed,
      };
    });
  },

  import(id) {
    return Promise.resolve({ state: importedState(id, ["engine", "name"], ovirtHostSchema.attributes) });
  },
};

function whereabouts({ engine, name }: Pick<OvirtHostState, "engine" | "name">): Whereabouts {
  return { host: engine, vm_id: null, pin_to: name, machine_id: null };
}

function wanted({ kernel_parameters, iommu }: OvirtHostState, host: EngineHost): string[] {
  return engineParameters(host, { kernelParameters: kernel_parameters ?? [], iommu: iommu ?? true });
}

/**
 * The host; null where the engine has none any more.
 * @throws an Error where another engine or another host answers than the one that the state knows.
 */
function hostOf(state: OvirtHostState, facts: EngineFacts): EngineHost | null {
  const host = findHost(facts, state.name ?? "");
  const known = state.machine_id;
  if (host === null || known === null || known === identity(facts, host)) return host;
  throw new Error(
    `${state.name ?? ""} of engine ${state.engine ?? ""} is another host than the one this state knows\n` +
      `${identity(facts, host)} answers where ${known} was configured. Nothing was touched. Correct the connection, or ` +
      "remove the host from the state if it was added to the engine anew.",
  );
}

function identity({ instanceId }: EngineFacts, { id }: EngineHost): string {
  return `${instanceId ?? "engine"}/${id}`;
}

function readBack(state: OvirtHostState, host: EngineHost, facts: EngineFacts): OvirtHostState {
  const owned = state.owned ?? [];
  return {
    ...state,
    id: `${state.engine ?? ""}/${state.name ?? ""}`,
    parameters: saidBy(host.customCommandLine, wanted(state, host)),
    owned,
    machine_id: identity(facts, host),
    assumed: false,
  };
}

function missing({ engine, name }: OvirtHostState, { hosts }: EngineFacts): Diagnostic {
  return failure(
    `There is no host ${name ?? ""} at engine ${engine ?? ""}`,
    `It has ${hosts.map((host) => host.name).join(", ") || "none"}. Correct the name, or add the host to the engine first.`,
    ["name"],
  );
}

/** The engine writes its line when it installs the host, and would then undo what runs. */
function outOfStep(state: OvirtHostState, host: EngineHost): Diagnostic[] {
  const unsaid = wanted(state, host).filter((text) => !saidBy(host.customCommandLine, [text]).includes(text));
  const unbooted = notYetBooted(host);
  return [
    ...(unsaid.length === 0
      ? []
      : [
          warning(
            `Engine ${state.engine ?? ""} does not know ${unsaid.join(" ")} of ${host.name}`,
            `Its kernel command line for the host is ${JSON.stringify(host.customCommandLine)}. The parameters are added there, so ` +
              "that the engine does not take them away from the host.",
          ),
        ]),
    ...(unbooted.length === 0
      ? []
      : [
          warning(
            `${host.name} did not boot ${unbooted.join(" ")}, which engine ${state.engine ?? ""} has for it`,
            "The engine writes it to the host at the next installation (Reinstall). Declare it as a kernel parameter of the " +
              "IommuHost too, or take it out at the engine (Edit Host, Kernel).",
          ),
        ]),
  ];
}
