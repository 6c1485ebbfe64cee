import { DOMParser, type Element } from "@xmldom/xmldom";
import type { HostFacts, LibvirtDomainFacts, LibvirtFacts } from "../../model/facts";
import { readHostdev, type Hostdev } from "./hostdev";
import { children } from "./xml";

/** One domain as the host shows it. */
export interface Domain {
  readonly name: string;
  readonly uuid: string;
  readonly running: boolean;
  readonly persistent: boolean;
  readonly autostart: boolean;
  /** What it has at its next start. */
  readonly configured: Definition;
  /** What it runs with; null where it does not run. */
  readonly live: Definition | null;
}

export interface Definition {
  /** As `virsh dumpxml` prints it. */
  readonly text: string;
  readonly devices: readonly Hostdev[];
  /** Boot orders of devices that are no host devices. */
  readonly otherBootOrders: readonly string[];
  /** `<os>` lists what to boot from, and then no device may have an order of its own. */
  readonly bootList: boolean;
  /** KiB; 0 where it does not say. */
  readonly memory: number;
  /** KiB that the guest starts with. */
  readonly currentMemory: number;
  readonly balloon: boolean;
}

/** Facts do not change; a host with a hundred domains is parsed once. */
const parsed = new WeakMap<LibvirtFacts, readonly Domain[]>();

/**
 * Every domain of the host.
 * @throws an Error where libvirt did not answer: no answer does not mean that there are none.
 */
export function allDomains({ libvirt, hostname }: HostFacts): readonly Domain[] {
  if (libvirt === null) throw new Error(`${hostname} is not a libvirt host: there is no \`virsh\`.`);
  if (libvirt.complaint !== null)
    throw new Error(
      `libvirt of ${hostname} does not answer: ${libvirt.complaint}. Is its daemon running (\`systemctl status libvirtd\`)?`,
    );
  const known = parsed.get(libvirt);
  if (known) return known;
  const domains = Object.entries(libvirt.domains).map(([name, facts]) => readDomain(name, facts));
  parsed.set(libvirt, domains);
  return domains;
}

export function findDomain(facts: HostFacts, name: string): Domain | null {
  return allDomains(facts).find((domain) => domain.name === name) ?? null;
}

/** `domain web` */
export function describeDomain({ name }: Pick<Domain, "name">): string {
  return `domain ${name}`;
}

function readDomain(name: string, facts: LibvirtDomainFacts): Domain {
  const { uuid, persistent, autostart, configured, live } = facts;
  return {
    ...{ name, uuid, persistent, autostart, running: live !== null },
    configured: readDefinition(configured),
    live: live === null ? null : readDefinition(live),
  };
}

function readDefinition(text: string): Definition {
  const { documentElement } = new DOMParser().parseFromString(text, "text/xml");
  if (documentElement === null) throw new Error("libvirt printed a domain without a root element.");
  const devices = children(documentElement, "devices").flatMap((all) => children(all));
  const hostdevs = devices.flatMap((device) => readHostdev(device) ?? []);
  const own = new Set(hostdevs.map(({ element }) => element));
  const memory = kibibytes(children(documentElement, "memory")[0]);
  return {
    text,
    devices: hostdevs.map(({ hostdev }) => hostdev),
    otherBootOrders: devices
      .filter((device) => !own.has(device))
      .flatMap((device) => children(device, "boot").flatMap((boot) => boot.getAttribute("order") ?? [])),
    bootList: children(documentElement, "os").some((os) => children(os, "boot").length > 0),
    memory,
    currentMemory: kibibytes(children(documentElement, "currentMemory")[0]) || memory,
    balloon: !devices.some(
      (device) => device.tagName === "memballoon" && device.getAttribute("model") === "none",
    ),
  };
}

/** libvirt prints KiB, whatever was written. */
function kibibytes(element: Element | undefined): number {
  return Number(element?.textContent ?? "") || 0;
}
