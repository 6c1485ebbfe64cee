import type { HostFacts } from "../model/facts";
import { describeLockOut, lockOut } from "../model/guard";
import { functionsOf } from "../model/pciAddress";
import { describeDevice } from "../model/selector";
import { mayBecomeFunction } from "../model/virtualFunctions";
import type { Problem } from "./types";

export type Moment = "plan" | "apply";

/** What every hypervisor says of a device that a VM gets, in the same words. */
export interface Subject {
  /** Name of the host. */
  readonly host: string;
  /** `VM 100 (workstation) on pve1` */
  readonly title: string;
  readonly moment: Moment;
}

/** A VM that has what another one gets. */
export interface Holder {
  /** `VM 101 (storage)` */
  readonly name: string;
  /** Where it has it, such as `hostpci0`. */
  readonly slot: string;
  readonly addresses: readonly string[];
  readonly inUse: boolean;
  readonly configured: boolean;
  /** Declared by the same stack: a device may move between the two. */
  readonly peer: boolean;
  /** Why it cannot be changed now, in the hypervisor's word. */
  readonly locked: string | null;
  /** What makes it start with the host, in the hypervisor's word; null if it does not. */
  readonly startsWithHost: string | null;
  /** What takes the device from it. */
  readonly remedy: string;
}

export function problem(
  severity: Problem["severity"],
  summary: string,
  detail: string,
  key?: string,
): Problem {
  return { severity, summary, detail, ...(key === undefined ? {} : { key }) };
}

/** Nothing stands there. A virtual function may only be made in the apply, before the VM gets it. */
export function isAbsent(facts: HostFacts, address: string, moment: Moment): boolean {
  if (functionsOf(facts.devices, address).length > 0) return false;
  return moment === "apply" || !mayBecomeFunction(address, facts.sriov);
}

export function absentDevice(
  { host, title }: Subject,
  facts: HostFacts,
  address: string,
  key: string,
): Problem {
  const candidates = facts.devices.filter((device) => !device.bridge).slice(0, 20);
  return problem(
    "error",
    `There is no PCI device ${address} on ${host}`,
    `${key} of ${title} names it, and the VM would not start. There is:` +
      candidates.map((device) => `\n  ${describeDevice(device)}`).join(""),
    key,
  );
}

/** A device has one user at a time. */
export function heldBy({ title, moment }: Subject, holder: Holder, key: string | undefined): Problem[] {
  const { name, slot, peer, locked } = holder;
  const named = holder.addresses.join(", ");
  const say = (severity: Problem["severity"], summary: string, detail: string): Problem[] => [
    problem(severity, summary, detail, key),
  ];

  // A running peer is refused also after it gave the device up: which of the two changes first is Terraform's choice.
  if (holder.inUse && !holder.configured && !peer) {
    return say(
      "warning",
      `${named} is in use by ${name} until its next start`,
      `${name} gives it up (${slot}) when it starts the next time. Until then ${title} cannot start with it.`,
    );
  }
  if (holder.inUse) {
    return say(
      peer && moment === "plan" ? "warning" : "error",
      `${named} is in use by ${name}`,
      `${name} runs with it (${slot}), and a device has one user at a time. Shut ${name} down` +
        (peer
          ? " before the apply; a device moves between VMs that are stopped."
          : " and take the device from it first."),
    );
  }
  if (peer) {
    if (locked !== null) {
      return say(
        moment === "plan" ? "warning" : "error",
        `${named} cannot be taken from ${name}, which is locked (${locked})`,
        `Its ${slot} is to be emptied first. Wait until that has ended.`,
      );
    }
    if (moment === "apply") return [];
    return say(
      "warning",
      `${named} moves from ${name} to ${title}`,
      `${name} is declared by this stack too and does not run with it: its ${slot} is emptied first.`,
    );
  }
  const starts =
    holder.startsWithHost === null
      ? ""
      : ` ${name} starts with the host (${holder.startsWithHost}) and may take it first.`;
  return say(
    "warning",
    `${named} is configured for ${name} too`,
    `${name}, which this stack does not declare, has it as ${slot}. Only one of the two can run.${starts} ` +
      `Remove it there: ${holder.remedy}.`,
  );
}

/** Starting a VM takes its devices, and everything in their IOMMU groups, from the host. */
export function takenFromHost(
  { host, title, moment }: Subject,
  facts: HostFacts,
  addresses: readonly string[],
  key: string,
): Problem[] {
  const given = addresses.filter(
    (address) => facts.devices.find((device) => device.address === address)?.driver === "vfio-pci",
  );
  const findings = lockOut(facts, addresses, []).refused.filter(
    ({ address, via }) => via !== undefined || !given.includes(address),
  );
  if (findings.length === 0) return [];
  return [
    problem(
      moment === "apply" ? "error" : "warning",
      `${host} needs what ${key} of ${title} would take`,
      findings.map((finding) => describeLockOut(finding)).join("\n") +
        "\nIf the VM starts, the host loses it. Give the VM a device of a VfioBinding, which says what the host can do without.",
      key,
    ),
  ];
}
