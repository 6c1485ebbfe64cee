import type { HostFacts } from "../model/facts";
import { libvirt } from "./libvirt/libvirt";
import { opennebula } from "./opennebula/opennebula";
import { proxmox } from "./proxmox/proxmox";
import type { Claim, Hypervisor } from "./types";

/** Every system that runs VMs, by the name that a declaration gives it. */
export const hypervisors: Readonly<Record<string, Hypervisor>> = { proxmox, libvirt, opennebula };

/** Which VM has which PCI function of this host, whichever of its hypervisors runs it. */
export function claims(facts: HostFacts): Claim[] {
  return Object.values(hypervisors).flatMap((hypervisor) => hypervisor.claims(facts));
}
