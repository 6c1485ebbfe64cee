import type { Step } from "../model/change";
import { sha256 } from "../model/digest";
import type { HostFacts, QemuDriverFacts } from "../model/facts";
import { deviceNodes, qemuConfPath, withDeviceNodes } from "../model/qemuConf";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { libvirtDeviceAccessSchema, type LibvirtDeviceAccessState } from "../schema";
import { stateStays } from "./applyResults";
import { failure, wordsOf } from "./diagnostics";
import { applyAlone, changeAndRead, changeFailure, keep, refresh } from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

type State = LibvirtDeviceAccessState;

const inputs = ["host", "groups"] as const satisfies readonly (keyof State)[];

/** What every process that uses a group's node needs too. */
const container = "/dev/vfio/vfio";

export const libvirtDeviceAccess: ResourceType<Hosts> = {
  schema: libvirtDeviceAccessSchema,

  validate(config) {
    if (hasUnknown(config)) return [];
    const declared = typed<State>(config);
    return Object.entries(declared.groups ?? {}).flatMap(([address, group]) =>
      /^\d+$/.test(group)
        ? []
        : [
            failure(
              `Unable to let guests of ${declared.host ?? ""} open the node of ${address}`,
              `${JSON.stringify(group)} is no IOMMU group. Expected its number, such as 17.`,
              ["groups", address],
            ),
          ],
    );
  },

  read: (request, hosts, signal) =>
    refresh<State>(request, hosts, signal, (state, sight) => ({
      state: untyped(readBack(state, sight.facts)),
      private: keep(sight),
    })),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<State>(prior);
    if (proposed === null || config === null) return { planned: null, private: kept };
    const next = typed<Planned<State>>(proposed);
    const undecided: Planned<State> = {
      ...next,
      id: next.host,
      ...{ nodes: UNKNOWN, previous: UNKNOWN },
      ...{ pending: [], machine_id: before?.machine_id ?? UNKNOWN, assumed: false },
    };
    if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };

    const declared = typed<State>(proposed);
    const nodes = nodesOf(declared);
    if (before !== null && before.host === declared.host && stands(before, nodes))
      return { planned: untyped<State>({ ...before, groups: declared.groups }), private: kept };

    const changed = before === null || inputsChanged(inputs, before, next);
    const sight = changed ? await hosts.look(declared.host ?? "", kept["connection"], signal) : null;
    return {
      planned: untyped<Planned<State>>({
        ...undecided,
        nodes,
        assumed: before === null ? assumedIn(sight) : false,
      }),
      private: kept,
      requiresReplace: before !== null && before.host !== declared.host ? [["host"]] : [],
      diagnostics:
        sight?.kind === "assumed"
          ? [sight.notice]
          : sight?.kind === "seen"
            ? problems(declared, sight.facts)
            : [],
    };
  },

  apply: (request, hosts, signal) =>
    applyAlone<State>(request, hosts, signal, (_name, before, target, sight) =>
      change(before, target && typed(untyped(target)), sight, request.private, signal),
    ),

  import: (id) =>
    Promise.resolve({ state: importedState(id, ["host"], libvirtDeviceAccessSchema.attributes) }),
};

async function change(
  before: State | null,
  target: State | null,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const host = (target ?? before)?.host ?? "";
  const stays = stateStays(before, kept);
  const refused = target === null ? [] : [...moved(target, sight.facts), ...problems(target, sight.facts)];
  if (refused.length > 0) return stays(refused);

  const wanted = target === null ? [] : nodesOf(target);
  const previous = target === null ? (before?.previous ?? []) : foreignNodes(before, wanted, sight.facts);
  const ours = (before?.nodes ?? []).filter((node) => !(before?.previous ?? []).includes(node));
  const remove = ours.filter((node) => !wanted.includes(node));
  const work = {
    purpose:
      target === null
        ? `take the nodes of IOMMU groups out of ${qemuConfPath} of ${host}`
        : `let guests of ${host} open ${wanted.join(", ")}`,
    machineId: sight.facts.machineId,
    steps: steps({ add: wanted, remove }, sight.facts),
  };
  const { outcome, facts } = await changeAndRead(sight, work, signal);
  const failed = outcome.ok ? [] : [changeFailure(host, work, outcome)];
  if (target === null && outcome.ok) return { state: null, private: kept };
  const after = target ?? before;
  if (facts === null || after === null) return stays(failed);
  const read = readBack({ ...after, previous }, facts);
  // Nothing of it came about: what stands there is not ours.
  const mine = (read.nodes ?? []).some((node) => !previous.includes(node));
  if (before === null && !outcome.ok && !mine) return stays(failed);
  return {
    state: untyped(read),
    private: keep(sight, facts),
    diagnostics: failed,
  };
}

