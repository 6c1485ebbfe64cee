import { kindOfClass } from "../../model/deviceKind";
import type { HostFacts } from "../../model/facts";
import { FreshNames } from "../../model/freshNames";
import { functionsOf, isPciAddress, parsePciAddress, slotOf } from "../../model/pciAddress";
import type { PciSlot, UsbSlot } from "../types";
import { emptyPciSlot, Holders, type VmDescription, type VmDescriptions } from "../vmDescription";
import { domainName } from "./declaration";
import { allDomains, describeDomain, type Domain } from "./domain";
import { describeHostdev, type Hostdev } from "./hostdev";
import { formatSlot, pciSlotOf, slotProblems, usbSlotOf } from "./slot";
import { isComplete, slotState } from "./slotState";

/** Systems that make domains themselves, by what they write into a definition, and where their VMs are declared. */
const managers: readonly (readonly [mark: RegExp, name: string])[] = [
  [/["']http:\/\/ovirt\.org\/vm\//, "an oVirt engine: Ovirt.vm declares its devices there"],
  [
    /["']http:\/\/opennebula\.org\/xmlns\//,
    "OpenNebula: OpenNebula.vm declares its devices at the front end",
  ],
];

/** The persistent domains of this host that have devices of it. */
export function describeDomains(facts: HostFacts): VmDescriptions {
  const { libvirt } = facts;
  if (libvirt === null) return { vms: [], leftOut: [] };
  if (libvirt.complaint !== null)
    return { vms: [], leftOut: [`the domains of libvirt, which does not answer: ${libvirt.complaint}`] };
  const taken = new Holders();
  const withDevices = allDomains(facts).filter(({ configured, live }) =>
    [configured, live].some((definition) => definition !== null && definition.devices.length > 0),
  );
  const leftOut = withDevices.flatMap((domain) => {
    const why = notOurs(domain);
    return why === null ? [] : [`${describeDomain(domain)}, ${why}`];
  });
  // A domain that runs with a device is asked before one that only has it in its configuration.
  const vms = withDevices
    .filter((domain) => notOurs(domain) === null)
    .sort((one, other) => Number(other.running) - Number(one.running))
    .map((domain) => describe(facts, domain, taken))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  return { vms, leftOut };
}

function notOurs({ name, configured: { text }, persistent }: Domain): string | null {
  if (!domainName.test(name)) return "a name that no stack can say";
  const manager = managers.find(([mark]) => mark.test(text));
  if (manager !== undefined) return `which is run by ${manager[1]}`;
  return persistent ? null : "which is transient: it has no configuration that outlives its next shutdown";
}

function describe(facts: HostFacts, domain: Domain, taken: Holders): VmDescription {
  const names = new FreshNames();
  const pci: Record<string, PciSlot> = {};
  const usb: Record<string, UsbSlot> = {};
  const leftOut: string[] = [];
  const title = describeDomain(domain);
  const say = (device: Hostdev, why: string) =>
    void leftOut.push(`${describeHostdev(device)} of ${title}${why}`);
  const place = (devices: readonly Hostdev[]): boolean => {
    const slot = slotFor(facts, devices);
    if (slot === null || !saysTheSame(facts, domain, devices, slot)) return false;
    const sources = devices.map(({ source }) => source);
    const held = taken.take(sources, title);
    const name = held === null ? names.give(kindOf(facts, sources[0] ?? "", slot), "device") : "";
    if (held !== null) for (const device of devices) say(device, `: ${held}`);
    else if ("pci" in slot) pci[name] = slot.pci;
    else usb[name] = slot.usb;
    return true;
  };
  for (const devices of cards(facts, domain.configured.devices)) {
    if (place(devices)) continue;
    for (const device of devices) if (!place([device])) say(device, ": it cannot be declared as it is there");
  }
  const next = new Set(domain.configured.devices.map(({ source }) => source));
  for (const device of domain.live?.devices ?? [])
    if (!next.has(device.source)) say(device, ": it runs with it, and does not start with it again");
  return { declaration: { vmId: domain.name, pci, usb }, name: domain.name, leftOut };
}

type Declared = { readonly pci: PciSlot } | { readonly usb: UsbSlot };

/** Cards of which the domain has every function, together; every other device alone. */
function cards(facts: HostFacts, devices: readonly Hostdev[]): Hostdev[][] {
  const cardOf = ({ kind, source }: Hostdev) => (kind === "pci" ? slotOf(source) : null);
  const whole = (card: string) =>
    functionsOf(facts.devices, card).length === devices.filter((device) => cardOf(device) === card).length;
  const groups = new Map<string | Hostdev, Hostdev[]>();
  for (const device of devices) {
    const card = cardOf(device);
    const key = card !== null && whole(card) ? card : device;
    groups.set(key, [...(groups.get(key) ?? []), device]);
  }
  return [...groups.values()];
}

/** What declares these devices, by the options of the first; null for what no slot can be. */
function slotFor(facts: HostFacts, devices: readonly Hostdev[]): Declared | null {
  const [first] = devices;
  if (first === undefined || first.kind === null) return null;
  const { kind, source, options } = first;
  const order = options["boot.order"];
  const common = { boot_order: order === undefined ? null : Number(order), live: null };
  if (kind === "usb") {
    const plugged = facts.usbDevices.find(
      ({ port, number }) => `${Number.parseInt(port)}.${number}` === source,
    );
    const host = source.includes(":") ? source : (plugged?.port ?? null);
    const startup_policy = options["source.startupPolicy"] ?? null;
    return { usb: { ...emptyUsbSlot, ...common, host, startup_policy } };
  }
  const flag = (name: string, yes: string) => (options[name] === undefined ? null : options[name] === yes);
  return {
    pci: {
      ...emptyPciSlot,
      ...common,
      ...(kind === "mdev"
        ? { mdev: source }
        : { device: devices.length > 1 ? slotOf(source) : source, managed: managed(options) }),
      driver: options["driver.name"] ?? null,
      rom: flag("rom.enabled", "yes"),
      rombar: flag("rom.bar", "on"),
      romfile: options["rom.file"] ?? null,
      teaming: options["teaming.persistent"] ?? null,
      unassigned: options["address"] === "unassigned" ? true : null,
      guest_address: sharedGuestSlot(devices),
    },
  };
}

/** libvirt's default is the other way round. */
const managed = (options: Hostdev["options"]): boolean | null =>
  options["managed"] === "yes" ? null : false;

/** Where the guest sees a card whose functions somebody kept together; libvirt itself gives each a slot. */
function sharedGuestSlot(devices: readonly Hostdev[]): string | null {
  const slots = devices.map(({ source, options: { address = "" } }) =>
    isPciAddress(address) && functionOf(address) === functionOf(source) ? slotOf(address) : null,
  );
  return devices.length > 1 && new Set(slots).size === 1 ? (slots[0] ?? null) : null;
}

const functionOf = (address: string) => parsePciAddress(address).function;

/** Whether declaring it would leave the domain exactly as it is. */
function saysTheSame(
  facts: HostFacts,
  domain: Domain,
  devices: readonly Hostdev[],
  declared: Declared,
): boolean {
  const problems = "pci" in declared ? slotProblems(declared.pci, "pci") : slotProblems(declared.usb, "usb");
  if (problems.length > 0) return false;
  const slot = "pci" in declared ? pciSlotOf(declared.pci) : usbSlotOf(declared.usb);
  // Under a name that no slot has: what carries a mark of ours is part of another declaration.
  const state = slotState(facts, domain.configured, "", formatSlot(slot));
  return isComplete(state) && devices.every((device) => state.fits.includes(device));
}

function kindOf(facts: HostFacts, source: string, declared: Declared): string {
  if ("usb" in declared) return "usb";
  return declared.pci.mdev === null
    ? kindOfClass(functionsOf(facts.devices, source)[0]?.class ?? "")
    : "mdev";
}

const emptyUsbSlot: UsbSlot = { host: null, mapping: null, spice: null, usb3: null };
