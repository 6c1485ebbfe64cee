import { claims } from "../hypervisors/registry";
import { isDisplay } from "../model/bootConfiguration";
import type { HostFacts, PciDevice } from "../model/facts";
import { slotOf } from "../model/pciAddress";
import { legibleRecord } from "../model/record";
import type { Diagnostic, PrivateState } from "../plugin/types";
import type { VfioBindingState } from "../schema";
import type { Selected } from "./boundFunctions";
import { failure } from "./diagnostics";
import { handOverProblems } from "./handOver";
import type { Hosts } from "./hosts";

export function departed(before: VfioBindingState | null, { devices }: Selected): string[] {
  const stays = new Set(devices.map(({ address }) => address));
  return Object.keys(before?.functions ?? {}).filter((address) => !stays.has(address));
}

/** What keeps a function from vfio-pci right now, though nothing forbids it. */
export function notBindable(name: string, devices: readonly PciDevice[], live: boolean): Diagnostic[] {
  return devices
    .filter(({ driver }) => driver !== "vfio-pci")
    .flatMap((device) => {
      const title = `${device.address} ${device.name}`.trim();
      if (device.iommuGroup === null) {
        return [
          failure(
            `${title} of ${name} has no IOMMU group`,
            "The IOMMU is not on for it, and it waits for the host to boot with its declared parameters. Where the host's reboots are manual, order the reboot first (`npx passthrough reboot`), then deploy again.",
          ),
        ];
      }
      if (isDisplay(device) && device.driver !== null && !live) {
        return [
          failure(
            `${title} of ${name} needs a reboot to leave ${device.driver}`,
            "A display device's driver may hang when it has to let go, so it changes at boot. Deploy with the host's reboot (order it first where the host's reboots are manual), or set liveRebind.",
          ),
        ];
      }
      return [];
    });
}

/** A group that changed under an applied binding is told, not refused: other hosts and a destroy must go on. */
export function groupNotices(state: VfioBindingState, facts: HostFacts): Diagnostic[] {
  const functions = Object.entries(state.functions ?? {}).map(([address, { name }]) => ({
    address,
    name: name ?? "",
  }));
  const bound = (legibleRecord(facts.record)?.boot.functions ?? []).map(({ address }) => address);
  return handOverProblems(state.host ?? "", facts, functions, state.allow_critical ?? [], [
    ...bound,
    ...functions.map(({ address }) => address),
  ])
    .filter(({ severity }) => severity === "error")
    .map((problem) => ({ ...problem, severity: "warning" }));
}

/** What speaks against a destroy, as the host is now. */
export async function heldByGuests(
  before: VfioBindingState,
  kept: PrivateState,
  hosts: Hosts,
  signal: AbortSignal,
): Promise<Diagnostic[]> {
  const name = before.host ?? "";
  const sight = await hosts.look(name, kept["connection"], signal);
  return sight.kind === "seen" ? inUse(name, sight.facts, Object.keys(before.functions ?? {})) : [];
}

/** A device that a running guest holds is not taken away: its driver would wait for the guest to let go. */
export function inUse(name: string, facts: HostFacts, addresses: readonly string[]): Diagnostic[] {
  return claims(facts)
    .filter(
      (claim) =>
        claim.inUse && addresses.some((held) => held === claim.address || slotOf(held) === claim.address),
    )
    .map(({ address, vmId, slot }) =>
      failure(
        `${address} of ${name} is in use`,
        `VM ${vmId} runs with it (${slot}). Nothing was touched. Shut the VM down first, then plan again.`,
      ),
    );
}
