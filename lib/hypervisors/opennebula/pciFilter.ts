/**
 * Which devices the front end's hosts list: the probe's configuration, and what the template of a host sets for that
 * host alone. Decisions only.
 */
import type { Step } from "../../model/change";
import { sha256 } from "../../model/digest";
import type { HostFacts } from "../../model/facts";
import {
  matchesPciFilter,
  parsePciFilter,
  printPciPattern,
  samePciFilter,
  shortPciAddress,
} from "../../model/openNebulaFilter";
import {
  parsePciConf,
  pciConfPath,
  samePciConf,
  withPciConf,
  type PciConf,
} from "../../model/openNebulaPciConf";
import { attributeOf, printTemplate } from "../../model/openNebulaTemplate";
import type { SettingChange, Settings, VmRecord } from "../types";
import { cloudOf, findNamed, type Cloud, type CloudHost } from "./cloud";
import { feedStep, oneStep, syncCommand, syncStep } from "./commands";
import {
  desiredFilter,
  placeOf,
  type FilterProblem,
  type Override,
  type PciFilterDeclaration,
  type Place,
} from "./filterDeclaration";

/** A front end as these decisions see it. */
interface FrontEnd {
  readonly cloud: Cloud;
  readonly text: string;
  readonly conf: PciConf;
}

/** @throws an Error where it cannot be told how the front end stands */
function frontEndOf(facts: HostFacts, host: string): FrontEnd {
  const cloud = cloudOf(facts, host);
  const text = facts.opennebula?.pciConf ?? null;
  if (text === null) {
    throw new Error(
      `${host} has no ${pciConfPath}. Expected the front end of OpenNebula 5.6 or later, as its packages install it.`,
    );
  }
  return { cloud, text, conf: parsePciConf(text) };
}

function actual({ cloud, conf }: FrontEnd, place: Place): string | null {
  if ("conf" in place) return conf[place.conf]?.source ?? null;
  const host = findNamed(cloud.hosts, place.host, "host");
  return host && attributeOf(host.template, place.name);
}

/** The setting stands there to the same effect. */
function satisfied(frontEnd: FrontEnd, setting: string, wanted: string): boolean {
  const place = placeOf(setting);
  if ("conf" in place) {
    const values = parsePciConf(wanted)[place.conf]?.values ?? null;
    const entry = frontEnd.conf[place.conf];
    // What stood there before us may be a key without a value.
    return values === null ? entry?.source === wanted : samePciConf(place.conf, entry, values);
  }
  const value = actual(frontEnd, place);
  return value !== null && sameOverride(place.name, value, wanted);
}

function sameOverride(name: Override, one: string, other: string): boolean {
  if (one === other) return true;
  if (name === "PCI_FILTER") {
    try {
      return samePciFilter(parsePciFilter(one), parsePciFilter(other));
    } catch {
      return false;
    }
  }
  const words = (text: string) =>
    JSON.stringify(
      text
        .split(",")
        .map((word) => (name === "PCI_SHORT_ADDRESS" ? word.trim().toLowerCase() : word))
        .sort(),
    );
  return words(one) === words(other);
}

export interface FilterView {
  /** The wanted settings that stand: in the wanted text where the effect is the same. */
  readonly settings: Settings;
  /** Commands that an interrupted change still owes. */
  readonly pending: readonly string[];
}

/** @throws an Error where it cannot be told how the front end stands */
export function observeFilter(facts: HostFacts, host: string, wanted: Settings): FilterView {
  const frontEnd = frontEndOf(facts, host);
  const settings = Object.entries(wanted).flatMap(([setting, text]) => {
    if (satisfied(frontEnd, setting, text)) return [[setting, text] as const];
    const value = actual(frontEnd, placeOf(setting));
    return value === null ? [] : [[setting, value] as const];
  });
  return {
    settings: Object.fromEntries(settings),
    pending: facts.pending.filter((command) => command === syncCommand),
  };
}

/** Hosts that the declaration names and OpenNebula does not know; in words, what there is. */
export function unknownHosts(
  facts: HostFacts,
  host: string,
  declaration: PciFilterDeclaration,
): FilterProblem[] {
  const { cloud } = frontEndOf(facts, host);
  const there = cloud.hosts.map(({ id, name }) => `${name} (${id})`).join(", ") || "none";
  return Object.keys(declaration.hosts).flatMap((name) =>
    findNamed(cloud.hosts, name, "host") === null
      ? [{ path: ["hosts", name], detail: `OpenNebula on ${host} has no host ${name}. It has: ${there}.` }]
      : [],
  );
}

/** What is declared and no host lists, in words: where, and what. */
export function missingDevices(facts: HostFacts, host: string, declaration: PciFilterDeclaration): string[] {
  const { hosts } = cloudOf(facts, host);
  const named = Object.entries(declaration.hosts).flatMap(([name, { devices, filter }]) => {
    const found = findNamed(hosts, name, "host");
    if (found === null) return [];
    const absent = Object.entries(devices ?? {}).filter(([address]) => !lists(found, address));
    return [
      ...absent.map(([address, id]) => `${name} does not list ${address} (${id})`),
      ...unmatched(filter, [found]).map((one) => `${name} lists no device that matches ${one}`),
    ];
  });
  return [
    ...unmatched(declaration.filter, hosts).map((one) => `no host lists a device that matches ${one}`),
    ...named,
  ];
}

function lists({ devices }: CloudHost, address: string): boolean {
  return devices.some(({ shortAddress }) => shortAddress === shortPciAddress(address));
}

