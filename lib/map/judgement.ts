import type { CriticalUse, PciDevice } from "../model/facts";
import { lockOut, type GuardFacts, type LockOutFinding } from "../model/guard";
import { groupReport } from "../model/iommuGroups";
import { slotOf } from "../model/pciAddress";
import { isBridge } from "./deviceKinds";
import type { InspectedDevice, VmUse } from "./inspection";
import type { Role } from "./roles";

/** A host at one moment: as it was read, or as a plan leaves it. */
export interface Machine {
  readonly devices: readonly InspectedDevice[];
  readonly unresolved: readonly string[];
}

export interface Judgement {
  readonly role: Role;
  /** Who uses it, in a few words each: `VM 100 (workstation) hostpci0, running`. */
  readonly users: readonly User[];
  /** Why it must not be handed out, or what to mind. */
  readonly reasons: readonly string[];
}

export interface User {
  /** What it has the device as: `VM 100 hostpci0`, `binding render/card`. */
  readonly as: string;
  readonly text: string;
}

/** What may become of every device of a machine, by address: the same rules by which a plan is refused. */
export function judge({ devices, unresolved }: Machine): Map<string, Judgement> {
  const critical = devices.flatMap((device) =>
    device.critical.map((use): CriticalUse => ({ ...use, address: device.address })),
  );
  const facts: GuardFacts = { devices, critical, unresolved };
  const held = devices
    .filter(({ driver }) => driver !== null && vfio.test(driver))
    .map((device) => device.address);
  return new Map(
    [...bySlot(devices).values()].flatMap((slot) => {
      const addresses = slot.map(({ address }) => address);
      // Whoever hands out one function of a slot hands out the slot, beside what is handed out already.
      const { warnings } = lockOut(facts, addresses, []);
      const { blocked, reserved } = groupReport(devices, [...new Set([...held, ...addresses])]);
      return slot.map((device) => {
        // By itself: what the host needs may be another function of its slot.
        const { refused } = lockOut(facts, [device.address], []);
        const mine = <Of extends { readonly address: string }>(all: readonly Of[]) =>
          all.filter(({ address }) => address === device.address);
        return [
          device.address,
          isBridge(device)
            ? { role: "bridge", users: [], reasons: device.critical.map(({ use }) => use) }
            : judgement(device, {
                refused: mine(refused),
                warnings: mine(warnings),
                siblings: mine(blocked).flatMap(({ siblings }) => siblings),
                reserved: mine(reserved).length > 0,
              }),
        ] as const;
      });
    }),
  );
}

const vfio = /^vfio[-_]pci$/;

interface Findings {
  readonly refused: readonly LockOutFinding[];
  readonly warnings: readonly LockOutFinding[];
  /** Functions of the group that the host's drivers hold. */
  readonly siblings: readonly PciDevice[];
  readonly reserved: boolean;
}

function judgement(device: InspectedDevice, { refused, warnings, siblings, reserved }: Findings): Judgement {
  const own = refused.filter(({ via }) => via === undefined);
  const shared = refused.filter(({ via }) => via !== undefined);
  const forbidden = [
    ...own.map(({ use }) => use),
    ...shared.map(({ via, use }) => `shares its group with ${via ?? ""}, which ${use}`),
    ...(reserved ? ["the firmware keeps memory for it (RMRR)"] : []),
  ];
  const together = siblings
    .map(({ address }) => address)
    .filter((address) => !refused.some(({ via }) => via === address));
  const reasons = [
    ...forbidden,
    ...warnings.map(({ via, use }) =>
      via === undefined ? use : `shares its group with ${via}, which ${use}`,
    ),
    ...(together.length > 0 ? [`goes only together with ${together.join(", ")} of its group`] : []),
  ];
  const users = [
    ...device.vms.map(vmInWords),
    ...(device.binding === null ? [] : [{ as: bindingOf(device.binding), text: bindingOf(device.binding) }]),
  ];
  return { role: roleOf(device, own.length > 0, forbidden.length > 0), users, reasons };
}

function roleOf(device: InspectedDevice, needed: boolean, forbidden: boolean): Role {
  if (needed) return "host";
  if (forbidden) return "blocked";
  if (device.vms.length > 0) return "vm";
  if (device.driver !== null && vfio.test(device.driver)) return "bound";
  return isRead(device) ? "free" : "untold";
}

/** A device that only a plan names has no known place in the PCI tree. */
export function isRead({ path }: Pick<InspectedDevice, "path">): boolean {
  return path.length > 0;
}

export function slotOfVm({ vmId, slot }: Pick<VmUse, "vmId" | "slot">): string {
  return `VM ${vmId} ${slot}`;
}

export function bindingOf(binding: string): string {
  return `binding ${binding}`;
}

function vmInWords(use: VmUse): User {
  const { vmId, vmName, slot, running, inUse, configured } = use;
  const name = vmName === "" ? `VM ${vmId}` : `VM ${vmId} (${vmName})`;
  const state = !running
    ? []
    : inUse && configured
      ? ["runs with it"]
      : inUse
        ? ["runs with it, not after its next start"]
        : ["gets it at its next start"];
  return { as: slotOfVm(use), text: [`${name} ${slot}`, ...state].join(", ") };
}

function bySlot(devices: readonly InspectedDevice[]): Map<string, InspectedDevice[]> {
  const slots = new Map<string, InspectedDevice[]>();
  for (const device of devices) {
    const slot = slotOf(device.address);
    slots.set(slot, [...(slots.get(slot) ?? []), device]);
  }
  return slots;
}
