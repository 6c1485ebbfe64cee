import { DOMParser, XMLSerializer, type Element } from "@xmldom/xmldom";
import type { HostFacts } from "../../model/facts";
import { formatPciAddress, functionsOf, parsePciAddress } from "../../model/pciAddress";
import { options, type Kind, type Slot } from "./slot";
import { children } from "./xml";

/** One device of the host that a domain has. */
export interface Hostdev {
  /** null: something that only libvirt knows, such as a SCSI device. */
  readonly kind: Kind | null;
  /** `dddd:bb:dd.f`, `vvvv:pppp`, `bus.device` of USB, or a UUID. */
  readonly source: string;
  /** As in `Slot`. */
  readonly options: Readonly<Record<string, string>>;
  readonly alias: string | null;
  /** The element, whole: what `virsh attach-device` makes the same device of again. */
  readonly xml: string;
}

/** What one function of a slot must be. */
export type Wanted = Pick<Hostdev, "source" | "options"> & { readonly kind: Kind; readonly alias: string };

const prefix = "ua-cdktf-";

/** Slot names have no `_`, so that the number of the function is told from the name. */
export const slotOfAlias = (alias: string | null): string | null =>
  /^ua-cdktf-([a-z][a-z0-9-]*)_\d+$/.exec(alias ?? "")?.[1] ?? null;

/** What a slot stands for on this host: a device for each function of a card. What is not there is left out. */
export function wantedDevices(facts: HostFacts, name: string, slot: Slot): Wanted[] {
  return sources(facts, slot).map((source, at) => ({
    kind: slot.kind,
    source,
    alias: `${prefix}${name}_${at}`,
    options: Object.fromEntries(
      Object.entries(slot.options).flatMap(([option, value]) => {
        if (at > 0 && options[option]?.functions === "first") return [];
        return [[option, option === "address" ? guestAddress(value, source) : value]];
      }),
    ),
  }));
}

/** The devices that a slot names, as far as they are there. */
export function sources(facts: HostFacts, { kind, source }: Slot): string[] {
  if (kind === "pci") {
    const named = source.split(";");
    return named.flatMap((address) => {
      const there = functionsOf(facts.devices, address).map((device) => device.address);
      // One that is gone may still stand in the domain.
      return there.length > 0
        ? there
        : [parsePciAddress(address).function === null ? `${address}.0` : address];
    });
  }
  if (kind === "usb" && source.includes("-")) {
    const plugged = facts.usbDevices.find(({ port }) => port === source);
    return plugged === undefined ? [] : [`${Number.parseInt(source)}.${plugged.number}`];
  }
  return [source];
}

/** Several functions of a card become functions of one card for the guest too. */
function guestAddress(value: string, source: string): string {
  if (value === "unassigned") return value;
  const address = parsePciAddress(value);
  return formatPciAddress({
    ...address,
    function: address.function ?? parsePciAddress(source).function ?? 0,
  });
}

/** Whether a device of a domain is what is wanted; whoever made it. */
export function isAsWanted(device: Hostdev, wanted: Wanted): boolean {
  return (
    device.kind === wanted.kind &&
    device.source === wanted.source &&
    Object.entries(options).every(([name, { absent, filledIn, kinds }]) => {
      if (!kinds.includes(wanted.kind)) return true;
      const want = wanted.options[name];
      if (filledIn && want === undefined) return device.options[name] !== "unassigned";
      return (device.options[name] ?? absent) === (want ?? absent);
    })
  );
}

/** One device of a domain in the words of a setting. */
export function describeHostdev({ kind, source, options: set }: Hostdev): string {
  const said = Object.entries(set).filter(([name, value]) => {
    const option = options[name];
    return option !== undefined && !(option.filledIn && value !== "unassigned");
  });
  return [kind ?? "other", source, ...said.map(([name, value]) => `${name}=${value}`)].join(" ");
}

/** Reads an element below `<devices>`; null where it is no device of the host. */
export function readHostdev(element: Element): { element: Element; hostdev: Hostdev } | null {
  const [source] = children(element, "source");
  const found = source && readSource(element, source);
  if (!found) return null;
  const [alias] = children(element, "alias");
  return {
    element,
    hostdev: {
      ...found,
      options: found.kind === null ? {} : readOptions(element, found.kind),
      alias: alias?.getAttribute("name") ?? null,
      xml: new XMLSerializer().serializeToString(element),
    },
  };
}