function unmatched(filter: readonly string[] | null, hosts: readonly CloudHost[]): string[] {
  return (filter ?? []).flatMap(parsePciFilter).flatMap((pattern) => {
    const words = printPciPattern(pattern);
    const found = hosts.some(({ devices }) => devices.some((device) => matchesPciFilter([pattern], device)));
    return found || words === "0:0" ? [] : [words];
  });
}

export interface FilterRequest {
  /** Name of the front end in the declaration, for messages. */
  readonly host: string;
  readonly facts: HostFacts;
  /** null: give back what is ours. */
  readonly declaration: PciFilterDeclaration | null;
  readonly record: VmRecord;
}

export interface FilterChange {
  readonly steps: readonly Step[];
  readonly record: VmRecord;
}

/**
 * What brings the declaration about, or gives back what is ours.
 * @throws an Error where it cannot be told how the front end stands
 */
export function filterChange({ host, facts, declaration, record }: FilterRequest): FilterChange {
  const frontEnd = frontEndOf(facts, host);
  const desired = declaration ? desiredFilter(declaration) : {};
  const arriving = Object.entries(desired).filter(([setting, text]) => !satisfied(frontEnd, setting, text));
  const leaving = Object.entries(record.written)
    .filter(([setting, text]) => !Object.hasOwn(desired, setting) && satisfied(frontEnd, setting, text))
    .map(([setting]) => [setting, record.base[setting] ?? null] as const)
    .filter(([setting, base]) => actual(frontEnd, placeOf(setting)) !== base);
  const changes = [...arriving, ...leaving].map(([setting, after]) => ({ place: placeOf(setting), after }));
  return {
    steps: [...confSteps(frontEnd, facts, changes), ...hostSteps(frontEnd, changes)],
    record: {
      base: Object.fromEntries(
        Object.keys(desired).map((setting) => [
          setting,
          Object.hasOwn(record.base, setting)
            ? (record.base[setting] ?? null)
            : actual(frontEnd, placeOf(setting)),
        ]),
      ),
      written: desired,
    },
  };
}

interface Change {
  readonly place: Place;
  readonly after: string | null;
}

function confSteps({ text }: FrontEnd, facts: HostFacts, changes: readonly Change[]): Step[] {
  const entries = changes.flatMap(({ place, after }) =>
    "conf" in place ? [[place.conf, after] as const] : [],
  );
  const owed = facts.pending.includes(syncCommand);
  if (entries.length === 0 && !owed) return [];
  const content = withPciConf(text, Object.fromEntries(entries));
  const write: Step = { step: "write", path: pciConfPath, content, mode: "0644", expect: sha256(text) };
  return [...(content === text ? [] : [write]), syncStep, oneStep("onehost", "forceupdate")];
}

/** Attributes that come or change are appended; only to take one out, the whole template is written. */
function hostSteps({ cloud }: FrontEnd, changes: readonly Change[]): Step[] {
  const byHost = new Map<CloudHost, Map<Override, string | null>>();
  for (const { place, after } of changes) {
    if ("conf" in place) continue;
    const host = findNamed(cloud.hosts, place.host, "host");
    if (host)
      byHost.set(host, (byHost.get(host) ?? new Map<Override, string | null>()).set(place.name, after));
  }
  return [...byHost].flatMap(([{ id, template }, attributes]) => {
    const set = [...attributes].flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
    const takesOut = set.length < attributes.size;
    const kept = template.filter(({ name }) => !attributes.has(name as Override));
    const update = takesOut
      ? feedStep(printTemplate([...kept, ...set]), "onehost", "update", id, "{file}")
      : feedStep(printTemplate(set), "onehost", "update", id, "{file}", "--append");
    return [update, oneStep("onehost", "forceupdate", id)];
  });
}

/** The record that fits what stands after a change that may have come to its end or not. */
export function filterRecordAfter(
  { host, record }: FilterRequest,
  change: FilterChange,
  facts: HostFacts,
): VmRecord {
  const frontEnd = frontEndOf(facts, host);
  const gone = Object.entries(record.written).filter(
    ([setting, text]) =>
      !Object.hasOwn(change.record.written, setting) &&
      satisfied(frontEnd, setting, text) &&
      actual(frontEnd, placeOf(setting)) !== (record.base[setting] ?? null),
  );
  const stays = Object.entries(change.record.written).flatMap(([setting, text]) => {
    const before = record.written[setting];
    if (satisfied(frontEnd, setting, text)) return [[setting, text] as const];
    return before === undefined ? [] : [[setting, before] as const];
  });
  return {
    base: {
      ...change.record.base,
      ...Object.fromEntries(gone.map(([setting]) => [setting, record.base[setting] ?? null])),
    },
    written: Object.fromEntries([...stays, ...gone]),
  };
}

/** Settings whose value is neither what the plan saw nor declared now: somebody changed them since. */
export function filterChangedSince(
  { host, facts, declaration }: FilterRequest,
  seen: Settings,
): SettingChange[] {
  const frontEnd = frontEndOf(facts, host);
  const desired = declaration ? desiredFilter(declaration) : {};
  return Object.entries(seen).flatMap(([setting, before]) => {
    const wanted = desired[setting];
    const now = actual(frontEnd, placeOf(setting));
    const expected =
      now === null ||
      satisfied(frontEnd, setting, before) ||
      now === before ||
      (wanted !== undefined && satisfied(frontEnd, setting, wanted));
    return expected ? [] : [{ key: setting, before, after: now }];
  });
}
