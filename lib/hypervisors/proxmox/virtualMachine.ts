import type { HostFacts, ProxmoxVmFacts } from "../../model/facts";
import { configured, parseVmConfig, type VmConfig } from "./vmConfig";
import { satisfies } from "./vmSettings";

/** One VM as the host shows it. */
export interface VirtualMachine extends VmConfig {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly running: boolean;
  readonly digest: string;
  /** What it has at its next start: the main section with everything pending. */
  readonly configured: Readonly<Record<string, string>>;
}

export function virtualMachine(id: string, facts: ProxmoxVmFacts): VirtualMachine {
  const config = parseVmConfig(facts.config);
  const { node, running, digest } = facts;
  return {
    ...config,
    id,
    name: config.current["name"] ?? "",
    node,
    running,
    digest,
    configured: configured(config),
  };
}

/** The VM; null if the cluster has none with this id. */
export function findVm(facts: HostFacts, vmId: string): VirtualMachine | null {
  const vms = facts.proxmox?.vms ?? {};
  const found = Object.hasOwn(vms, vmId) ? vms[vmId] : undefined;
  return found === undefined ? null : virtualMachine(vmId, found);
}

/** Every VM of the cluster, by id. */
export function allVms(facts: HostFacts): VirtualMachine[] {
  const vms = Object.entries(facts.proxmox?.vms ?? {});
  return vms.map(([id, vm]) => virtualMachine(id, vm)).sort((a, b) => Number(a.id) - Number(b.id));
}

/** `VM 100 (workstation)` */
export function describeVm(vm: Pick<VirtualMachine, "id" | "name">): string {
  return vm.name === "" ? `VM ${vm.id}` : `VM ${vm.id} (${vm.name})`;
}

/** Keys that change at the next start of a running VM, by meaning. */
export function pendingKeys(vm: VirtualMachine): string[] {
  if (!vm.running) return [];
  return Object.entries(vm.pending).flatMap(([key, value]) => {
    const now = vm.current[key] ?? null;
    const same =
      value === null
        ? now === null
        : now !== null && satisfies(key, now, value) && satisfies(key, value, now);
    return same ? [] : [key];
  });
}
