/** PCI sections of a VM or VM template: what a slot asks for, and whether a section is just that. */
import {
  parsePciFilter,
  printPciPattern,
  shortPciAddress,
  type PciPattern,
} from "../../model/openNebulaFilter";
import { printSection, valueProblem, type Section } from "../../model/openNebulaTemplate";
import type { PciNic, PciRequest, PciSlot } from "../types";

/** Tells whose a section is: the slot's name. OpenNebula keeps attributes that it does not know. */
export const mark = "CDKTF_PASSTHROUGH";

/** Attributes that say which device is meant. */
const requestWords = ["VENDOR", "DEVICE", "CLASS", "SHORT_ADDRESS"] as const;
/** A NIC's addresses, which a network gives it for as long as it is attached. */
export const leaseWords = ["MAC", "IP", "IP6"] as const;
const nicWords = ["NETWORK", "NETWORK_UNAME", ...leaseWords, "VLAN_ID"] as const;
const words: readonly string[] = ["TYPE", ...nicWords, ...requestWords, "PROFILE"];

/** What OpenNebula fills in by itself once a VM has the device. */
const allocated: readonly string[] = [...nicWords, "SHORT_ADDRESS"];

/** Sections by slot. */
export type Slots = Readonly<Record<string, readonly Section[]>>;

/** What is wrong with a slot whatever the front end. */
export function slotProblems(slot: PciSlot): string[] {
  const { request = null, nic = null, profile = null, device } = slot;
  const addresses = device === null ? [] : device.split(";");
  return [
    ...addresses.flatMap((address) => complaint(() => shortPciAddress(address))),
    ...(request === null ? [] : requestProblems(request)),
    ...(nic === null ? [] : nicProblems(nic)),
    ...(nic !== null && addresses.length > 1
      ? [
          `nic makes a NIC of one function, and the device has ${addresses.length}: ${addresses.join(", ")}. Name one of them.`,
        ]
      : []),
    ...textProblems({ profile }),
  ];
}

function requestProblems(request: PciRequest): string[] {
  const { vendor, device, class: pciClass, short_address: address } = request;
  const ids = { vendor, device, class: pciClass };
  const named = Object.entries(ids).filter(([, id]) => id !== null);
  return [
    ...named.flatMap(([name, id]) =>
      /^[0-9a-f]{1,4}$/i.test(id ?? "")
        ? []
        : [`request.${name} is ${JSON.stringify(id)}. Expected up to four hex digits, such as 10de.`],
    ),
    ...(address === null ? [] : complaint(() => shortPciAddress(address))),
    ...(address !== null && named.length > 0
      ? [
          `request names short_address and ${named.map(([name]) => name).join(", ")}. OpenNebula takes one or the other.`,
        ]
      : []),
    ...(address === null && named.length === 0
      ? ["request names nothing. Expected vendor, device or class, any of them, or short_address."]
      : []),
  ];
}

const nicForms: Readonly<Record<string, readonly [form: RegExp, expected: string]>> = {
  mac: [/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i, "six pairs of hex digits, such as 02:00:c0:a8:00:0a"],
  ip: [/^\d{1,3}(\.\d{1,3}){3}$/, "an IPv4 address, such as 192.168.0.10"],
  ip6: [/^[0-9a-f:.]*:[0-9a-f:.]*$/i, "an IPv6 address, such as 2001:db8::10"],
};

function nicProblems(nic: PciNic): string[] {
  const { network, network_uname, vlan_id: vlan } = nic;
  return [
    ...(network === null || network === ""
      ? ["nic names no network. Expected the name of a virtual network."]
      : []),
    ...textProblems({ "nic.network": network, "nic.network_uname": network_uname }),
    ...(["mac", "ip", "ip6"] as const).flatMap((name) => {
      const value = nic[name];
      const [form, expected] = nicForms[name] ?? [/^/, ""];
      return value === null || form.test(value)
        ? []
        : [`nic.${name} is ${JSON.stringify(value)}. Expected ${expected}.`];
    }),
    ...(vlan === null || (Number.isInteger(vlan) && vlan >= 1 && vlan <= 4094)
      ? []
      : [`nic.vlan_id is ${vlan}. Expected a whole number from 1 to 4094.`]),
  ];
}

