import type { Step } from "./change";
import { parseManager, type ManagedMark } from "./manager";
import { paths } from "./paths";
import type { RebootPreparation } from "./rebootPreparation";
import { guestWords, type GuestKind, type RunningGuest } from "./runningGuests";
import { sha256 } from "./digest";
import type { HaService, RebootSurvey } from "./survey";

/** Something that leaves a host before it reboots and is given back afterwards; JSON, kept on the host meanwhile. */
export type DrainEntry =
  | {
      readonly kind: "guest";
      readonly guest: GuestKind;
      readonly id: string;
      readonly name: string;
      readonly startsWithHost: boolean;
      /** It holds devices of the host: it starts only on a host that is proven. */
      readonly passed: boolean;
      /** Its place in the start order; null: it starts last. */
      readonly order: number | null;
    }
  /** A guest that moves to another node meanwhile. */
  | {
      readonly kind: "migration";
      readonly guest: "vm" | "container";
      readonly id: string;
      readonly name: string;
      readonly home: string;
      readonly target: string;
    }
  /** A highly available guest that cannot move: its manager stops it, and starts it again. */
  | { readonly kind: "ha-service"; readonly sid: string; readonly passed: boolean }
  /** The high availability manager moves what it can. */
  | { readonly kind: "ha-maintenance"; readonly node: string; readonly services: readonly string[] }
  /** Ceph does not refill what is away for a reboot only. */
  | { readonly kind: "ceph-noout" };

type Kind = DrainEntry["kind"];
type EntryOf<K extends Kind> = Extract<DrainEntry, { kind: K }>;

/** One time that a host is drained. */
export interface Round {
  readonly preparation: RebootPreparation;
  /** Tells the background commands of this time from those of another. */
  readonly run: string;
}

interface Stage<E> {
  /** Stages of one number begin together; a number waits for those before it. */
  readonly phase: number;
  words(entry: E): string;
  begin(entry: E, round: Round): Step[];
  /** What it still waits for; null: it is done. */
  left(entry: E, survey: RebootSurvey): string | null;
  /** Seconds until it is late; null: it is done as soon as its command is. */
  limit(entry: E, preparation: RebootPreparation): number | null;
  /** Where it is late and force was asked for; absent: it cannot be forced, or has been by itself. */
  force?(entry: E): Step[];
  /** Gives it back; nothing where that is no more needed. `rebooted`: since it began. */
  undo(entry: E, survey: RebootSurvey, rebooted: boolean): Step[];
  /** Only a host that runs what is declared gets it back. */
  needsProof(entry: E): boolean;
}

/** Seconds that something gets which nobody sets a limit for. */
const commandSeconds = 600;
const migrationSeconds = 3600;

const command = (...words: readonly string[]): Step => ({
  step: "command",
  command: words,
  timeoutSeconds: commandSeconds,
});

const virsh = (...words: readonly string[]): Step => command("virsh", "-q", "-c", "qemu:///system", ...words);

/** Proxmox VE's own command for each kind of guest. */
const tools = { vm: "qm", container: "pct" } as const;

/** What an entry is about, whatever else is known of it: the same is drained once. */
function subjectOf(entry: DrainEntry): string {
  switch (entry.kind) {
    case "guest":
    case "migration":
      return `guest ${entry.guest}/${entry.id}`;
    case "ha-service":
      return `service ${entry.sid}`;
    default:
      return entry.kind;
  }
}

/** What a background command of an entry is called on the host. */
export function backgroundName(entry: DrainEntry, run: string): string {
  return `${run}-${sha256(subjectOf(entry)).slice(0, 12)}`;
}

const guest: Stage<EntryOf<"guest">> = {
  phase: 2,
  words: ({ guest, id, name }) => `${guestWords({ kind: guest, id, name })} shuts down`,
  begin(entry, { preparation: { shutdownTimeout, unresponsive }, run }) {
    const { guest: kind, id } = entry;
    if (kind === "domain") return [virsh("shutdown", id)];
    const force = unresponsive === "power-off" ? ["--forceStop", "1"] : [];
    const shutdown = [tools[kind], "shutdown", id, "--timeout", String(Math.ceil(shutdownTimeout)), ...force];
    return [{ step: "background", name: backgroundName(entry, run), command: shutdown }];
  },
  left: ({ guest, id, name }, { running }) =>
    running.has(`${guest}/${id}`) ? guestWords({ kind: guest, id, name }) : null,
  // Proxmox VE keeps the time itself, and powers off what it is told to; libvirt does not wait.
  limit: ({ guest }, { shutdownTimeout }) => shutdownTimeout + (guest === "domain" ? 0 : 60),
  force: ({ guest, id }) => (guest === "domain" ? [virsh("destroy", id)] : []),
  undo({ guest, id, startsWithHost }, { running }, rebooted) {
    if (running.has(`${guest}/${id}`) || (rebooted && startsWithHost)) return [];
    return [guest === "domain" ? virsh("start", id) : command(tools[guest], "start", id)];
  },
  needsProof: ({ passed }) => passed,
};

