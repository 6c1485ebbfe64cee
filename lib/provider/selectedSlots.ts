import { withIdentities, type HeldDevices } from "../model/heldDevices";
import type { PciDevice } from "../model/facts";
import { addressOf, resolveDevices } from "../model/selection";
import { checkSelector } from "../model/selector";
import type { Diagnostic } from "../plugin/types";
import type { PciSlot, VmState } from "../schema";
import { failure, wordsOf } from "./diagnostics";

/** What slots select from: the devices of the VM's host, and what the host remembers of them. */
export interface Selectable {
  readonly devices: readonly PciDevice[];
  readonly held: HeldDevices;
}

export function selectsSlots({ pci }: VmState): boolean {
  return Object.values(pci ?? {}).some(({ select }) => isSet(select));
}

/**
 * The state with an address in each slot that selects its device.
 * @throws an Error that names the slot, where its selector finds none, or more than it says
 */
export function withSlotsSelected(state: VmState, { devices, held }: Selectable): VmState {
  if (!selectsSlots(state)) return state;
  const known = withIdentities(devices, held);
  return mapSlots(state, (name, slot) => {
    try {
      const selector = slot.select ?? {};
      return { ...slot, device: addressOf(resolveDevices(known, selector), known, selector), select: null };
    } catch (error) {
      throw new Error(`${name}: ${wordsOf(error)}`);
    }
  });
}

/** The state as what can be checked of it without the host. */
export function withSlotsStoodIn(state: VmState): VmState {
  return mapSlots(state, (_name, slot) => ({ ...slot, device: slot.device ?? "0000:00:00.0", select: null }));
}

/** What is wrong with the selectors of slots whatever the host. */
export function slotSelectorProblems({ vm_id, pci }: VmState): Diagnostic[] {
  return Object.entries(pci ?? {}).flatMap(([name, { device, select }]) => {
    if (!isSet(select)) return [];
    const title = `${name} of ${JSON.stringify(vm_id ?? "")} is malformed`;
    if (device !== null)
      return [failure(title, "It has `device` and `select`. Give one of them.", ["pci", name])];
    try {
      checkSelector(select);
      return [];
    } catch (error) {
      return [failure(title, wordsOf(error), ["pci", name, "select"])];
    }
  });
}

function mapSlots(state: VmState, turn: (name: string, slot: PciSlot) => PciSlot): VmState {
  if (!selectsSlots(state)) return state;
  const slots = Object.entries(state.pci ?? {}).map(([name, slot]) => [
    name,
    isSet(slot.select) ? turn(name, slot) : slot,
  ]);
  return { ...state, pci: Object.fromEntries(slots) as VmState["pci"] };
}

/** States of earlier versions have no such attribute. */
function isSet<T>(select: T | null | undefined): select is T {
  return select !== null && select !== undefined;
}
