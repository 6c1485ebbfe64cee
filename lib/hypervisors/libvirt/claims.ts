import type { HostFacts } from "../../model/facts";
import type { Claim } from "../types";
import { allDomains, type Domain } from "./domain";
import { slotOfAlias, type Hostdev } from "./hostdev";

/** What a domain has, as it names it. */
export interface DomainClaim extends Claim {
  /** As the domain names it: the function, the UUID of a mediated device of it, or a USB device. */
  readonly source: string;
}

/** Which domain has which PCI function; none where libvirt does not answer. */
export function claims(facts: HostFacts): DomainClaim[] {
  return allClaims(facts).filter(({ address }) => !address.startsWith(usb));
}

/** Those of USB devices too, whose addresses are `USB 1-4.2`. */
function allClaims(facts: HostFacts): DomainClaim[] {
  if (facts.libvirt === null || facts.libvirt.complaint !== null) return [];
  return allDomains(facts).flatMap((domain) => claimsOf(domain, facts));
}

/** What other domains have of these devices; of a function also the mediated devices that it makes. */
export function rivals(facts: HostFacts, name: string, sources: readonly string[]): DomainClaim[] {
  const wanted = sources.flatMap((source) => claimNames(facts, source));
  return allClaims(facts).filter(
    ({ vmId, source, address }) =>
      vmId !== name && (wanted.includes(address) || (!address.startsWith(usb) && wanted.includes(source))),
  );
}

/** What claims call a device that a domain names so. */
export function claimNames(facts: HostFacts, source: string): string[] {
  const port = usbAddress(facts, source);
  return port === null ? [source] : [source, port];
}

const usb = "USB ";

/**
 * The port of the USB device that is meant; null for no USB device, and where several are alike: a domain gets any of
 * them then.
 */
function usbAddress({ usbDevices }: HostFacts, source: string): string | null {
  const [, bus, number] = /^(\d+)\.(\d+)$/.exec(source) ?? [];
  if (bus !== undefined) {
    const there = usbDevices.find(
      (device) => device.port.startsWith(`${bus}-`) && device.number === Number(number),
    );
    return there === undefined ? null : `${usb}${there.port}`;
  }
  if (!/^[0-9a-f]{4}:[0-9a-f]{4}$/.test(source)) return null;
  const [only, ...more] = usbDevices.filter(({ id }) => id === source);
  return more.length > 0 ? null : `${usb}${only?.port ?? source}`;
}

/** A slot's name where it is ours, else libvirt's own for the device. */
export function slotNameOf({ alias }: Hostdev): string {
  return slotOfAlias(alias) ?? alias ?? "hostdev";
}

const address = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Both what the domain runs with and what it has at its next start. */
function claimsOf({ name, running, configured, live }: Domain, facts: HostFacts): DomainClaim[] {
  const bySource = (devices: readonly Hostdev[] = []) =>
    new Map(
      devices
        .filter(
          ({ kind, source }) =>
            kind === "mdev" || address.test(source) || (kind === "usb" && usbAddress(facts, source) !== null),
        )
        .map((device) => [device.source, device]),
    );
  const [now, next] = [bySource(live?.devices), bySource(configured.devices)];
  return [...new Map([...now, ...next])].map(([source, device]) => ({
    // One that is not there has no function, and its own name then stands for it.
    address:
      facts.mediatedDevices.find(({ uuid }) => uuid === source)?.parent ??
      usbAddress(facts, source) ??
      source,
    source,
    vmId: name,
    vmName: "",
    slot: slotNameOf(device),
    running,
    inUse: now.has(source),
    configured: next.has(source),
    shared: device.kind === "mdev",
  }));
}
