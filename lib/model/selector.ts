import { deviceIdOf, normaliseDeviceId } from "./deviceId";
import type { PciDevice } from "./facts";
import { matchesPciFilter, parsePciFilter } from "./openNebulaFilter";
import { namesFunction, normalisePciAddress } from "./pciAddress";

/** What names devices of a host: everything that is set must hold of a device. */
export interface DeviceSelector {
  /** `dddd:bb:dd` for every function of the slot, `dddd:bb:dd.f` for one. */
  readonly address?: string | null;
  /** `vvvv:dddd`. Alone it means every function of that kind, and not the other functions of its card. */
  readonly id?: string | null;
  /** Four hex digits. */
  readonly vendor?: string | null;
  /** Four hex digits. */
  readonly device?: string | null;
  /** Two, four or six hex digits. */
  readonly class?: string | null;
  /** `vvvv:dddd` */
  readonly subsystem?: string | null;
  /** PCI Express serial number, or that of an NVMe drive. */
  readonly serial?: string | null;
  /** Permanent MAC address. */
  readonly mac?: string | null;
  /** Regular expression for part of the name in words. */
  readonly name?: string | null;
  /** In OpenNebula's grammar. */
  readonly filter?: string | null;
  /** Only this card of those that match, from 1, in the order of topology. */
  readonly nth?: number | null;
  /** How many cards must match: a number, or `all`. */
  readonly count?: string | null;
  /** Every function of the cards that match. */
  readonly whole?: boolean | null;
}

interface Criterion {
  /** In the one way that it compares. @throws an Error that says what was expected. */
  normalise(text: string): string;
  matches(device: PciDevice, normalised: string): boolean;
  /** In an error, after "PCI device" or "cards". */
  words(normalised: string): string;
}

/** What a device is told by, in the order in which errors say it. */
export const criteria = {
  address: {
    normalise: normalisePciAddress,
    matches: (device, address) => namesFunction(address, device.address),
    words: (address) => `at ${address}`,
  },
  id: {
    normalise: normaliseDeviceId,
    matches: (device, id) => deviceIdOf(device) === id,
    words: (id) => `with id ${id}`,
  },
  vendor: {
    normalise: hexDigits(/^[0-9a-f]{4}$/i, "a vendor id", "four hex digits, such as 10de"),
    matches: (device, vendor) => device.vendor === vendor,
    words: (vendor) => `of vendor ${vendor}`,
  },
  device: {
    normalise: hexDigits(/^[0-9a-f]{4}$/i, "a device id", "four hex digits, such as 2204"),
    matches: (device, id) => device.device === id,
    words: (id) => `with device id ${id}`,
  },
  class: {
    normalise: hexDigits(/^(?:[0-9a-f]{2}){1,3}$/i, "a PCI class", "two, four or six hex digits, such as 03"),
    matches: (device, pciClass) => device.class.startsWith(pciClass),
    words: (pciClass) => `of class ${pciClass}`,
  },
  subsystem: {
    normalise: normaliseDeviceId,
    matches: (device, id) => `${device.subsystemVendor}:${device.subsystemDevice}` === id,
    words: (id) => `with subsystem id ${id}`,
  },
  serial: {
    normalise: serialNumber,
    matches: (device, serial) => serialsOf(device).map(serialNumber).includes(serial),
    words: (serial) => `with serial number ${serial}`,
  },
  mac: {
    normalise: macAddress,
    matches: (device, mac) => device.macs.includes(mac),
    words: (mac) => `with MAC address ${mac}`,
  },
  name: {
    normalise: (text) => expression(text).source,
    matches: (device, source) => expression(source).test(device.name),
    words: (source) => `whose name matches ${JSON.stringify(source)}`,
  },
  filter: {
    normalise(text) {
      parsePciFilter(text);
      return text;
    },
    matches: (device, filter) => matchesPciFilter(parsePciFilter(filter), device),
    words: (filter) => `that the filter ${filter} takes`,
  },
} as const satisfies Readonly<Record<string, Criterion>>;

export type CriterionName = keyof typeof criteria;
const criterionNames = Object.keys(criteria) as CriterionName[];

