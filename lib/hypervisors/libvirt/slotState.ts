import type { HostFacts } from "../../model/facts";
import type { Definition } from "./domain";
import {
  describeHostdev,
  isAsWanted,
  slotOfAlias,
  wantedDevices,
  type Hostdev,
  type Wanted,
} from "./hostdev";
import { parseSlot } from "./slot";

/** How a slot stands in one definition of a domain. */
export interface SlotState {
  /** As wanted; ours, or somebody else's to the same effect. */
  readonly fits: readonly Hostdev[];
  /** In the slot, or of its devices, but not as wanted. */
  readonly wrong: readonly Hostdev[];
  readonly missing: readonly Wanted[];
}

/** @param text the setting: what is wanted in the slot */
export function slotState(facts: HostFacts, definition: Definition, name: string, text: string): SlotState {
  const wanted = wantedDevices(facts, name, parseSlot(text));
  const concerned = definition.devices.filter(
    (device) =>
      slotOfAlias(device.alias) === name ||
      wanted.some(({ kind, source }) => kind === device.kind && source === device.source),
  );
  const fitting = (device: Hostdev, want: Wanted) =>
    // What carries another slot's mark would go with that slot.
    (slotOfAlias(device.alias) ?? name) === name && isAsWanted(device, want);
  return {
    fits: concerned.filter((device) => wanted.some((want) => fitting(device, want))),
    wrong: concerned.filter((device) => !wanted.some((want) => fitting(device, want))),
    missing: wanted.filter((want) => !concerned.some((device) => fitting(device, want))),
  };
}

/** A slot of a domain in the words of a setting: in the wanted words where the meaning is the same; null if it is empty. */
export function observedSlot(
  facts: HostFacts,
  { configured, live }: { readonly configured: Definition; readonly live: Definition | null },
  name: string,
  text: string,
): string | null {
  const state = slotState(facts, configured, name, text);
  const there = [...state.fits, ...state.wrong];
  if (there.length === 0) return null;
  if (state.wrong.length > 0 || state.missing.length > 0) return there.map(describeHostdev).join("; ");
  const plugged = live === null || !parseSlot(text).live || isComplete(slotState(facts, live, name, text));
  return plugged ? text : text.replace(/ live$/, "");
}

export function isComplete({ wrong, missing }: SlotState): boolean {
  return wrong.length === 0 && missing.length === 0;
}

/** Whether a running domain would start with something else in the slot. */
export function startsDiffer(
  facts: HostFacts,
  { configured, live }: { readonly configured: Definition; readonly live: Definition | null },
  name: string,
  text: string,
): boolean {
  if (live === null) return false;
  const words = (definition: Definition) => {
    const { fits, wrong } = slotState(facts, definition, name, text);
    return [...fits, ...wrong].map(describeHostdev).sort().join();
  };
  return words(configured) !== words(live);
}
