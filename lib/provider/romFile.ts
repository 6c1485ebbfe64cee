import { readFile } from "node:fs/promises";
import { usersOfRomFile } from "../hypervisors/proxmox/romFiles";
import { describeVm } from "../hypervisors/proxmox/virtualMachine";
import type { Step } from "../model/change";
import { sha256 } from "../model/digest";
import type { HostFacts } from "../model/facts";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
} from "../plugin/types";
import { isRomFileName, romFileSchema, romImages, type RomFileState } from "../schema";
import { stateStays } from "./applyResults";
import { failure, warning, wordsOf } from "./diagnostics";
import { applyAlone, changeAndRead, changeFailure, keep, refresh } from "./hostResource";
import { assumedIn, type Hosts, type Seen } from "./hosts";
import { importedState } from "./importId";
import { hasUnknown, inputsChanged, typed, untyped, type Planned } from "./values";

const inputs = ["host", "name"] as const satisfies readonly (keyof RomFileState)[];

/** Where QEMU of Proxmox VE looks for what `romfile` names. */
const folder = "/usr/share/kvm";

/** What is to stand on the host. */
interface Source {
  readonly bytes: Buffer;
  readonly digest: string;
  readonly images: readonly string[];
}

export const romFile: ResourceType<Hosts> = {
  schema: romFileSchema,

  validate(config) {
    const { name } = typed<Planned<RomFileState>>(config);
    if (typeof name !== "string" || isRomFileName(name)) return [];
    return [
      failure(
        `Unable to use ${JSON.stringify(name)} as the name of a ROM file`,
        `Expected a name without a path that ends in .rom or .bin: letters, digits, \`.\`, \`_\`, \`+\`, \`-\`, such as gpu.rom.`,
        ["name"],
      ),
    ];
  },

  read: (request, hosts, signal) =>
    refresh<RomFileState>(request, hosts, signal, (state, sight) => {
      const digest = digestOn(state, sight.facts);
      if (digest === null) return { state: null, private: keep(sight) };
      return {
        state: untyped<RomFileState>({
          ...state,
          id: `${state.host ?? ""}/${state.name ?? ""}`,
          sha256: digest,
          created: state.created ?? false,
          machine_id: sight.facts.machineId,
          assumed: false,
        }),
        private: keep(sight),
      };
    }),

  async plan({ prior, proposed, config, private: kept }, hosts, signal) {
    const before = prior === null ? null : typed<RomFileState>(prior);
    if (proposed === null || config === null) {
      if (before === null) return { planned: null, private: kept };
      const sight = await hosts.look(before.host ?? "", kept["connection"], signal);
      const diagnostics = sight.kind === "seen" ? inUse(before, sight.facts, before.users ?? []) : [];
      return { planned: null, private: kept, diagnostics };
    }
    const next = typed<Planned<RomFileState>>(proposed);
    const undecided: Planned<RomFileState> = {
      ...next,
      id: next.host === UNKNOWN || next.name === UNKNOWN ? UNKNOWN : `${next.host ?? ""}/${next.name ?? ""}`,
      sha256: UNKNOWN,
      images: UNKNOWN,
      created: before?.created ?? UNKNOWN,
      machine_id: before?.machine_id ?? UNKNOWN,
      assumed: false,
    };
    if (hasUnknown(config)) return { planned: untyped(undecided), private: kept };

    const declared = typed<RomFileState>(proposed);
    const replaced = before !== null && inputsChanged(inputs, before, next);
    let source: Source;
    try {
      source = await readSource(declared);
    } catch (error) {
      const diagnostics = [
        failure(`Unable to use the ROM file ${declared.name ?? ""}`, wordsOf(error), ["source"]),
      ];
      return { planned: untyped(undecided), private: kept, diagnostics };
    }
    const same = before !== null && !replaced && before.sha256 === source.digest;
    const planned = { ...undecided, sha256: source.digest, images: [...source.images] };
    if (same) return { planned: untyped({ ...planned, created: before.created }), private: kept };

    const sight = await hosts.look(declared.host ?? "", kept["connection"], signal);
    const diagnostics: Diagnostic[] = sight.kind === "assumed" ? [sight.notice] : [];
    const mine = before?.created === true && !replaced;
    if (sight.kind === "seen" && !mine) diagnostics.push(...taken(declared, source, sight.facts));
    return {
      planned: untyped({ ...planned, assumed: before === null ? assumedIn(sight) : false }),
      private: kept,
      requiresReplace: replaced ? [["host"], ["name"]] : [],
      diagnostics,
    };
  },

  apply: (request, hosts, signal) =>
    applyAlone<RomFileState>(request, hosts, signal, (_name, before, target, sight) =>
      target === null
        ? remove(before, sight, request.private, signal)
        : write(before, typed(untyped(target)), sight, request.private, signal),
    ),

  import(id) {
    return Promise.resolve({ state: importedState(id, ["host", "name"], romFileSchema.attributes) });
  },
};