const migration: Stage<EntryOf<"migration">> = {
  phase: 2,
  words: ({ guest, id, name, target }) => `${guestWords({ kind: guest, id, name })} moves to ${target}`,
  begin(entry, { run }) {
    // A container cannot move while it runs: it is stopped, moved and started there.
    const how = entry.guest === "vm" ? "--online" : "--restart";
    return [
      {
        step: "background",
        name: backgroundName(entry, run),
        command: [tools[entry.guest], "migrate", entry.id, entry.target, how, "1"],
      },
    ];
  },
  left: ({ guest, id, name }, { running }) =>
    running.has(`${guest}/${id}`) ? guestWords({ kind: guest, id, name }) : null,
  limit: () => migrationSeconds,
  undo({ guest, id, home, target }, { running }) {
    if (running.has(`${guest}/${id}`)) return [];
    const path = `/nodes/${target}/${guest === "vm" ? "qemu" : "lxc"}/${id}/migrate`;
    const how = guest === "vm" ? "--online" : "--restart";
    return [
      {
        ...command("pvesh", "create", path, "--target", home, how, "1"),
        timeoutSeconds: migrationSeconds,
      } as Step,
    ];
  },
  needsProof: () => false,
};

const haService: Stage<EntryOf<"ha-service">> = {
  phase: 1,
  words: ({ sid }) => `high availability stops ${sid}, which cannot move`,
  begin: ({ sid }) => [command("ha-manager", "set", sid, "--state", "stopped")],
  left: ({ sid }, survey) =>
    survey.running.has(localGuest(sid)) || serviceOf(sid, survey)?.state === "started" ? sid : null,
  limit: (_entry, { shutdownTimeout }) => shutdownTimeout + 180,
  undo: ({ sid }, survey) =>
    serviceOf(sid, survey)?.requested === "started"
      ? []
      : [command("ha-manager", "set", sid, "--state", "started")],
  needsProof: ({ passed }) => passed,
};

const haMaintenance: Stage<EntryOf<"ha-maintenance">> = {
  phase: 1,
  words: ({ node, services }) =>
    `high availability puts ${node} into maintenance and moves ${services.join(", ")}`,
  begin: ({ node }) => [command("ha-manager", "crm-command", "node-maintenance", "enable", node)],
  // The state alone says nothing: it is `maintenance` while services still move.
  left({ node, services }, survey) {
    const here = services.filter((sid) => {
      const found = serviceOf(sid, survey);
      return survey.running.has(localGuest(sid)) || (found !== undefined && found.node === node);
    });
    return here.length > 0 ? here.join(", ") : null;
  },
  limit: () => migrationSeconds,
  undo: ({ node }) => [command("ha-manager", "crm-command", "node-maintenance", "disable", node)],
  needsProof: () => false,
};

const cephNoout: Stage<EntryOf<"ceph-noout">> = {
  phase: 3,
  words: () => "Ceph gets the flag noout",
  begin: () => [command("ceph", "osd", "set", "noout")],
  left: () => null,
  limit: () => null,
  undo: (_entry, { ceph }) => (ceph?.noout === false ? [] : [command("ceph", "osd", "unset", "noout")]),
  needsProof: () => false,
};

const stages: { readonly [K in Kind]: Stage<EntryOf<K>> } = {
  guest,
  migration,
  "ha-service": haService,
  "ha-maintenance": haMaintenance,
  "ceph-noout": cephNoout,
};

/** How an entry leaves and comes back. */
export function stageOf<E extends DrainEntry>(entry: E): Stage<E> {
  return stages[entry.kind] as unknown as Stage<E>;
}

/**
 * Entries in the order that they leave in: together with all of their phase, but guests with another place in the start
 * order one place after the other.
 */
export function phasesOf(entries: readonly DrainEntry[]): DrainEntry[][] {
  const phases = new Map<string, DrainEntry[]>();
  const keyOf = (entry: DrainEntry) =>
    `${stageOf(entry).phase} ${entry.kind === "guest" ? String(entry.order) : ""}`;
  for (const entry of entries) phases.set(keyOf(entry), [...(phases.get(keyOf(entry)) ?? []), entry]);
  const phaseOf = ([entry]: readonly DrainEntry[]) => (entry ? stageOf(entry).phase : 0);
  // Sorting is stable, and guests stand in their order already.
  return [...phases.values()].sort((one, other) => phaseOf(one) - phaseOf(other));
}

