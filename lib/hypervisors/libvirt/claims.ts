import type { HostFacts } from "../../model/facts";
import type { Claim } from "../types";
import { allDomains, type Domain } from "./domain";
import { slotOfAlias, type Hostdev } from "./hostdev";

/** Which domain has which PCI function; none where libvirt does not answer. */
export function claims(facts: HostFacts): Claim[] {
  if (facts.libvirt === null || facts.libvirt.complaint !== null) return [];
  return allDomains(facts).flatMap(claimsOf);
}

/** What other domains have of these functions. */
export function rivals(facts: HostFacts, name: string, addresses: readonly string[]): Claim[] {
  return claims(facts).filter((claim) => claim.vmId !== name && addresses.includes(claim.address));
}

/** A slot's name where it is ours, else libvirt's own for the device. */
export function slotNameOf({ alias }: Hostdev): string {
  return slotOfAlias(alias) ?? alias ?? "hostdev";
}

const address = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Both what the domain runs with and what it has at its next start. */
function claimsOf({ name, running, configured, live }: Domain): Claim[] {
  const byAddress = (devices: readonly Hostdev[] = []) =>
    new Map(devices.filter(({ source }) => address.test(source)).map((device) => [device.source, device]));
  const [now, next] = [byAddress(live?.devices), byAddress(configured.devices)];
  return [...new Map([...now, ...next])].map(([source, device]) => ({
    address: source,
    vmId: name,
    vmName: "",
    slot: slotNameOf(device),
    running,
    inUse: now.has(source),
    configured: next.has(source),
    shared: false,
  }));
}
