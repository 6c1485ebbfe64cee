import type { HostFacts } from "../../model/facts";
import { functionsOf, isPciAddress } from "../../model/pciAddress";
import { parsePciValue, pciAddresses, pciKey } from "./hostpci";
import { parseEntry, parseMapping } from "./mapping";
import type { Claim, SettingChange } from "../types";
import { allVms, type VirtualMachine } from "./virtualMachine";

/** Which VM of this node has which PCI function. A mapping of several devices does not say which one it takes. */
export function claims(facts: HostFacts): Claim[] {
  return allVms(facts)
    .filter((vm) => vm.node === facts.proxmox?.node)
    .flatMap((vm) => claimsOf(facts, vm));
}

/** What other VMs have of the functions that arrive in this one; a mediated device is made for each VM anew. */
export function rivals(facts: HostFacts, vmId: string, changes: readonly SettingChange[]): Claim[] {
  const wanted = changes.flatMap(({ key, after }) =>
    after !== null && pciKey.test(key)
      ? functions(facts, after).map((address) => ({ address, shared: isMediated(after) }))
      : [],
  );
  return claims(facts).filter(
    (claim) =>
      claim.vmId !== vmId &&
      wanted.some(({ address, shared }) => address === claim.address && !(shared && claim.shared)),
  );
}

/** The functions that a value names; an address where nothing is stays as it is. */
export function functions(facts: Pick<HostFacts, "devices" | "proxmox">, value: string): string[] {
  return [...pciAddresses(value), ...mappedAddresses(facts, value)].flatMap((address) => {
    const there = functionsOf(facts.devices, address).map((device) => device.address);
    return there.length > 0 ? there : [address];
  });
}

/** What a mapping takes of this node, where it leaves no choice: of several devices, a VM gets a free one. */
function mappedAddresses({ proxmox }: Pick<HostFacts, "proxmox">, value: string): string[] {
  const name = parsePciValue(value)?.["mapping"];
  if (name === undefined || proxmox === null) return [];
  const all = parseMapping(proxmox.mappingFiles.pci, name)?.entries ?? [];
  const [only, ...more] = all.map(parseEntry).filter(({ node }) => node === proxmox.node);
  return only === undefined || more.length > 0 ? [] : (only["path"] ?? "").split(";").filter(isPciAddress);
}

/** Both what the VM runs with and what it has at its next start. */
function claimsOf(facts: HostFacts, vm: VirtualMachine): Claim[] {
  const now = vm.running ? held(facts, vm.current) : new Map<string, Held>();
  const next = held(facts, vm.configured);
  return [...new Map([...now, ...next])].map(([key, { address, slot, shared }]) => ({
    address,
    vmId: vm.id,
    vmName: vm.name,
    slot,
    running: vm.running,
    inUse: now.has(key),
    configured: next.has(key),
    shared,
  }));
}

type Held = Pick<Claim, "address" | "slot" | "shared">;

function held(facts: HostFacts, config: Readonly<Record<string, string>>): Map<string, Held> {
  const slots = Object.entries(config).filter(([key]) => pciKey.test(key));
  return new Map(
    slots.flatMap(([slot, value]) =>
      functions(facts, value).map((address) => [
        `${slot} ${address}`,
        { address, slot, shared: isMediated(value) },
      ]),
    ),
  );
}

function isMediated(value: string): boolean {
  return parsePciValue(value)?.["mdev"] !== undefined;
}
