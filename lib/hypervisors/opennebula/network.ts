/**
 * A virtual network for NICs that are passed through: the driver has nothing to configure on a host, so that the
 * network only hands out addresses and VLANs. Decisions only.
 */
import type { Step } from "../../model/change";
import type { HostFacts } from "../../model/facts";
import {
  attributeOf,
  printSection,
  printTemplate,
  sectionsOf,
  valueProblem,
  type Section,
} from "../../model/openNebulaTemplate";
import type { SettingChange, Settings, VmRecord } from "../types";
import { cloudOf, findNamed, type Cloud, type Network } from "./cloud";
import { feedStep, oneStep } from "./commands";
import { mark } from "./sections";

/** Addresses that the network gives to NICs; null where not set. */
export interface AddressRange {
  /** How many. */
  readonly size: number | null;
  /** The first IPv4 address. */
  readonly ip: string | null;
  /** The first MAC address. */
  readonly mac: string | null;
  /** IPv6 prefix. */
  readonly global_prefix: string | null;
}

export interface NetworkDeclaration {
  readonly name: string;
  readonly driver: string;
  readonly bridge: string;
  readonly physicalDevice: string | null;
  readonly vlanId: number | null;
  /** By a name of the author's; empty: none of them is ours. */
  readonly ranges: Readonly<Record<string, AddressRange>>;
}

/** Drivers that work without anything on the host, as OpenNebula's guide to PCI passthrough has them. */
export const networkDrivers: readonly string[] = ["dummy", "802.1Q"];

const rangeKey = /^AR (.+)$/;

/** What is wrong with a declaration whatever the front end, by the attribute. */
export function networkProblems(
  declaration: NetworkDeclaration,
): { readonly path: string; readonly detail: string }[] {
  const { driver, bridge, physicalDevice, vlanId, name, ranges } = declaration;
  const texts = { name, bridge, physical_device: physicalDevice };
  const problems = Object.entries(texts).flatMap(([path, value]) => {
    const problem = value === null ? null : valueProblem(value);
    if (value === "") return [{ path, detail: `${path} is empty. Expected a name.` }];
    return problem === null ? [] : [{ path, detail: `${path} is ${JSON.stringify(value)}, and ${problem}.` }];
  });
  if (!networkDrivers.includes(driver))
    problems.push({
      path: "driver",
      detail: `driver is ${JSON.stringify(driver)}. Expected ${networkDrivers.join(" or ")}: a passed-through NIC has nothing that another one could configure on the host.`,
    });
  if (vlanId !== null && !(Number.isInteger(vlanId) && vlanId >= 1 && vlanId <= 4094))
    problems.push({
      path: "vlan_id",
      detail: `vlan_id is ${vlanId}. Expected a whole number from 1 to 4094.`,
    });
  if (vlanId !== null && driver === "dummy")
    problems.push({
      path: "vlan_id",
      detail: "The driver dummy knows no VLANs. Set driver to 802.1Q, or leave vlan_id out.",
    });
  return [...problems, ...Object.entries(ranges).flatMap(rangeProblems)];
}

const rangeForms: Readonly<
  Record<"ip" | "mac" | "global_prefix", readonly [form: RegExp, expected: string]>
> = {
  ip: [/^\d{1,3}(\.\d{1,3}){3}$/, "an IPv4 address, such as 192.168.0.10"],
  mac: [/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, "six pairs of hex digits, such as 02:00:c0:a8:00:0a"],
  global_prefix: [/^[0-9a-f:]*:[0-9a-f:]*$/i, "an IPv6 prefix, such as 2001:db8::"],
};

function rangeProblems([key, range]: readonly [string, AddressRange]): { path: string; detail: string }[] {
  const at = `ranges.${key}`;
  const { size } = range;
  const forms = (Object.keys(rangeForms) as (keyof typeof rangeForms)[]).flatMap((name) => {
    const value = range[name];
    const [form, expected] = rangeForms[name];
    return value === null || form.test(value)
      ? []
      : [{ path: "ranges", detail: `${at}.${name} is ${JSON.stringify(value)}. Expected ${expected}.` }];
  });
  if (size !== null && Number.isInteger(size) && size >= 1) return forms;
  return [
    { path: "ranges", detail: `${at}.size is ${String(size)}. Expected a whole number from 1.` },
    ...forms,
  ];
}