function textProblems(values: Readonly<Record<string, string | null>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const problem = value === null ? null : valueProblem(value);
    return problem === null ? [] : [`${name} is ${JSON.stringify(value)}, and ${problem}.`];
  });
}

function complaint(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** The sections that a slot stands for: one for each function of its device. */
export function wantedSections(slot: PciSlot): Section[] {
  const { request = null, nic = null, profile = null, device } = slot;
  const network: Section = nic === null ? {} : { TYPE: "NIC", ...nicSection(nic) };
  const requests: Section[] =
    device === null
      ? [requestSection(request)]
      : device.split(";").map((address) => ({ SHORT_ADDRESS: shortPciAddress(address) }));
  return requests.map((asked) => ({ ...network, ...asked, ...set({ PROFILE: profile }) }));
}

function requestSection(request: PciRequest | null): Section {
  const hex = (id: string | null | undefined) => id?.toLowerCase().padStart(4, "0") ?? null;
  const address = request?.short_address ?? null;
  return set({
    VENDOR: hex(request?.vendor),
    DEVICE: hex(request?.device),
    CLASS: hex(request?.class),
    SHORT_ADDRESS: address === null ? null : shortPciAddress(address),
  });
}

function nicSection(nic: PciNic): Section {
  return set({
    NETWORK: nic.network,
    NETWORK_UNAME: nic.network_uname,
    MAC: nic.mac?.toLowerCase() ?? null,
    IP: nic.ip,
    IP6: nic.ip6,
    VLAN_ID: nic.vlan_id === null ? null : String(nic.vlan_id),
  });
}

function set(values: Readonly<Record<string, string | null>>): Section {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** Sections as a setting shows them: what they ask for, and nothing that OpenNebula filled in. */
export function printSections(sections: readonly Section[]): string {
  return sections
    .map((section) => {
      const told = words
        .filter((word) => section[word] !== undefined)
        .map((word) => [word, section[word] ?? ""]);
      return printSection("PCI", Object.fromEntries(told) as Section);
    })
    .join(" ");
}

/** What `printSections` printed. */
export function parseSections(text: string): Section[] {
  return [...text.matchAll(/PCI=\[((?:\w+="(?:\\"|[^"])*",?)*)\]/g)].map(([, pairs = ""]) => {
    const found = [...pairs.matchAll(/(\w+)="((?:\\"|[^"])*)"/g)];
    return Object.fromEntries(found.map(([, name = "", value = ""]) => [name, value.replaceAll('\\"', '"')]));
  });
}

/** A section of a VM or template asks for what is wanted, whatever the writing. */
export function isWanted(section: Section, wanted: Section, kind: "vm" | "template"): boolean {
  return words.every((word) => {
    const asked = wanted[word];
    const there = section[word];
    if (asked === undefined) return there === undefined || (kind === "vm" && allocated.includes(word));
    return there !== undefined && sameWord(word, there, asked);
  });
}

function sameWord(word: string, one: string, other: string): boolean {
  if (["VENDOR", "DEVICE", "CLASS"].includes(word)) return parseInt(one, 16) === parseInt(other, 16);
  return ["SHORT_ADDRESS", "MAC", "IP6"].includes(word)
    ? one.toLowerCase() === other.toLowerCase()
    : one === other;
}

export function isNic(section: Section): boolean {
  return section["TYPE"] === "NIC";
}

/** What a section asks a host for: an exact address, or a kind of device. */
export function requestOf(section: Section): { readonly address: string } | { readonly pattern: PciPattern } {
  const { VENDOR: vendor = "", DEVICE: device = "", CLASS: pciClass = "", SHORT_ADDRESS: address } = section;
  if (address !== undefined && `${vendor}${device}${pciClass}` === "") return { address };
  const [pattern] = parsePciFilter(`${vendor}:${device}:${pciClass}`);
  return { pattern: pattern ?? { vendor: null, device: null, class: null } };
}

/** `10de:1e84:*` or `01:00.0`, for messages. */
export function describeRequest(section: Section): string {
  const asked = requestOf(section);
  return "address" in asked ? asked.address : printPciPattern(asked.pattern);
}
