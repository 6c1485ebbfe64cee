import type { BootFunction } from "../model/bootConfiguration";
import type { HostFacts, PciDevice } from "../model/facts";
import { describeLockOut, lockOut, lockOutMessage } from "../model/guard";
import { groupReport, type GroupFinding } from "../model/iommuGroups";
import type { Diagnostic } from "../plugin/types";
import { failure, warning } from "./diagnostics";

/**
 * What speaks against handing these functions over: the host or this session lives on one, or an IOMMU group would
 * go in part. `bound` are all functions that go together, of every binding of the host.
 */
export function handOverProblems(
  host: string,
  facts: HostFacts,
  functions: readonly Pick<BootFunction, "address" | "name">[],
  allow: readonly string[],
  bound: readonly string[] = functions.map(({ address }) => address),
): Diagnostic[] {
  const addresses = functions.map(({ address }) => address);
  const names = new Map(facts.devices.map(({ address, name }) => [address, name]));
  const titled = (address: string) => `${address} ${names.get(address) ?? ""}`.trim();
  const guard = lockOut(facts, addresses, allow);
  const groups = groupReport(facts.devices, bound);
  return [
    ...(guard.refused.length > 0
      ? [failure(`${host} would lose what it lives on`, lockOutMessage(host, guard.refused))]
      : []),
    ...guard.warnings.map((finding) =>
      warning(`${titled(finding.address)} of ${host} is in use`, describeLockOut(finding)),
    ),
    ...byAddress([...groups.blocked, ...groups.travelling])
      .filter(({ address }) => addresses.includes(address))
      .map(({ address, group, siblings }) =>
        failure(
          `${titled(address)} of ${host} cannot be handed over alone`,
          `IOMMU group ${group} goes as a whole; it also holds ${siblings.map(inWords).join(", ")}. Nothing was touched. ` +
            `Bind these too, or move the card to a slot with a group of its own.`,
        ),
      ),
    ...groups.reserved
      .filter(({ address }) => addresses.includes(address))
      .map(({ address, group }) =>
        failure(
          `${titled(address)} of ${host} cannot be handed over`,
          `The firmware keeps memory for it (an RMRR: region "direct" in IOMMU group ${group}), and the kernel refuses to assign such a device.`,
        ),
      ),
    ...groups.bridges
      .filter((address) => addresses.includes(address))
      .map((address) =>
        failure(
          `${titled(address)} of ${host} is a bridge`,
          "vfio-pci takes no bridges. Bind the devices behind it.",
        ),
      ),
  ];
}

/** One finding for each address: an author who is told of some siblings only would come back for the rest. */
function byAddress(findings: readonly GroupFinding[]): GroupFinding[] {
  const merged = new Map<string, GroupFinding>();
  for (const finding of findings) {
    const siblings = [...(merged.get(finding.address)?.siblings ?? []), ...finding.siblings];
    siblings.sort((a, b) => (a.address < b.address ? -1 : 1));
    merged.set(finding.address, { ...finding, siblings });
  }
  return [...merged.values()];
}

function inWords({ address, name, driver }: PciDevice): string {
  return `${address} ${name} (${driver ?? "no driver"})`;
}