/** The network's attributes in OpenNebula's own words; a range is a section, by its name: `AR guests`. */
export function desiredNetwork(declaration: NetworkDeclaration): Settings {
  const { driver, bridge, physicalDevice, vlanId, ranges } = declaration;
  return {
    VN_MAD: driver,
    BRIDGE: bridge,
    ...(physicalDevice === null ? {} : { PHYDEV: physicalDevice }),
    ...(vlanId === null ? {} : { VLAN_ID: String(vlanId) }),
    ...Object.fromEntries(Object.entries(ranges).map(([key, range]) => [`AR ${key}`, printRange(range)])),
  };
}

function printRange({ size, ip, mac, global_prefix: prefix }: AddressRange): string {
  const type = [ip === null ? "" : "IP4", prefix === null ? "" : ip === null ? "IP6" : "6"]
    .filter(Boolean)
    .join("_");
  return printSection("AR", {
    TYPE: type || "ETHER",
    SIZE: String(size),
    ...(ip === null ? {} : { IP: ip }),
    ...(mac === null ? {} : { MAC: mac.toLowerCase() }),
    ...(prefix === null ? {} : { GLOBAL_PREFIX: prefix.toLowerCase() }),
  });
}

/** What `printRange` printed. */
function parseRange(text: string): Section {
  const pairs = [...text.matchAll(/(\w+)="([^"]*)"/g)];
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}

export function findNetwork(facts: HostFacts, host: string, name: string): Network | null {
  return findNamed(cloudOf(facts, host).networks, name, "virtual network");
}

function actual({ template, ranges }: Network, key: string, wanted: string): string | null {
  const name = rangeKey.exec(key)?.[1];
  if (name === undefined) return attributeOf(template, key) || null;
  const asked = parseRange(wanted);
  // OpenNebula adds what it allocates by itself: only what is wanted is compared.
  const fits = (range: Section) =>
    Object.entries(asked).every(([word, value]) => range[word]?.toLowerCase() === value.toLowerCase());
  const own = ranges.find((range) => range[mark] === name);
  if (own === undefined)
    return ranges.some((range) => range[mark] === undefined && fits(range)) ? wanted : null;
  if (fits(own)) return wanted;
  const words = Object.keys(asked).flatMap((word) => (own[word] === undefined ? [] : [[word, own[word]]]));
  return printSection("AR", Object.fromEntries(words) as Section);
}

/** Of the wanted settings those that the network has. */
export function observeNetwork(network: Network, wanted: Settings): Settings {
  const found = Object.entries(wanted).flatMap(([key, text]) => {
    const value = actual(network, key, text);
    return value === null ? [] : [[key, value] as const];
  });
  return Object.fromEntries(found);
}

/** VMs and VM templates with a NIC in it, in words and by id. */
export function networkUsers(
  cloud: Cloud,
  { id, name }: Network,
): { readonly ids: readonly string[]; readonly words: string }[] {
  const inIt = (section: Section) =>
    section["NETWORK_ID"] === undefined ? section["NETWORK"] === name : section["NETWORK_ID"] === id;
  const named = (template: Network["template"]) =>
    [...sectionsOf(template, "NIC"), ...sectionsOf(template, "PCI")].some(inIt);
  const vms = cloud.vms.filter(({ template }) => named(template));
  const templates = cloud.templates.filter(({ template }) => named(template));
  return [
    ...vms.map((vm) => ({ ids: [vm.id, vm.name], words: `VM ${vm.id} (${vm.name})` })),
    ...templates.map((one) => ({
      ids: [`template:${one.id}`, `template:${one.name}`],
      words: `VM template ${one.id} (${one.name})`,
    })),
  ];
}

