import { describeLockOut, lockOut } from "../../../model/guard";
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
  return [...bySlot.values()].flatMap((held) => heldBy(context, held));
}

/** One slot of another VM has functions that this one gets. */
function heldBy({ facts, declaration, changes, moment, title }: Context, held: readonly Claim[]): Problem[] {
  const [claim] = held;
  const other = claim && findVm(facts, claim.vmId);
  if (!claim || !other) return [];
  const addresses = held.map(({ address }) => address);
  const named = addresses.join(", ");
  const key = changes.find(
    ({ key: slot, after }) =>
      after !== null && devicesIn(facts, slot, after).some((address) => addresses.includes(address)),
  )?.key;
  const name = describeVm(other);
  const peer = declaration.peers.includes(other.id);
  const say = (severity: Problem["severity"], summary: string, detail: string): Problem[] => [
    { severity, ...(key === undefined ? {} : { key }), summary, detail },
  ];

  // A running peer is refused also after it gave the device up: which of the two changes first is Terraform's choice.
  if (claim.inUse && !claim.configured && !peer) {
    return say(
      "warning",
      `${named} is in use by ${name} until its next start`,
      `${name} gives it up (${claim.slot}) when it starts the next time. Until then ${title} cannot start with it.`,
    );
  }
  if (claim.inUse) {
    return say(
      peer && moment === "plan" ? "warning" : "error",
      `${named} is in use by ${name}`,
      `${name} runs with it (${claim.slot}), and a device has one user at a time. Shut ${name} down` +
        (peer
          ? " before the apply; a device moves between VMs that are stopped."
          : " and take the device from it first."),
    );
  }
  if (peer) {
    const lock = other.current["lock"];
    if (lock !== undefined) {
      return say(
        moment === "plan" ? "warning" : "error",
        `${named} cannot be taken from ${name}, which is locked (${lock})`,
        `Its ${claim.slot} is to be emptied first. Wait until that has ended.`,
      );
    }
    if (moment === "apply") return [];
    return say(
      "warning",
      `${named} moves from ${name} to ${title}`,
      `${name} is declared by this stack too and does not run with it: its ${claim.slot} is emptied first.`,
    );
  }
  const onboot =
    other.configured["onboot"] === "1" ? ` ${name} starts with the host (onboot) and may take it first.` : "";
  return say(
    "warning",
    `${named} is configured for ${name} too`,
    `${name}, which this stack does not declare, has it as ${claim.slot}. Only one of the two can run.${onboot} ` +
      `Remove it there: \`qm set ${other.id} --delete ${claim.slot}\`.`,
  );
}

/** Starting a VM takes its devices, and everything in their IOMMU groups, from the host. */
export function neededByHost({ facts, pci, changes, moment, host, title }: Context): Problem[] {
  return takenSlots(pci, changes).flatMap(({ key, functions: named }) => {
    const given = named.filter(
      (address) => facts.devices.find((device) => device.address === address)?.driver === "vfio-pci",
    );
    const findings = lockOut(facts, named, []).refused.filter(
      ({ address, via }) => via !== undefined || !given.includes(address),
    );
    if (findings.length === 0) return [];
    return [
      {
        severity: moment === "apply" ? ("error" as const) : ("warning" as const),
        key,
        summary: `${host} needs what ${key} of ${title} would take`,
        detail:
          findings.map((finding) => describeLockOut(finding)).join("\n") +
          "\nIf the VM starts, the host loses it. Give the VM a device of a VfioBinding, which says what the host can do without.",
      },
    ];
  });
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
