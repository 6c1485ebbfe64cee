import {
  desiredMapping,
  entrySetting,
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
import { identify, parseMapping, type MappedDevice } from "../hypervisors/proxmox/mapping";
import { untouched, type SettingChange, type Settings, type VmRecord } from "../hypervisors/types";
import { describeVm } from "../hypervisors/proxmox/virtualMachine";
import type { HostFacts, MappingKind, ProxmoxFacts } from "../model/facts";
import { isPciAddress, normalisePciAddress } from "../model/pciAddress";
import {
  UNKNOWN,
  type ApplyResult,
  type Diagnostic,
  type PrivateState,
  type ResourceType,
  type Unknown,
} from "../plugin/types";
import { pciMappingSchema, usbMappingSchema, type PciMappingState, type UsbMappingState } from "../schema";
import { changedSincePlan, stateStays } from "./applyResults";
import { failure, warning } from "./diagnostics";
import { changeAndRead, changeFailure, checkMachine, keep } from "./hostResource";
import { assumedIn, type Hosts, type Seen, type Sight } from "./hosts";
import { importedState } from "./importId";
import { hasUnknown, inputsChanged, same, typed, untyped, type Planned } from "./values";

type MappingState = UsbMappingState & Partial<Pick<PciMappingState, "mdev" | "live_migration">>;

/** A declared device with the host that has it. */
type HostDevice = MappedDevice & { readonly host: string };

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
      const record = recordOf(kept, state);
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
    return { options: optionsOf(state), file, desired, record: recordOf(kept, state) };
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

interface VmSlotWords {
  readonly id: string;
  readonly words: string;
}

type Sights = Readonly<Record<string, Sight>>;

function malformed(kind: MappingKind, { address, id, port }: HostDevice): string[] {
  if (kind === "pci") {
    const parts = (address ?? "").split(";");
    return parts
      .filter((part) => !isPciAddress(part))
      .map(
        (part) =>
          `${JSON.stringify(part)} is not a PCI address. Expected [dddd:]bb:dd[.f] in hex, such as 0000:01:00.`,
      );
  }
  return [
    ...(/^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(id ?? "")
      ? []
      : [
          `${JSON.stringify(id)} is not the id of a USB device. Expected vendor and product, such as 046d:c52b.`,
        ]),
    ...(port === null || /^\d+-\d+(?:\.\d+)*$/.test(port)
      ? []
      : [`${JSON.stringify(port)} is not a USB port. Expected bus-port[.port...], such as 1-4.2.`]),
  ];
}

function devicesOf(state: MappingState): Record<string, HostDevice> {
  const declared = (state.devices ?? {}) as Record<string, Record<string, string | null>>;
  return Object.fromEntries(
    Object.entries(declared).map(([key, { host, address, id, port }]) => [
      key,
      { host: host ?? "", address: address ?? null, id: id ?? null, port: port ?? null },
    ]),
  );
}

/** The writer and every host that has one of the devices. */
async function lookAll(
  state: MappingState,
  kept: PrivateState,
  hosts: Hosts,
  signal: AbortSignal,
): Promise<Sights> {
  const connections = (kept["connections"] ?? {}) as Readonly<Record<string, unknown>>;
  const names = new Set([state.host ?? "", ...Object.values(devicesOf(state)).map(({ host }) => host)]);
  const sights = await Promise.all(
    [...names].map(async (name) => [name, await hosts.look(name, connections[name], signal)] as const),
  );
  return Object.fromEntries(sights);
}

function noticeOf(sights: Sights): Diagnostic | null {
  const assumed = Object.values(sights).find((sight) => sight.kind === "assumed");
  return assumed?.kind === "assumed" ? assumed.notice : null;
}

function seen(sights: Sights, host: string | null): Seen | null {
  const all = Object.values(sights);
  const sight = sights[host ?? ""];
  return sight?.kind === "seen" && all.every(({ kind }) => kind === "seen") ? sight : null;
}

function cluster(host: string, facts: HostFacts): ProxmoxFacts {
  if (facts.proxmox === null) {
    throw new Error(
      `${host} does not answer as a Proxmox VE host: /etc/pve cannot be read there. Is the pve-cluster service running?`,
    );
  }
  return facts.proxmox;
}

/** What is declared as the hosts stand, and what cannot be told. */
function desiredOf(
  options: MappingOptions,
  state: MappingState,
  sights: Sights,
): { settings: Settings; missing: string[] } {
  const missing: string[] = [];
  const entries = Object.entries(devicesOf(state)).flatMap(([key, device]) => {
    const sight = sights[device.host];
    if (sight?.kind !== "seen") return [];
    cluster(device.host, sight.facts);
    return identify(options.kind, device, sight.facts).flatMap((found) => {
      if ("entry" in found) return [found.entry];
      missing.push(`${key} on ${device.host}: ${found.missing}`);
      return [];
    });
  });
  return { settings: desiredMapping(options, entries), missing };
}

/**
 * What a plan can promise: options, and the entries of the refresh. Of a device that is new here only the key is known,
 * as a reboot in the same apply may bring its IOMMU group about or number it anew.
 */
function plannedSettings(
  options: MappingOptions,
  state: MappingState,
  before: MappingState | null,
  refreshed: Settings,
  sights: Sights,
): Record<string, string | Unknown> {
  const known = before === null ? {} : refreshed;
  const entries = Object.values(devicesOf(state)).flatMap(({ host, address, id, port }) => {
    const sight = sights[host];
    const node = sight?.kind === "seen" ? cluster(host, sight.facts).node : "";
    const paths =
      address === null ? [port ?? id?.toLowerCase() ?? ""] : address.split(";").map(normalisePciAddress);
    return paths.map((path) => {
      const key = entrySetting(`node=${node},path=${path}`);
      return [key, known[key] ?? UNKNOWN] as const;
    });
  });
  return { ...desiredMapping(options, []), ...Object.fromEntries(entries) };
}

/** Hosts of another cluster. */
function strangers(
  state: MappingState,
  before: MappingState | null,
  sights: Sights,
  writer: Seen,
): Diagnostic[] {
  const { nodes } = cluster(state.host ?? "", writer.facts);
  const others = Object.entries(sights).flatMap(([host, sight]) => {
    const node = sight.kind === "seen" ? cluster(host, sight.facts).node : null;
    return node === null || nodes.includes(node) ? [] : [`${host} is node ${node}`];
  });
  const moved = before?.node;
  if (moved && before.host !== state.host && !nodes.includes(moved))
    others.push(`it was written on node ${moved}`);
  if (others.length === 0) return [];
  return [
    failure(
      `Resource mapping ${state.name ?? ""} spans more than one cluster`,
      `${others.join(", ")}; the cluster of ${state.host ?? ""} has ${nodes.join(", ")}. A mapping belongs to one cluster: ` +
        "declare one for each.",
      ["devices"],
    ),
  ];
}

/** A mapping of that name is somebody's already. */
function taken(title: string, state: MappingState, kind: MappingKind, { facts }: Seen): Diagnostic[] {
  const found = parseMapping(cluster(state.host ?? "", facts).mappingFiles[kind], state.name ?? "");
  if (found === null) return [];
  return [
    failure(
      `There is a ${title} already`,
      `It has:${found.entries.map((entry) => `\n  ${entry}`).join("")}\nSet \`adopt: true\` to take it over, or choose ` +
        "another name.",
      ["name"],
    ),
  ];
}

/** VMs that could not start any more; those of `peers` are changed first. */
function inUse(
  title: string,
  users: readonly VmSlotWords[],
  { facts }: Seen,
  peers: readonly string[],
): Diagnostic[] {
  const left = users.filter(({ id }) => !peers.includes(id));
  if (left.length === 0) return [];
  return [
    failure(
      `${title} is in use`,
      `${left.map(({ words }) => words).join(", ")} ${left.length > 1 ? "name" : "names"} it in the cluster of ` +
        `${facts.proxmox?.node ?? ""}, and could not start without it. Take it out there first.`,
    ),
  ];
}

/** Settings of ours that are neither what the plan saw nor what is wanted. */
function editedSince(
  before: MappingState,
  { file, options }: MappingRequest,
  desired: Settings | null,
): SettingChange[] {
  const found = parseMapping(file, options.name);
  if (found === null) return [];
  const seenThen = before.settings ?? {};
  const now = observedMapping(found, seenThen);
  return Object.entries(seenThen).flatMap(([key, was]) => {
    const is = now[key] ?? null;
    const wanted = desired?.[key];
    if (mappingSatisfies(key, is, was) || (wanted !== undefined && mappingSatisfies(key, is, wanted)))
      return [];
    return [{ key, before: was, after: is }];
  });
}

function recordOf(kept: PrivateState, state: MappingState | null): VmRecord {
  const record = kept["record"] as VmRecord | undefined;
  if (record !== undefined) return record;
  // Of a tainted resource, Terraform hands over no private state.
  return state?.created === true ? { base: {}, written: state.settings ?? {} } : untouched;
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