export interface NetworkRequest {
  readonly network: Network | null;
  /** null: give back what is ours. */
  readonly declaration: NetworkDeclaration | null;
  readonly record: VmRecord;
  /** We made it: a destroy removes it. */
  readonly created: boolean;
}

export interface NetworkChange {
  readonly steps: readonly Step[];
  readonly record: VmRecord;
}

/** What brings the declaration about, or gives back what is ours. Ranges come with the network alone. */
export function networkChange({ network, declaration, record, created }: NetworkRequest): NetworkChange {
  const desired = declaration ? desiredNetwork(declaration) : {};
  if (network === null) {
    if (declaration === null) return { steps: [], record };
    return {
      steps: [feedStep(printNetwork(declaration.name, desired), "onevnet", "create", "{file}")],
      record: { base: {}, written: desired },
    };
  }
  if (declaration === null && created)
    return { steps: [oneStep("onevnet", "delete", network.id)], record: { base: {}, written: {} } };

  const arriving = Object.entries(desired).filter(([key, text]) => actual(network, key, text) !== text);
  const leaving = Object.entries(record.written).flatMap(([key, text]) =>
    Object.hasOwn(desired, key) || rangeKey.test(key) || actual(network, key, text) !== text
      ? []
      : [[key, record.base[key] ?? null] as const],
  );
  const changes = new Map<string, string | null>(
    [...arriving, ...leaving].filter(
      ([key, after]) => !rangeKey.test(key) && after !== currently(network, key),
    ),
  );
  const base = Object.keys(desired).map(
    (key) =>
      [key, Object.hasOwn(record.base, key) ? (record.base[key] ?? null) : currently(network, key)] as const,
  );
  return {
    steps: updateSteps(network, changes),
    record: { base: Object.fromEntries(base), written: desired },
  };
}

const currently = ({ template }: Network, key: string): string | null => attributeOf(template, key) || null;

/** Attributes that come or change are appended; only to take one out, the whole template is written. */
function updateSteps({ id, template }: Network, changes: ReadonlyMap<string, string | null>): Step[] {
  if (changes.size === 0) return [];
  const set = [...changes].flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  if (set.length === changes.size)
    return [feedStep(printTemplate(set), "onevnet", "update", id, "{file}", "--append")];
  const kept = template.filter(({ name }) => !changes.has(name));
  return [feedStep(printTemplate([...kept, ...set]), "onevnet", "update", id, "{file}")];
}

function printNetwork(name: string, desired: Settings): string {
  const plain = Object.entries(desired).filter(([key]) => !rangeKey.test(key));
  const ranges = Object.entries(desired).flatMap(([key, text]) => {
    const range = rangeKey.exec(key)?.[1];
    return range === undefined ? [] : [{ name: "AR", value: { ...parseRange(text), [mark]: range } }];
  });
  return printTemplate([
    { name: "NAME", value: name },
    ...plain.map(([key, value]) => ({ name: key, value })),
    ...ranges,
  ]);
}

/** The record that fits what the network has after a change that may have come to its end or not. */
export function networkRecordAfter(before: VmRecord, { record }: NetworkChange, network: Network): VmRecord {
  const there = (written: Settings) =>
    Object.entries(written).filter(([key, text]) => actual(network, key, text) === text);
  return {
    base: { ...before.base, ...record.base },
    written: Object.fromEntries([...there(before.written), ...there(record.written)]),
  };
}

/** Settings whose value is neither what the plan saw nor declared now: somebody changed them since. */
export function networkChangedSince(network: Network, seen: Settings, desired: Settings): SettingChange[] {
  return Object.entries(seen).flatMap(([key, before]) => {
    const now = actual(network, key, before);
    const wanted = desired[key];
    const expected =
      now === before || now === null || (wanted !== undefined && actual(network, key, wanted) === wanted);
    return expected ? [] : [{ key, before, after: now }];
  });
}
