/** Network cards of a VM, `net0` to `net31`. What nobody declared of one stays as it is, its MAC address above all. */
import type { VmNic } from "../types";
import { parseBoolean, parseProperties, printProperties, type Properties } from "./propertyString";

/** Keys under which a VM has network cards. */
export const nicKey = /^net(?:[0-9]|[12][0-9]|3[01])$/;

/** What a new card is where no model is declared. */
const defaultModel = "virtio";

const models = [
  ...["virtio", "e1000", "e1000e", "e1000-82540em", "e1000-82544gc", "e1000-82545em", "rtl8139", "vmxnet3"],
  ...["i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci", "pcnet"],
];

/** One option of a card. */
interface Option {
  readonly of: (nic: VmNic) => string | null;
  readonly isValid: (value: string) => boolean;
  readonly expected: string;
  /** Brings every way to write a value into one. */
  readonly meaning: (value: string) => string;
  /** What it means where it is not set. */
  readonly absent: string | null;
}

const asIs = (value: string): string => value;
const flag = (of: (nic: VmNic) => boolean | null): Option => ({
  of: (nic) => ({ true: "1", false: "0" })[String(of(nic))] ?? null,
  isValid: () => true,
  expected: "",
  meaning: (value) => (parseBoolean(value) === true ? "1" : "0"),
  absent: "0",
});
const number = (of: (nic: VmNic) => number | null, from: number, to: number): Option => ({
  of: (nic) => of(nic)?.toString() ?? null,
  isValid: (value) => /^\d+$/.test(value) && Number(value) >= from && Number(value) <= to,
  expected: `a whole number from ${from} to ${to}`,
  meaning: (value) => String(Number(value)),
  absent: null,
});
const text = (of: (nic: VmNic) => string | null, form: RegExp, expected: string): Option => ({
  of,
  isValid: (value) => form.test(value),
  expected,
  meaning: asIs,
  absent: null,
});

/** By their names in Proxmox VE. */
const options: Readonly<Record<string, Option>> = {
  model: {
    ...text(({ model = null }) => model, /^/, models.join(", ")),
    isValid: (value) => models.includes(value),
  },
  macaddr: {
    ...text(
      ({ mac = null }) => mac?.toUpperCase() ?? null,
      /^(?!(?:00:){5}00)[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/i,
      "the address of one card, such as BC:24:11:00:00:01",
    ),
    meaning: (value) => value.toUpperCase(),
  },
  bridge: text(
    ({ bridge = null }) => bridge,
    /^[a-z][a-z0-9_.-]{0,14}$/i,
    "the name of a bridge, such as vmbr0",
  ),
  firewall: flag(({ firewall = null }) => firewall),
  link_down: flag(({ link_down = null }) => link_down),
  mtu: number(({ mtu = null }) => mtu, 1, 65520),
  queues: { ...number(({ queues = null }) => queues, 0, 64), absent: "0" },
  rate: {
    of: ({ rate = null }) => rate?.toString() ?? null,
    isValid: (value) => /^\d+(?:\.\d+)?$/.test(value),
    expected: "megabytes in a second, 0 or more",
    meaning: (value) => String(Number(value)),
    absent: null,
  },
  tag: number(({ vlan_id = null }) => vlan_id, 1, 4094),
  trunks: text(
    ({ trunks = null }) => trunks,
    /^\d{1,4}(?:-\d{1,4})?(?:;\d{1,4}(?:-\d{1,4})?)*$/,
    "VLANs and ranges of them joined by `;`, such as 7;20-30",
  ),
};

/** As the attributes of the declaration call them. */
const attributes: Readonly<Record<string, string>> = { macaddr: "mac", tag: "vlan_id" };

/** What is declared of a card, in Proxmox VE's words. */
export function formatNic(nic: VmNic): string {
  return print(declared(nic));
}

function declared(nic: VmNic): Properties {
  const given = Object.entries(options).map(([name, { of }]) => [name, of(nic)] as const);
  return Object.fromEntries(given.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** What is malformed in a declared card, in words. */
export function nicProblems(nic: VmNic): string[] {
  const given = declared(nic);
  const { model = defaultModel, mtu, trunks = "" } = given;
  if (Object.keys(given).length === 0)
    return ["It says nothing of the card. Give at least its bridge, such as vmbr0."];
  return [
    ...Object.entries(given).flatMap(([name, value]) => {
      const { isValid, expected } = options[name] ?? flag(() => null);
      if (isValid(value)) return [];
      return [`${attributes[name] ?? name} ${JSON.stringify(value)} is not valid. Expected ${expected}.`];
    }),
    ...(mtu !== undefined && model !== defaultModel
      ? [`mtu is for a ${defaultModel} card, and the model is ${model}.`]
      : []),
    ...(trunks.split(/[;-]/).some((vlan) => vlan !== "" && (Number(vlan) < 1 || Number(vlan) > 4094))
      ? [`trunks ${JSON.stringify(trunks)} names a VLAN that is none: they go from 1 to 4094.`]
      : []),
  ];
}

/** A value of a configuration file, or of a declaration; null where it is none. */
export function parseNic(value: string): Properties | null {
  const properties = parseProperties(value, "model");
  if (properties === null) return null;
  // `virtio=BC:24:11:00:00:01` says two things.
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, part]): [string, string][] =>
      models.includes(name)
        ? [
            ["model", name],
            ["macaddr", part],
          ]
        : [[name, part]],
    ),
  );
}

