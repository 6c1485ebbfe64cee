import { heldBy, takenFromHost, type Holder } from "../../deviceProblems";
import { claims, devicesIn, rivals } from "../claims";
import { describeDevice } from "../../../model/selector";
import type { Claim, Problem } from "../../types";
import { describeVm, findVm } from "../virtualMachine";
import { isArriving, warning, type Context, type PciEntry } from "./context";

export function heldByOthers(context: Context): Problem[] {
  const bySlot = new Map<string, Claim[]>();
  for (const claim of rivals(context.facts, context.vmId, context.changes)) {
    const slot = `${claim.vmId} ${claim.slot}`;
    bySlot.set(slot, [...(bySlot.get(slot) ?? []), claim]);
  }
  return [...bySlot.values()].flatMap((held) => heldBySlot(context, held));
}

/** One slot of another VM has functions that this one gets. */
function heldBySlot(context: Context, held: readonly Claim[]): Problem[] {
  const { facts, declaration, changes } = context;
  const [claim] = held;
  const other = claim && findVm(facts, claim.vmId);
  if (!claim || !other) return [];
  const addresses = held.map(({ address }) => address);
  const key = changes.find(
    ({ key: slot, after }) =>
      after !== null && devicesIn(facts, slot, after).some((address) => addresses.includes(address)),
  )?.key;
  const holder: Holder = {
    name: describeVm(other),
    slot: claim.slot,
    addresses,
    inUse: claim.inUse,
    configured: claim.configured,
    peer: declaration.peers.includes(other.id),
    locked: other.current["lock"] ?? null,
    startsWithHost: other.configured["onboot"] === "1" ? "onboot" : null,
    remedy: `\`qm set ${other.id} --delete ${claim.slot}\``,
  };
  return heldBy(context, holder, key);
}

/** Starting a VM takes its devices, and everything in their IOMMU groups, from the host. */
export function neededByHost(context: Context): Problem[] {
  return takenSlots(context.pci, context.changes).flatMap(({ key, functions: named }) =>
    takenFromHost(context, context.facts, named, key),
  );
}

/** What else goes when the VM starts: Proxmox VE takes IOMMU groups as a whole. */
export function groupTakers({ facts, pci, vmId, changes, moment, host, title }: Context): Problem[] {
  if (moment === "apply") return [];
  const own = pci.flatMap(({ functions: named }) => named);
  return takenSlots(pci, changes).flatMap(({ key, functions: named }) => {
    const groups = facts.devices
      .filter(({ address, iommuGroup }) => named.includes(address) && iommuGroup !== null)
      .map(({ iommuGroup }) => iommuGroup);
    const siblings = facts.devices.filter(
      ({ address, iommuGroup, bridge }) =>
        iommuGroup !== null && groups.includes(iommuGroup) && !bridge && !own.includes(address),
    );
    const leaving = siblings.filter(({ driver }) => driver !== "vfio-pci");
    const rivalled = claims(facts).filter(
      (claim) =>
        claim.vmId !== vmId && !claim.shared && siblings.some(({ address }) => address === claim.address),
    );
    return [
      ...(leaving.length === 0
        ? []
        : [
            warning(
              `${host} also loses ${leaving.map(({ address }) => address).join(", ")} when ${title} starts`,
              `An IOMMU group goes as a whole, and ${key} is in group ${groups[0] ?? ""} with:` +
                leaving
                  .map((device) => `\n  ${describeDevice(device)} (${device.driver ?? "no driver"})`)
                  .join("") +
                "\nProxmox VE takes them from their drivers at the VM's start, and they do not come back by themselves. " +
                "Bind them in a VfioBinding, or move the card to a slot with a group of its own.",
              key,
            ),
          ]),
      ...[...new Map(rivalled.map((claim) => [claim.vmId, claim])).values()].map((claim) =>
        warning(
          `${title} and ${describeVm({ id: claim.vmId, name: claim.vmName })} cannot run at the same time`,
          `${key} and ${claim.slot} of VM ${claim.vmId} (${claim.address}) are in one IOMMU group, and a group has one user.`,
          key,
        ),
      ),
    ];
  });
}

/** Slots that arrive and whose devices leave their drivers at the VM's start. */
function takenSlots(pci: readonly PciEntry[], changes: Context["changes"]): readonly PciEntry[] {
  return pci.filter(
    ({ key, options }) =>
      isArriving(changes, key) && options["mdev"] === undefined && options["driver"] !== "keep",
  );
}

export function startsAtBoot({ after, pci, changes, title }: Context): Problem[] {
  if (after["onboot"] !== "1") return [];
  return pci
    .filter(({ key, options }) => options["host"] !== undefined && isArriving(changes, key))
    .map(({ key }) =>
      warning(
        `${title} starts with the host and names ${key} by address`,
        "Addresses change when a card is added or moved, and the VM would then take another device from the host before " +
          "any plan runs. A resource mapping (`mapping`) checks the device's identity first; or switch onboot off.",
        key,
      ),
    );
}