async function write(
  before: RomFileState | null,
  target: RomFileState,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const stays = stateStays(before, kept);
  const label = `the ROM file ${target.name ?? ""}`;
  const source = await readSource(target);
  if (source.digest !== target.sha256) {
    return stays([
      failure(
        `${target.source ?? ""} changed since the plan`,
        `Its sha256 was ${target.sha256 ?? ""} and is ${source.digest}. Nothing was touched. Plan again.`,
        ["source"],
      ),
    ]);
  }
  const there = digestOn(target, sight.facts);
  const created = before?.created ?? there === null;
  const refused = created ? [] : taken(target, source, sight.facts);
  if (refused.length > 0) return stays(refused);

  const steps: Step[] =
    there === source.digest
      ? []
      : [
          {
            step: "write",
            path: `${folder}/${target.name ?? ""}`,
            content: source.bytes.toString("base64"),
            encoding: "base64",
            mode: "0644",
            // What a plan did not see is not replaced.
            expect: before?.sha256 ?? null,
          },
        ];
  const work = { purpose: `write ${label} to ${target.host ?? ""}`, machineId: sight.facts.machineId, steps };
  const { outcome, facts } = await changeAndRead(sight, work, signal);
  const failed = outcome.ok ? [] : [changeFailure(target.host ?? "", work, outcome)];
  const digest = facts === null ? null : digestOn(target, facts);
  if (facts === null || digest === null) return stays(failed);
  // Somebody else's file is there.
  if (before === null && digest !== source.digest) return stays(failed);
  return {
    state: untyped<RomFileState>({
      ...target,
      sha256: digest,
      created,
      machine_id: facts.machineId,
      assumed: false,
    }),
    private: keep(sight, facts),
    diagnostics: failed,
  };
}

async function remove(
  before: RomFileState | null,
  sight: Seen,
  kept: PrivateState,
  signal: AbortSignal,
): Promise<ApplyResult> {
  const there = before && digestOn(before, sight.facts);
  if (before === null || there === null) return { state: null, private: kept };
  const stays = `${folder}/${before.name ?? ""} stays on ${before.host ?? ""}`;
  if (before.created !== true) {
    return {
      state: null,
      private: kept,
      diagnostics: [warning(stays, "It was there before this stack named it.")],
    };
  }
  if (there !== before.sha256) {
    return {
      state: null,
      private: kept,
      diagnostics: [warning(stays, "Somebody changed it since: it is not the file that this stack wrote.")],
    };
  }
  const used = inUse(before, sight.facts, []);
  if (used.length > 0) return { state: untyped(before), private: kept, diagnostics: used };
  const work = {
    purpose: `remove the ROM file ${before.name ?? ""} from ${before.host ?? ""}`,
    machineId: sight.facts.machineId,
    steps: [{ step: "remove" as const, path: `${folder}/${before.name ?? ""}`, expect: there }],
  };
  const { outcome } = await changeAndRead(sight, work, signal);
  if (outcome.ok) return { state: null, private: kept };
  return {
    state: untyped(before),
    private: kept,
    diagnostics: [changeFailure(before.host ?? "", work, outcome)],
  };
}

/** @throws an Error where the file cannot be read, or is no ROM. */
async function readSource({ source }: RomFileState): Promise<Source> {
  const path = source ?? "";
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new Error(`Unable to read ${path}: ${wordsOf(error)}`);
  }
  try {
    const images = romImages(bytes).map(({ id, firmware }) => `${id} ${firmware}`);
    return { bytes, digest: sha256(bytes), images };
  } catch (error) {
    throw new Error(`${path} is no option ROM: ${wordsOf(error)}.`);
  }
}

/** The file's digest on its host; null where there is none. */
function digestOn({ host, name }: RomFileState, { proxmox }: HostFacts): string | null {
  if (proxmox === null) {
    throw new Error(
      `${host ?? ""} does not answer as a Proxmox VE host: /etc/pve cannot be read there. Is the pve-cluster service running?`,
    );
  }
  return proxmox.romDigests[name ?? ""] ?? null;
}

/** A file of that name and of other content is somebody's. */
function taken(state: RomFileState, { digest }: Source, facts: HostFacts): Diagnostic[] {
  const there = digestOn(state, facts);
  if (there === null || there === digest) return [];
  return [
    failure(
      `${folder}/${state.name ?? ""} on ${state.host ?? ""} is not of this stack`,
      `A file of that name is there, with other content (sha256 ${there}; declared is ${digest}). It is left as it is. ` +
        "Choose another name, or move it away.",
      ["name"],
    ),
  ];
}

/** VMs that could not start any more; those of `peers` are changed first. */
function inUse(state: RomFileState, facts: HostFacts, peers: readonly string[]): Diagnostic[] {
  const users = usersOfRomFile(facts, state.name ?? "").filter(({ vm }) => !peers.includes(vm.id));
  if (users.length === 0) return [];
  const words = users.map(({ vm, slot }) => `${describeVm(vm)} as part of ${slot}`).join(", ");
  return [
    failure(
      `The ROM file ${state.name ?? ""} of ${state.host ?? ""} is in use`,
      `${words} ${users.length > 1 ? "name" : "names"} it, and could not start without it. Take it out there first.`,
    ),
  ];
}