function print(properties: Properties): string {
  const { model, macaddr, ...rest } = properties;
  if (model === undefined || macaddr === undefined) return printProperties(properties, "model");
  return printProperties({ [model]: macaddr, ...rest }, "");
}

/** The same card, for which Proxmox VE makes a MAC address. */
export function withoutMac(value: string): string {
  const { macaddr: _macaddr, ...rest } = parseNic(value) ?? {};
  return print(rest);
}

/** Whether a card is what was wanted of it. */
export function satisfiesNic(actual: string, wanted: string): boolean {
  const have = parseNic(actual);
  const want = parseNic(wanted);
  return have !== null && want !== null && Object.keys(want).every((name) => same(name, have, want));
}

/** Whether two values make the same card. */
export function sameNic(one: string, other: string): boolean {
  return one === other || (satisfiesNic(one, other) && satisfiesNic(other, one));
}

function same(name: string, one: Properties, other: Properties): boolean {
  return meaning(name, one[name]) === meaning(name, other[name]);
}

function meaning(name: string, value: string | undefined): string | null {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  return value === undefined ? (option?.absent ?? null) : (option?.meaning ?? asIs)(value);
}

/** What we wrote of a card before, and what it had then; null where it was not there. */
export interface WrittenNic {
  readonly written: string;
  readonly base: string | null;
}

/**
 * The card with what is wanted of it. What we wrote before and do not want any more is as it was before us, where it
 * still is as we wrote it; all else stays.
 * @param actual null where there is no such card
 */
export function nicAfter(actual: string | null, wanted: string, before: WrittenNic | null): string {
  // One that somebody took away comes back as it was before us.
  const have = parseNic(actual ?? before?.base ?? "") ?? {};
  const want = parseNic(wanted) ?? {};
  const written = parseNic(before?.written ?? "") ?? {};
  const base = parseNic(before?.base ?? "") ?? {};
  const result: Record<string, string> = { ...have };
  for (const name of Object.keys(written).filter(
    (one) => !Object.hasOwn(want, one) && same(one, have, written),
  )) {
    // A card that we made keeps its model and its address.
    if (base[name] !== undefined) result[name] = base[name];
    else if (before?.base !== null || !["model", "macaddr"].includes(name)) delete result[name];
  }
  for (const [name, value] of Object.entries(want)) if (!same(name, result, want)) result[name] = value;
  const { model = defaultModel, ...rest } = result;
  const after = print({ model, ...rest });
  return [actual, before?.base ?? null].find((text) => text !== null && sameNic(text, after)) ?? after;
}
