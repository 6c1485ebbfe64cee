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
  ["Debian's release", /^\d+\.\d+\.\d+(-\d+|\+deb\d+)-amd64$/],
  ["GRUB's command line", /^BOOT_IMAGE=\/\S+ root=\S+ ro\b/],
  [
    "systemd-boot's command line",
    /^initrd=\\\S+\\initrd\.img-\S+ root=\S+ ro\b.* systemd\.machine_id=[0-9a-f]{32}\b/,
  ],
  ["systemd-boot's name", /^systemd-boot \d+/],
  ["unit of VT-d", /^dmar\d+$/],
  ["Y or N", /^[YN]$/],
];

/** Fields of a device, each of so many digits. */
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
const maps = new Set([
  ...["modules", "files"],
  ...["bootEvidence.images", "bootEvidence.packages", "bootEvidence.grubMenu.entries"],
]);

export function formatsOf(facts: HostFacts): Formats {
  const found = new Map<string, Set<string>>();
  const note = (place: string, form: string) => found.set(place, (found.get(place) ?? new Set()).add(form));
  const walk = (place: string, value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) walk(`${place}[]`, each);
    else if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) {
        const known = key.replace(/\d+\.\d+\.\d+(-\d+|\+deb\d+)-amd64/, "RELEASE");
        walk(maps.has(place) ? `${place}{${known}}` : place === "" ? key : `${place}.${key}`, inner);
      }
    else note(place, formOf(place, value));
  };
  walk("", facts);
  return Object.fromEntries([...found].map(([place, seen]) => [place, [...seen].sort()]));
}

function formOf(place: string, value: unknown): string {
  if (typeof value !== "string") return value === null ? "null" : typeof value;
  const expected = digits[/^devices\[\]\.(\w+)$/.exec(place)?.[1] ?? ""];
  if (expected) return expected.test(value) ? "digits" : `not ${expected}: ${value}`;
  return forms.find(([, form]) => form.test(value))?.[0] ?? (value.endsWith("\n") ? "lines" : "words");
}

/** Of what a host may have or not: other hardware, other modules, nothing deployed yet. */
const ownAffair =
  /^(modules\{|files\{|bootEvidence\.images|builtinModules|usbDevices|iommuUnits|unresolved|scriptLines|pending|record|proxmox|libvirt|qemuDriver|opennebula|critical\[\]\.neededToBoot)/;

/**
 * Where two hosts of a kind write a fact in another way, or one of them lacks it. That a fact is empty on one of them is
 * no difference.
 */
export function differences(one: HostFacts, other: HostFacts): string[] {
  const [a, b] = [formatsOf(one), formatsOf(other)];
  const told = (formats: readonly string[] = []) =>
    formats.filter((form) => form !== "null" && form !== "nothing");
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((place) => !ownAffair.test(place))
    .flatMap((place) => {
      const [left, right] = [a[place], b[place]];
      if (left === undefined || right === undefined) return [`${place}: only one has it`];
      if (told(left).length === 0 || told(right).length === 0) return [];
      return told(left).join() === told(right).join() ? [] : [`${place}: ${left.join()} and ${right.join()}`];
    })
    .sort();
}
