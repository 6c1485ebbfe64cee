import type { HostFacts } from "../../model/facts";
import { parsePciValue, pciKey } from "./hostpci";
import { allVms, type VirtualMachine } from "./virtualMachine";

/** Slots of this node's VMs that name a ROM file, now or at their next start. */
export function usersOfRomFile(
  facts: HostFacts,
  name: string,
): readonly { readonly vm: VirtualMachine; readonly slot: string }[] {
  return allVms(facts)
    .filter(({ node }) => node === facts.proxmox?.node)
    .flatMap((vm) =>
      Object.entries({ ...(vm.running ? vm.current : {}), ...vm.configured })
        .filter(([slot, value]) => pciKey.test(slot) && parsePciValue(value)?.["romfile"] === name)
        .map(([slot]) => ({ vm, slot })),
    );
}
