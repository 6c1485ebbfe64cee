/** How facts are written, whatever they say: what two hosts of a kind must have in common. */
import type { HostFacts } from "../../lib/model/facts";

/** By place in the facts, such as `devices[].modalias`: every form that is found there. */
export type Formats = Readonly<Record<string, readonly string[]>>;

/** The first that fits. */
const forms: readonly (readonly [string, RegExp])[] = [
  ["nothing", /^$/],
  ["UUID", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
  ["32 hex digits", /^[0-9a-f]{32}$/],
  ["PCI address", /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/],
  [
    "modalias",
    /^pci:v[0-9A-F]{8}d[0-9A-F]{8}sv[0-9A-F]{8}sd[0-9A-F]{8}bc[0-9A-F]{2}sc[0-9A-F]{2}i[0-9A-F]{2}$/,
  ],
  ["Debian's release", /^\d+\.\d+\.\d+-\d+-amd64$/],
  ["kernel command line", /^BOOT_IMAGE=\/\S+ root=\S+ ro\b/],
  ["unit of VT-d", /^dmar\d+$/],
  ["Y or N", /^[YN]$/],
];

/** Their values may be of any length, and are of a form only where a list of digits is. */
const digits: Readonly<Record<string, RegExp>> = {
  vendor: /^[0-9a-f]{4}$/,
  device: /^[0-9a-f]{4}$/,
  subsystemVendor: /^[0-9a-f]{4}$/,
  subsystemDevice: /^[0-9a-f]{4}$/,
  class: /^[0-9a-f]{6}$/,
  revision: /^[0-9a-f]{2}$/,
  iommuGroup: /^\d+$/,
};

/** Keyed by what a host happens to have. */
const maps = new Set(["modules", "files", "bootEvidence.images", "bootEvidence.packages"]);

export function formatsOf(facts: HostFacts): Formats {
  const found = new Map<string, Set<string>>();
  const note = (place: string, form: string) => found.set(place, (found.get(place) ?? new Set()).add(form));
  const walk = (place: string, value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) walk(`${place}[]`, each);
    else if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        const known = key.replace(/\d+(\.\d+)*(-\d+)?-amd64/, "RELEASE");
        walk(maps.has(place) ? `${place}{${known}}` : place === "" ? key : `${place}.${key}`, inner);
      }
    else note(place, formOf(place.split(".").at(-1) ?? "", value));
  };
  walk("", facts);
  return Object.fromEntries([...found].map(([place, seen]) => [place, [...seen].sort()]));
}

function formOf(field: string, value: unknown): string {
  if (typeof value !== "string") return value === null ? "null" : typeof value;
  const expected = digits[field];
  if (expected) return expected.test(value) ? "digits" : `not ${expected}: ${value}`;
  return forms.find(([, form]) => form.test(value))?.[0] ?? (value.endsWith("\n") ? "lines" : "words");
}
