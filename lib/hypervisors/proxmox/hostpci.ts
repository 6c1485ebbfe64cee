import { isPciAddress, normalisePciAddress } from "../../model/pciAddress";
import { parseBoolean, parseProperties, printProperties, type Properties } from "./propertyString";
import type { PciSlot } from "../types";

/** Keys under which a VM has PCI devices. */
export const pciKey = /^hostpci(?:[0-9]|1[0-5])$/;

/** The values of one option: what may stand there, and what it means where it does not. */
interface Option {
  readonly of: (slot: PciSlot) => string | boolean | null;
  readonly kind: "boolean" | "text" | "hex" | "address";
  readonly absent: string | null;
  /** Of what an author may declare; narrower than what Proxmox VE takes where that could not be quoted. */
  readonly grammar: RegExp;
  readonly expected: string;
}

const flag = (of: Option["of"], absent: "0" | "1"): Option => ({
  of,
  kind: "boolean",
  absent,
  grammar: /^[01]$/,
  expected: "true or false",
});

const hexId = (of: Option["of"]): Option => ({
  of,
  kind: "hex",
  absent: null,
  grammar: /^0x[0-9a-f]{4}$/i,
  expected: "0x and four hex digits, such as 0x10de",
});

const name = /^[a-z][a-z0-9_-]+$/i;

/** In the order in which they are written. */
const options: Readonly<Record<string, Option>> = {
  host: {
    of: (slot) => slot.device,
    kind: "address",
    absent: null,
    grammar: /^[^;]+(?:;[^;]+)*$/,
    expected: "[dddd:]bb:dd[.f] in hex, several joined by `;`, such as 0000:01:00",
  },
  mapping: {
    of: (slot) => slot.mapping,
    kind: "text",
    absent: null,
    grammar: name,
    expected: "the name of a resource mapping: a letter, then letters, digits, `_` and `-`",
  },
  pcie: flag((slot) => slot.pcie, "0"),
  rombar: flag((slot) => slot.rombar, "1"),
  romfile: {
    of: (slot) => slot.romfile,
    kind: "text",
    absent: null,
    grammar: /^[a-z0-9_][a-z0-9._+-]*$/i,
    expected: "the name of a file in /usr/share/kvm, without a path: letters, digits, `.`, `_`, `+`, `-`",
  },
  "x-vga": flag((slot) => slot.x_vga, "0"),
  mdev: {
    of: (slot) => slot.mdev,
    kind: "text",
    absent: null,
    grammar: /^[a-z0-9_][a-z0-9_-]*$/i,
    expected: "a type of mediated device, such as nvidia-63 or i915-GVTg_V5_4",
  },
  "legacy-igd": flag((slot) => slot.legacy_igd, "0"),
  driver: {
    of: (slot) => slot.driver,
    kind: "text",
    absent: "vfio",
    grammar: /^(?:vfio|keep)$/,
    expected: "vfio or keep",
  },
  "vendor-id": hexId((slot) => slot.vendor_id),
  "device-id": hexId((slot) => slot.device_id),
  "sub-vendor-id": hexId((slot) => slot.sub_vendor_id),
  "sub-device-id": hexId((slot) => slot.sub_device_id),
};

/** The declared slot in Proxmox VE's words, without what is the default anyway. */
export function formatPciSlot(slot: PciSlot): string {
  const declared = Object.entries(options).flatMap(([key, option]) => {
    const value = option.of(slot);
    if (value === null) return [];
    return [[key, typeof value === "boolean" ? (value ? "1" : "0") : value] as const];
  });
  return printProperties(canonical(Object.fromEntries(declared)), "host");
}

/** What is malformed in a declared slot, in words. */
export function pciSlotProblems(slot: PciSlot): string[] {
  const malformed = Object.entries(options).flatMap(([key, option]) => {
    const value = option.of(slot);
    if (typeof value !== "string") return [];
    const good =
      option.kind === "address" ? value.split(";").every(isPciAddress) : option.grammar.test(value);
    return good ? [] : [`${key} ${JSON.stringify(value)} is not valid. Expected ${option.expected}.`];
  });
  if ((slot.device === null) === (slot.mapping === null)) {
    malformed.unshift(
      slot.device === null
        ? "It names no device. Give `device` (a PCI address) or `mapping` (a resource mapping)."
        : `It names both device ${slot.device} and mapping ${slot.mapping ?? ""}. Give one of them.`,
    );
  }
  return malformed;
}

/** A value of a configuration file, read for its meaning: addresses in full, without what is the default anyway. */
export function parsePciValue(text: string): Properties | null {
  const properties = parseProperties(text, "host");
  return properties && canonical(properties);
}

/** Whether two values give the guest the same. The order of several addresses counts, that of options does not. */
export function samePciValue(a: string, b: string): boolean {
  return a === b || meaning(a) === meaning(b);
}

/** The addresses of functions or slots that a value names; none for a mapping. */
export function pciAddresses(value: string): string[] {
  const host = parsePciValue(value)?.["host"];
  return host === undefined ? [] : host.split(";").filter(isPciAddress);
}

function meaning(text: string): string {
  const properties = parsePciValue(text);
  if (properties === null) return text;
  return JSON.stringify(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function canonical(properties: Properties): Properties {
  // Known options in our order, then what a newer Proxmox VE may know.
  const keys = [
    ...Object.keys(options),
    ...Object.keys(properties).filter((key) => !Object.hasOwn(options, key)),
  ];
  const entries = keys.flatMap((key) => {
    const written = properties[key];
    if (written === undefined) return [];
    const option = Object.hasOwn(options, key) ? options[key] : undefined;
    const value = option === undefined ? written : canonicalValue(option.kind, written);
    return value === option?.absent ? [] : [[key, value] as const];
  });
  return Object.fromEntries(entries);
}

function canonicalValue(kind: Option["kind"], written: string): string {
  switch (kind) {
    case "boolean": {
      const value = parseBoolean(written);
      return value === null ? written : value ? "1" : "0";
    }
    case "hex":
      return written.toLowerCase();
    case "address":
      return written
        .split(";")
        .map((address) => (isPciAddress(address) ? normalisePciAddress(address) : address))
        .join(";");
    case "text":
      return written;
  }
}