/** Network interfaces and NVMe disks may be PCI devices of the host too; those are never ours. */
function readSource(element: Element, source: Element): Pick<Hostdev, "kind" | "source"> | null {
  const type = element.getAttribute("type");
  const [address] = children(source, "address");
  const hostdev = element.tagName === "hostdev";
  const pci = address && readPciAddress(address);
  if (pci) return { kind: hostdev ? "pci" : null, source: pci };
  if (!hostdev) return null;
  const id = (name: string) => hex(children(source, name)[0]?.getAttribute("id"), 4);
  if (type === "mdev") return { kind: "mdev", source: address?.getAttribute("uuid")?.toLowerCase() ?? "" };
  if (type !== "usb") return { kind: null, source: "" };
  const [vendor, product] = [id("vendor"), id("product")];
  if (vendor !== null && product !== null) return { kind: "usb", source: `${vendor}:${product}` };
  const number = (name: string) => String(Number(address?.getAttribute(name) ?? ""));
  return { kind: "usb", source: `${number("bus")}.${number("device")}` };
}

/** `domain='0x0000' bus='0x01' slot='0x00' function='0x0'`, in any of the ways to write numbers. */
function readPciAddress(address: Element): string | null {
  const part = (name: string, digits: number) => hex(address.getAttribute(name), digits);
  const [bus, slot, fn] = [part("bus", 2), part("slot", 2), part("function", 1)];
  if (bus === null || slot === null || fn === null) return null;
  return `${part("domain", 4) ?? "0000"}:${bus}:${slot}.${fn}`;
}

function hex(text: string | null | undefined, digits: number): string | null {
  const value = text ? Number(text) : NaN;
  return Number.isInteger(value) && value >= 0 ? value.toString(16).padStart(digits, "0") : null;
}

function readOptions(element: Element, kind: Kind): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, { absent, kinds }]) => {
      const value = kinds.includes(kind) ? readOption(element, name) : null;
      return value === null || value === absent ? [] : [[name, value] as const];
    }),
  );
}

function readOption(element: Element, name: string): string | null {
  const [child = "", attribute] = name.split(".");
  if (attribute === undefined && child !== "address") return element.getAttribute(child) || null;
  const [found] = children(element, child);
  if (found === undefined) return null;
  if (attribute !== undefined) return found.getAttribute(attribute) || null;
  return found.getAttribute("type") === "unassigned" ? "unassigned" : readPciAddress(found);
}

/** The element that makes a domain have a device. */
export function formatHostdev({ kind, source, alias, options: set }: Wanted): string {
  const document = new DOMParser().parseFromString("<hostdev/>", "text/xml");
  const hostdev = document.documentElement;
  if (hostdev === null) throw new Error("An empty document has no root element.");
  const add = (parent: Element, name: string, attributes: Readonly<Record<string, string>> = {}): Element => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent.appendChild(element);
    return element;
  };
  hostdev.setAttribute("mode", "subsystem");
  hostdev.setAttribute("type", kind);
  if (kind === "mdev") hostdev.setAttribute("model", "vfio-pci");
  const inside = add(hostdev, "source");
  formatSource[kind](source, (name, attributes) => void add(inside, name, attributes));
  add(hostdev, "alias", { name: alias });
  for (const [name, value] of Object.entries(set)) {
    const [child = "", attribute] = name.split(".");
    const element = children(hostdev, child)[0];
    if (name === "address") add(hostdev, "address", guestAttributes(value));
    else if (attribute === undefined) hostdev.setAttribute(child, value);
    else if (element) element.setAttribute(attribute, value);
    else add(hostdev, child, { ...(child === "teaming" ? { type: "transient" } : {}), [attribute]: value });
  }
  return new XMLSerializer().serializeToString(hostdev);
}

type Add = (name: string, attributes: Readonly<Record<string, string>>) => void;

const formatSource: Readonly<Record<Kind, (source: string, add: Add) => void>> = {
  pci: (source, add) => add("address", pciAttributes(source)),
  mdev: (uuid, add) => add("address", { uuid }),
  usb(source, add) {
    const [bus = "", device = ""] = source.split(".");
    const [vendor = "", product] = source.split(":");
    if (product === undefined) return add("address", { bus, device });
    add("vendor", { id: `0x${vendor}` });
    add("product", { id: `0x${product}` });
  },
};

function pciAttributes(address: string): Record<string, string> {
  const { domain, bus, device, function: fn } = parsePciAddress(address);
  const digits = (value: number, count: number) => `0x${value.toString(16).padStart(count, "0")}`;
  return {
    domain: digits(domain, 4),
    bus: digits(bus, 2),
    slot: digits(device, 2),
    function: digits(fn ?? 0, 1),
  };
}

function guestAttributes(value: string): Record<string, string> {
  if (value === "unassigned") return { type: "unassigned" };
  return {
    type: "pci",
    ...pciAttributes(value),
    // The guest looks for others only where the first function says that there are.
    ...(value.endsWith(".0") ? { multifunction: "on" } : {}),
  };
}

/** The elements of a text that holds several, one after the other. */
export function splitHostdevs(xml: string): Hostdev[] {
  const root = new DOMParser().parseFromString(`<devices>${xml}</devices>`, "text/xml").documentElement;
  return root === null ? [] : children(root).flatMap((element) => readHostdev(element)?.hostdev ?? []);
}