/** A selector that can be meant, in the one way that it compares. */
export interface CheckedSelector {
  readonly criteria: Readonly<Partial<Record<CriterionName, string>>>;
  readonly nth: number | null;
  /** null: any number. */
  readonly count: number | null;
  readonly whole: boolean;
}

/** @throws an Error if it is malformed or names nothing. */
export function checkSelector(selector: DeviceSelector): CheckedSelector {
  const given = criterionNames.flatMap((name): [CriterionName, string][] => {
    const text = selector[name] ?? null;
    if (text === null) return [];
    // Left out by a variable that is empty, a criterion would silently widen what is meant.
    if (text.trim() === "") throw new Error(`The ${name} of a device is empty. Leave it out, or say which.`);
    return [[name, criteria[name].normalise(text)]];
  });
  const nth = selector.nth ?? null;
  if (nth !== null && !(Number.isInteger(nth) && nth >= 1))
    throw new Error(`nth = ${nth} counts no card. Expected 1 for the first one that matches, 2, and so on.`);
  if (given.length === 0) {
    throw new Error(
      `A device is selected by ${criterionNames.slice(0, -1).join(", ")} or ${criterionNames.at(-1)}; none is given. ` +
        'Expected address = "0000:01:00", or vendor = "10de", for example.',
    );
  }
  const alone = given.length === 1 && given[0]?.[0] === "id";
  const count = countOf(selector.count ?? (alone || nth !== null ? "all" : "1"));
  return { criteria: Object.fromEntries(given), nth, count, whole: selector.whole ?? false };
}

/** The words that decide; two selectors with the same ones mean the same whatever the host. */
export function selectorKey(selector: DeviceSelector): string {
  return JSON.stringify(checkSelector(selector));
}

/** In words, after "PCI device" or "cards": `at 0000:01:00 with id 10de:2204`. */
export function selectorWords({ criteria: given }: CheckedSelector): string {
  const words = criterionNames.flatMap((name) => {
    const value = given[name];
    return value === undefined ? [] : [criteria[name].words(value)];
  });
  return words.join(" ") || "on the host";
}

/** The functions of which every criterion holds, in the host's order. */
export function matching(devices: readonly PciDevice[], { criteria: given }: CheckedSelector): PciDevice[] {
  return criterionNames.reduce<PciDevice[]>(
    (left, name) => {
      const value = given[name];
      return value === undefined ? left : left.filter((device) => criteria[name].matches(device, value));
    },
    [...devices],
  );
}

/** One line for people: `0000:01:00.0 10de:2204 NVIDIA GA102`. */
export function describeDevice(device: PciDevice): string {
  return [device.address, deviceIdOf(device), device.name].filter(Boolean).join(" ");
}

/** Serial numbers of the card and of the drive on it, where the host can read them. */
export function serialsOf({ serial, pcieSerial }: PciDevice): string[] {
  return [pcieSerial, serial].filter((found) => found !== null);
}

function hexDigits(form: RegExp, what: string, expected: string): (text: string) => string {
  return (text) => {
    if (!form.test(text)) throw new Error(`${JSON.stringify(text)} is not ${what}. Expected ${expected}.`);
    return text.toLowerCase();
  };
}

/** As lspci writes one of PCI Express; of a drive, only letter case does not count. */
function serialNumber(text: string): string {
  const lower = text.trim().toLowerCase();
  return /^[0-9a-f]{2}(?:[-:][0-9a-f]{2}){7}$/.test(lower) ? lower.replace(/:/g, "-") : lower;
}

function macAddress(text: string): string {
  const mac = text.trim().toLowerCase().replace(/-/g, ":");
  if (/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(mac)) return mac;
  throw new Error(
    `${JSON.stringify(text)} is not a MAC address. Expected six pairs of hex digits, such as a0:36:9f:12:34:56.`,
  );
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text, "iu");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${JSON.stringify(text)} is not a regular expression (${why}). Expected one such as "GA10[24]".`,
    );
  }
}

function countOf(text: string): number | null {
  if (text === "all") return null;
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text);
  throw new Error(`count = ${JSON.stringify(text)} is no number of cards. Expected 1 or more, or "all".`);
}
