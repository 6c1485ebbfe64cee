import { isPciAddress, normalisePciAddress } from "../../model/pciAddress";
import type { PciSlot, UsbSlot } from "../types";

export type Kind = "pci" | "usb" | "mdev";

/** A declared slot in libvirt's words. */
export interface Slot {
  readonly kind: Kind;
  /** PCI addresses joined by `;`, `vvvv:pppp` or `bus-port[.port...]` of USB, or the UUID of a mediated device. */
  readonly source: string;
  /** By the names of `options`; what is the default anyway is not there. */
  readonly options: Readonly<Record<string, string>>;
  /** A running domain gets and loses it at once. */
  readonly live: boolean;
}

type Value = string | number | boolean | null;

/** One option of a slot. Its name is where libvirt has it below `<hostdev>`: `rom.bar` is the attribute `bar` of `<rom>`. */
export interface Option {
  readonly of: (slot: Partial<PciSlot> & Partial<UsbSlot>) => Value;
  /** What it says for true and for false, of an option that is either. */
  readonly words?: readonly [string, string];
  /** What libvirt does where it is not set. */
  readonly absent: string | null;
  readonly kinds: readonly Kind[];
  /** `first`: of several functions only the first one has it. */
  readonly functions: "all" | "first";
  /** libvirt sets it where nobody else does, so that only a declared value is compared. */
  readonly filledIn?: boolean;
  readonly grammar: RegExp;
  readonly expected: string;
}

const all = { functions: "all", kinds: ["pci"] } as const;
const flag = { grammar: /^/, expected: "true or false" } as const;

/** In the order in which they are written. */
export const options: Readonly<Record<string, Option>> = {
  managed: { ...all, ...flag, of: ({ managed }) => managed ?? true, words: ["yes", "no"], absent: "no" },
  "driver.name": {
    ...all,
    of: ({ driver }) => driver ?? null,
    absent: "vfio",
    grammar: /^vfio$/,
    expected: "vfio",
  },
  "rom.enabled": { ...all, ...flag, of: ({ rom }) => rom ?? null, words: ["yes", "no"], absent: "yes" },
  "rom.bar": { ...all, ...flag, of: ({ rombar }) => rombar ?? null, words: ["on", "off"], absent: "on" },
  "rom.file": {
    kinds: ["pci"],
    functions: "first",
    of: ({ romfile }) => romfile ?? null,
    absent: null,
    grammar: /^\/[\w.+@:,/-]+$/,
    expected: "the absolute path of a ROM file on the host: letters, digits and `._+@:,/-`",
  },
  "boot.order": {
    kinds: ["pci", "usb"],
    functions: "first",
    of: ({ boot_order }) => boot_order ?? null,
    absent: null,
    grammar: /^[1-9]\d{0,3}$/,
    expected: "a whole number from 1 on",
  },
  "teaming.persistent": {
    ...all,
    of: ({ teaming }) => teaming ?? null,
    absent: null,
    grammar: /^ua-[A-Za-z0-9_-]+$/,
    expected: "the alias of the domain's interface that stays, such as ua-backup0",
  },
  address: {
    kinds: ["pci", "mdev"],
    functions: "all",
    of: ({ guest_address, unassigned }) =>
      unassigned ? "unassigned" : guest_address ? canonicalAddress(guest_address) : null,
    absent: null,
    filledIn: true,
    grammar: /^(?:unassigned|[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f](?:\.[0-7])?)$/,
    expected: "[dddd:]bb:dd[.f] in hex, such as 0000:05:00",
  },
  "source.startupPolicy": {
    kinds: ["usb"],
    functions: "all",
    of: ({ startup_policy }) => startup_policy ?? null,
    absent: "mandatory",
    grammar: /^(?:mandatory|requisite|optional)$/,
    expected: "mandatory, requisite or optional",
  },
};

const usbId = /^(?:0x)?([0-9a-f]{4}):(?:0x)?([0-9a-f]{4})$/i;
const usbPort = /^\d+-\d+(?:\.\d+)*$/;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function pciSlotOf(slot: PciSlot): Slot {
  const kind = slot.mdev === null ? "pci" : "mdev";
  const source = slot.mdev?.toLowerCase() ?? (slot.device ?? "").split(";").map(canonicalAddress).join(";");
  return { kind, source, options: optionsOf(kind, slot), live: slot.live ?? false };
}

