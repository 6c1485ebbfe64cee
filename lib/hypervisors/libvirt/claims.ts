import type { HostFacts, MediatedDevice } from "../../model/facts";
import type { Claim } from "../types";
import { allDomains, type Domain } from "./domain";
import { slotOfAlias, type Hostdev } from "./hostdev";

/** What a domain has, as it names it. */
export interface DomainClaim extends Claim {
  /** The function, or the UUID of a mediated device of it. */
  readonly source: string;
}

/** Which domain has which PCI function; none where libvirt does not answer. */
export function claims(facts: HostFacts): DomainClaim[] {
  if (facts.libvirt === null || facts.libvirt.complaint !== null) return [];
  return allDomains(facts).flatMap((domain) => claimsOf(domain, facts.mediatedDevices));
}

/** What other domains have of these devices; of a function also the mediated devices that it makes. */
export function rivals(facts: HostFacts, name: string, sources: readonly string[]): DomainClaim[] {
  return claims(facts).filter(
    ({ vmId, source, address }) => vmId !== name && (sources.includes(source) || sources.includes(address)),
  );
}

/** A slot's name where it is ours, else libvirt's own for the device. */
export function slotNameOf({ alias }: Hostdev): string {
  return slotOfAlias(alias) ?? alias ?? "hostdev";
}

const address = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;

/** Both what the domain runs with and what it has at its next start. */
function claimsOf(
  { name, running, configured, live }: Domain,
  mediated: readonly MediatedDevice[],
): DomainClaim[] {
  const bySource = (devices: readonly Hostdev[] = []) =>
    new Map(
      devices
        .filter(({ kind, source }) => kind === "mdev" || address.test(source))
        .map((device) => [device.source, device]),
    );
  const [now, next] = [bySource(live?.devices), bySource(configured.devices)];
  return [...new Map([...now, ...next])].map(([source, device]) => ({
    // One that is not there has no function, and its own name then stands for it.
    address: mediated.find(({ uuid }) => uuid === source)?.parent ?? source,
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
