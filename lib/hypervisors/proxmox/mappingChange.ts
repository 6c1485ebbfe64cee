import type { Step } from "../../model/change";
import type { HostFacts, MappingKind } from "../../model/facts";
import { parsePciValue, pciKey } from "./hostpci";
import { parseUsbValue, usbKey } from "./hostusb";
import { entryKey, mappingDigest, parseMapping, sameEntry, type ResourceMapping } from "./mapping";
import { parseBoolean } from "./propertyString";
import type { SettingChange, Settings, VmRecord } from "../types";
import { allVms, type VirtualMachine } from "./virtualMachine";

/** Seconds that `pvesh` may take: it waits for the cluster's lock. */
const pveshSeconds = 120;

/** What is declared of a mapping as a whole; null where it is not ours. */
export interface MappingOptions {
  readonly kind: MappingKind;
  readonly name: string;
  readonly description: string | null;
  readonly mdev: boolean | null;
  readonly liveMigration: boolean | null;
}

/** What is wrong with a declaration whatever the host, in words. */
export function mappingProblems({ name, description }: MappingOptions): string[] {
  const text = description ?? "";
  return [
    ...(/^[a-z][a-z0-9_-]+$/i.test(name)
      ? []
      : [
          `${JSON.stringify(name)} is not the name of a resource mapping. Expected a letter, then letters, digits, _ and -, such as gpu.`,
        ]),
    // A line of the cluster's file, whose ends Proxmox VE trims.
    ...(/[\p{Cc}\u2028\u2029]/u.test(text) || text !== text.trim() || text.length > 4096 || description === ""
      ? [
          `The description ${JSON.stringify(text.slice(0, 80))} cannot stand in the cluster's configuration. Expected one line ` +
            "of at most 4096 characters, without blanks at its ends.",
        ]
      : []),
  ];
}

/** `map pve1 0000:01:00`: the setting of one entry. */
export function entrySetting(entry: string): string {
  return `map ${entryKey(entry)}`;
}

/** A mapping as settings, as a VM's are: its options, and each entry under a key of its own. */
export function mappingSettings({ options, entries }: ResourceMapping): Settings {
  return { ...options, ...Object.fromEntries(entries.map((entry) => [entrySetting(entry), entry])) };
}