export function usbSlotOf(slot: UsbSlot): Slot {
  const [, vendor, product] = usbId.exec(slot.host ?? "") ?? [];
  const source =
    vendor !== undefined && product !== undefined ? `${vendor}:${product}`.toLowerCase() : (slot.host ?? "");
  return { kind: "usb", source, options: optionsOf("usb", slot), live: slot.live ?? false };
}

/** `pci 0000:01:00 managed=yes rom.bar=off live`; no part of it has a space. */
export function formatSlot({ kind, source, options: set, live }: Slot): string {
  const pairs = Object.entries(set).map(([name, value]) => `${name}=${value}`);
  return [kind, source, ...pairs, ...(live ? ["live"] : [])].join(" ");
}

/** What `formatSlot` wrote. */
export function parseSlot(text: string): Slot {
  const [kind = "", source = "", ...rest] = text.split(" ");
  const pairs = rest.filter((word) => word.includes("="));
  return {
    kind: kind as Kind,
    source,
    options: Object.fromEntries(
      pairs.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
    ),
    live: rest.includes("live"),
  };
}

/** What is malformed in a declared slot, in words. */
export function slotProblems(slot: Partial<PciSlot> & Partial<UsbSlot>, kind: "pci" | "usb"): string[] {
  const sources = kind === "pci" ? ([slot.device, slot.mdev] as const) : ([slot.host] as const);
  const expected = kind === "pci" ? "`device` (a PCI address) or `mdev` (a UUID)" : "`host`";
  const given = sources.filter((source) => (source ?? null) !== null).length;
  const actual: Kind = (slot.mdev ?? null) === null ? kind : "mdev";
  return [
    ...(given === 1
      ? []
      : [`It names ${given === 0 ? "no device" : "more than one device"}. Give ${expected}.`]),
    ...sourceProblems(slot),
    ...(slot.unassigned === true && (slot.guest_address ?? null) !== null
      ? ["It is `unassigned` and has a `guest_address`. Give one of them."]
      : []),
    ...Object.entries(options).flatMap(([name, { of, kinds, grammar, expected: form }]) => {
      const value = of(slot);
      if (value === null || typeof value === "boolean") return [];
      if (!kinds.includes(actual)) return [`${name} is nothing that a ${actual} device has. Leave it out.`];
      return grammar.test(String(value))
        ? []
        : [`${name} ${JSON.stringify(value)} is not valid. Expected ${form}.`];
    }),
  ];
}

function sourceProblems(slot: Partial<PciSlot> & Partial<UsbSlot>): string[] {
  const { device = null, mdev = null, host = null } = slot;
  const addresses = device?.split(";") ?? [];
  const wrong = (name: string, value: string, form: string) =>
    `${name} ${JSON.stringify(value)} is not valid. Expected ${form}.`;
  return [
    ...addresses
      .filter((address) => !isPciAddress(address))
      .map((address) =>
        wrong("device", address, "[dddd:]bb:dd[.f] in hex, several joined by `;`, such as 0000:01:00"),
      ),
    ...(mdev !== null && !uuid.test(mdev)
      ? [wrong("mdev", mdev, "the UUID of a mediated device; `ls /sys/bus/mdev/devices` lists them")]
      : []),
    ...(host !== null && !usbId.test(host) && !usbPort.test(host)
      ? [
          wrong(
            "host",
            host,
            "vendor and product as vvvv:pppp, such as 046d:c52b, or bus-port[.port...], such as 1-4.2",
          ),
        ]
      : []),
  ];
}

function optionsOf(kind: Kind, slot: Partial<PciSlot> & Partial<UsbSlot>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, { of, words, absent, kinds }]) => {
      const value = of(slot);
      if (value === null || !kinds.includes(kind)) return [];
      const text = typeof value === "boolean" ? (words?.[value ? 0 : 1] ?? "") : String(value);
      return text === absent ? [] : [[name, text] as const];
    }),
  );
}

function canonicalAddress(address: string): string {
  return isPciAddress(address) ? normalisePciAddress(address) : address;
}