function steps(nodes: { add: readonly string[]; remove: readonly string[] }, facts: HostFacts): Step[] {
  const { conf, services } = driverOf(facts);
  const content = withDeviceNodes(conf ?? "", nodes);
  const changes = content !== (conf ?? "");
  if (!changes && owedTo(facts).length === 0) return [];
  const expect = conf === null ? null : sha256(conf);
  const written: Step =
    content === ""
      ? { step: "remove", path: qemuConfPath, expect }
      : { step: "write", path: qemuConfPath, content, mode: "0600", expect };
  const told: Step = { step: "run", command: restart(services), timeoutSeconds: 180 };
  return [...(changes ? [written] : []), ...(services.length > 0 ? [told] : [])];
}

/**
 * libvirt reads the file at its start, and only then. A daemon that does not run reads it when it is needed; guests run
 * on without it.
 */
const restart = (services: readonly string[]): string[] => ["systemctl", "try-restart", ...services];

function owedTo(facts: HostFacts): string[] {
  const command = restart(driverOf(facts).services).join(" ");
  return facts.pending.filter((owed) => owed === command);
}

function nodesOf({ groups }: State): string[] {
  const numbers = [...new Set(Object.values(groups ?? {}))].sort((a, b) => Number(a) - Number(b));
  return [container, ...numbers.map((number) => `/dev/vfio/${number}`)];
}

/** Everything is as declared, and nothing is owed. */
function stands({ nodes, pending }: State, wanted: readonly string[]): boolean {
  return same(nodes, wanted) && (pending ?? []).length === 0;
}

function readBack(state: State, facts: HostFacts): State {
  const listed = deviceNodes(driverOf(facts).conf ?? "") ?? [];
  const wanted = state.groups === null ? [] : nodesOf(state);
  const known = [...new Set([...wanted, ...(state.nodes ?? [])])];
  const nodes = known.filter((node) => listed.includes(node));
  return {
    ...state,
    id: state.host,
    nodes,
    // What an import finds there is somebody's.
    previous: (state.previous ?? nodes).filter((node) => nodes.includes(node)),
    pending: owedTo(facts),
    machine_id: facts.machineId,
    assumed: false,
  };
}

/** Those of the wanted ones that somebody else has in the list. */
function foreignNodes(before: State | null, wanted: readonly string[], facts: HostFacts): string[] {
  const listed = deviceNodes(driverOf(facts).conf ?? "") ?? [];
  const [ours, theirs] = [before?.nodes ?? [], before?.previous ?? []];
  return wanted.filter((node) => listed.includes(node) && (theirs.includes(node) || !ours.includes(node)));
}

function driverOf({ qemuDriver }: HostFacts): QemuDriverFacts {
  return qemuDriver ?? { conf: null, services: [] };
}

/** Why the list cannot be kept. */
function problems(state: State, facts: HostFacts): Diagnostic[] {
  const host = state.host ?? "";
  const title = `Unable to keep the device nodes of libvirt on ${host}`;
  if (Object.keys(state.groups ?? {}).length === 0) {
    const words = "None of the devices is in an IOMMU group. Is the IOMMU on there?";
    return [failure(title, words, ["groups"])];
  }
  const { conf, services } = driverOf(facts);
  if (services.length === 0) {
    const words = `${host} has no unit libvirtd.service or virtqemud.service. Is libvirt installed there?`;
    return [failure(title, words, ["host"])];
  }
  try {
    deviceNodes(conf ?? "");
    return [];
  } catch (error) {
    return [failure(title, wordsOf(error))];
  }
}

/** Functions whose group is another than it was told: a reboot may number the groups anew. */
function moved({ host, groups }: State, { devices }: HostFacts): Diagnostic[] {
  const words = Object.entries(groups ?? {}).flatMap(([address, group]) => {
    const now = devices.find((device) => device.address === address)?.iommuGroup ?? null;
    return now === group ? [] : [`${address} was in group ${group} and is in ${now ?? "none"}`];
  });
  if (words.length === 0) return [];
  return [
    failure(
      `The IOMMU groups of ${host ?? ""} changed since the plan`,
      `${words.join("; ")}. Nothing was touched. Plan again.`,
      ["groups"],
    ),
  ];
}