/** What is declared, in Proxmox VE's words. */
export function desiredMapping(declared: MappingOptions, entries: readonly string[]): Settings {
  const { description, mdev, liveMigration } = declared;
  const flag = (value: boolean) => (value ? "1" : "0");
  return {
    ...(description === null ? {} : { description }),
    ...(mdev === null ? {} : { mdev: flag(mdev) }),
    ...(liveMigration === null ? {} : { "live-migration-capable": flag(liveMigration) }),
    // By node and path: of a node's entries, a VM gets the first that is free.
    ...Object.fromEntries(
      entries.map((entry) => [entrySetting(entry), entry] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  };
}

/** Whether a mapping's setting (null: not set) is what is wanted. */
export function mappingSatisfies(key: string, actual: string | null, wanted: string): boolean {
  if (isEntry(key)) return actual !== null && sameEntry(actual, wanted);
  if (key === "description") return actual === wanted;
  return parseBoolean(actual ?? "0") === parseBoolean(wanted);
}

const isEntry = (key: string): boolean => key.startsWith("map ");

/** What is wanted of one mapping of the cluster. */
export interface MappingRequest {
  readonly options: MappingOptions;
  /** The cluster's file. */
  readonly file: string;
  /** null: give back what is ours. */
  readonly desired: Settings | null;
  readonly record: VmRecord;
}

export interface MappingChange {
  readonly steps: readonly Step[];
  readonly changes: readonly SettingChange[];
  readonly record: VmRecord;
}

/** What brings a mapping about, or gives it back: entries and options of others stay as they are. */
export function mappingChange({ options, file, desired, record }: MappingRequest): MappingChange {
  const { kind, name } = options;
  const mapping = parseMapping(file, name);
  const now = mapping === null ? {} : mappingSettings(mapping);
  const next: Record<string, string | null> = { ...now };
  for (const [key, wanted] of Object.entries(desired ?? {}))
    if (!mappingSatisfies(key, now[key] ?? null, wanted)) next[key] = wanted;
  for (const [key, written] of Object.entries(record.written)) {
    if (desired !== null && Object.hasOwn(desired, key)) continue;
    // What somebody changed since is theirs.
    if (mappingSatisfies(key, now[key] ?? null, written)) next[key] = record.base[key] ?? null;
  }
  const changes = Object.entries(next).flatMap(([key, after]) => {
    const before = now[key] ?? null;
    return before === after ? [] : [{ key, before, after }];
  });
  return {
    steps: changes.length === 0 ? [] : steps(kind, name, mapping, next, mappingDigest(file)),
    changes,
    record: {
      base: Object.fromEntries(
        Object.keys(desired ?? {}).map((key) => [
          key,
          (Object.hasOwn(record.base, key) ? record.base[key] : now[key]) ?? null,
        ]),
      ),
      written: desired ?? {},
    },
  };
}

function steps(
  kind: MappingKind,
  name: string,
  mapping: ResourceMapping | null,
  next: Readonly<Record<string, string | null>>,
  digest: string,
): Step[] {
  const all = `/cluster/mapping/${kind}`;
  const set = Object.entries(next).flatMap(([key, value]) =>
    value === null ? [] : [isEntry(key) ? `--map=${value}` : `--${key}=${value}`],
  );
  const hasEntries = set.some((word) => word.startsWith("--map="));
  if (mapping === null) return hasEntries ? [pvesh("create", all, `--id=${name}`, ...set)] : [];
  if (!hasEntries) {
    // `delete` takes no digest. Writing what is there anyway makes Proxmox VE compare it.
    const same = mapping.entries.map((entry) => `--map=${entry}`);
    return [pvesh("set", `${all}/${name}`, `--digest=${digest}`, ...same), pvesh("delete", `${all}/${name}`)];
  }
  const gone = Object.entries(next).flatMap(([key, value]) => (value === null && !isEntry(key) ? [key] : []));
  const deleted = gone.length > 0 ? [`--delete=${gone.join(",")}`] : [];
  return [pvesh("set", `${all}/${name}`, `--digest=${digest}`, ...set, ...deleted)];
}

/** Values stand behind `=`, so that none is taken for an option. */
function pvesh(...words: readonly string[]): Step {
  return { step: "command", command: ["pvesh", ...words], timeoutSeconds: pveshSeconds };
}

/** The wanted settings as the cluster has them: in the wanted text where the meaning is the same. */
export function observedMapping(mapping: ResourceMapping, wanted: Settings): Settings {
  const now = mappingSettings(mapping);
  return Object.fromEntries(
    Object.entries(wanted).flatMap(([key, text]) => {
      const actual = now[key] ?? null;
      if (mappingSatisfies(key, actual, text)) return [[key, text] as const];
      return actual === null ? [] : [[key, actual] as const];
    }),
  );
}

/** Slots of the cluster's VMs that name a mapping, now or at their next start. */
export function usersOf(facts: HostFacts, kind: MappingKind, name: string): readonly VmSlot[] {
  const [form, parse] = kind === "pci" ? [pciKey, parsePciValue] : [usbKey, parseUsbValue];
  return allVms(facts).flatMap((vm) => {
    const values = { ...(vm.running ? vm.current : {}), ...vm.configured };
    const slots = Object.entries(values).flatMap(([slot, value]) =>
      form.test(slot) && parse(value)?.["mapping"] === name ? [slot] : [],
    );
    return slots.map((slot) => ({ vm, slot }));
  });
}

export interface VmSlot {
  readonly vm: VirtualMachine;
  readonly slot: string;
}

/** Nodes that have no entry any more once the changes are made. */
export function nodesWithout(mapping: ResourceMapping | null, changes: readonly SettingChange[]): string[] {
  const nodeOf = (key: string): string => key.split(" ")[1] ?? "";
  const before = mapping === null ? [] : Object.keys(mappingSettings(mapping)).filter(isEntry);
  const removed = changes.filter(({ key, after }) => isEntry(key) && after === null).map(({ key }) => key);
  const left = new Set(before.filter((key) => !removed.includes(key)).map(nodeOf));
  return [...new Set(removed.map(nodeOf))].filter((node) => !left.has(node));
}

/** The record that fits what the cluster has after a change that may have come to its end or not. */
export function mappingRecordAfter(
  before: VmRecord,
  change: MappingChange,
  mapping: ResourceMapping | null,
): VmRecord {
  const now = mapping === null ? {} : mappingSettings(mapping);
  const there = (written: Settings) =>
    Object.entries(written).filter(([key, text]) => mappingSatisfies(key, now[key] ?? null, text));
  return {
    base: { ...before.base, ...change.record.base },
    written: Object.fromEntries([...there(before.written), ...there(change.record.written)]),
  };
}