/** `vm:100` as a survey calls it. */
function localGuest(sid: string): string {
  const [kind = "", id = ""] = sid.split(":");
  return `${kind === "ct" ? "container" : kind}/${id}`;
}

function serviceOf(sid: string, { proxmox }: RebootSurvey): HaService | undefined {
  return proxmox?.ha?.services.find((service) => service.sid === sid);
}

/** What stands on the host while it is drained. */
export interface DrainRecord {
  readonly version: 1;
  /** The boot that it was drained in. */
  readonly bootId: string;
  /** See Round. */
  readonly run: string;
  readonly entries: readonly DrainEntry[];
  /** What the host's manager did with it; absent: nothing. */
  readonly managed?: ManagedMark;
}

/** The record that stands on a host; null where there is none. Throws where it cannot be read. */
export function parseDrain(text: string | null): DrainRecord | null {
  if (text === null || text.trim() === "") return null;
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    record = null;
  }
  const { version, entries, managed } = (record ?? {}) as Partial<DrainRecord>;
  const known = Array.isArray(entries) && entries.every(({ kind }) => Object.hasOwn(stages, kind));
  if (version !== 1 || !known || (managed !== undefined && !isMark(managed)))
    throw new Error(
      `${paths.drain} on the host cannot be read. It says what left the host and waits to be brought back: do that by hand, then remove it.`,
    );
  return record as DrainRecord;
}

function isMark({ manager, host, ours, stopped }: ManagedMark): boolean {
  try {
    parseManager(manager);
  } catch {
    return false;
  }
  return typeof host === "string" && typeof ours === "boolean" && Array.isArray(stopped);
}

export function printDrain(record: DrainRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

export function drainSteps(before: string | null, record: DrainRecord | null): Step[] {
  const expect = before === null ? null : sha256(before);
  if (record === null) return before === null ? [] : [{ step: "remove", path: paths.drain, expect }];
  const content = printDrain(record);
  return content === before ? [] : [{ step: "write", path: paths.drain, content, mode: "0600", expect }];
}

/** Everything that has to leave before the host reboots, phase by phase; an earlier run's part stays in it. */
export function planDrain(
  guests: readonly RunningGuest[],
  survey: RebootSurvey,
  preparation: RebootPreparation,
  earlier: DrainRecord | null,
): DrainEntry[] {
  const node = survey.proxmox?.cluster?.nodes.find(({ local }) => local)?.name ?? "";
  const elsewhere = (survey.proxmox?.cluster?.nodes ?? []).some(({ local, online }) => online && !local);
  const services = (survey.proxmox?.ha?.services ?? []).filter(
    (service) => service.node === node && service.requested === "started",
  );
  const guestOf = (sid: string) => guests.find(({ kind, id }) => `${kind}/${id}` === localGuest(sid));
  const bound = services.filter(({ sid }) => !elsewhere || (guestOf(sid)?.passed.length ?? 0) > 0);
  const moving = services.filter((service) => !bound.includes(service));
  const managed = new Set(services.map(({ sid }) => localGuest(sid)));
  const own = guests.filter(
    ({ kind, id }) => survey.running.has(`${kind}/${id}`) && !managed.has(`${kind}/${id}`),
  );
  const entries: DrainEntry[] = [
    ...bound.map(({ sid }): DrainEntry => ({
      kind: "ha-service",
      sid,
      passed: (guestOf(sid)?.passed.length ?? 0) > 0,
    })),
    ...(moving.length > 0
      ? [{ kind: "ha-maintenance" as const, node, services: moving.map(({ sid }) => sid) }]
      : []),
    // What starts first stops last.
    ...[...own]
      .sort((one, other) => (other.order ?? Infinity) - (one.order ?? Infinity) || 0)
      .map((found) => guestEntry(found, node, preparation)),
    ...(survey.ceph !== null && !survey.ceph.noout ? [{ kind: "ceph-noout" as const }] : []),
  ];
  const known = new Set(entries.map(subjectOf));
  return [...(earlier?.entries ?? []).filter((entry) => !known.has(subjectOf(entry))), ...entries];
}

function guestEntry(
  { kind, id, name, startsWithHost, passed, order }: RunningGuest,
  home: string,
  { migrateTo }: RebootPreparation,
): DrainEntry {
  if (kind !== "domain" && migrateTo !== null && passed.length === 0 && home !== "" && home !== migrateTo)
    return { kind: "migration", guest: kind, id, name, home, target: migrateTo };
  return { kind: "guest", guest: kind, id, name, startsWithHost, passed: passed.length > 0, order };
}
