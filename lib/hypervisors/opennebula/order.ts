/**
 * In which order the PCI sections of a VM or VM template stand. The guest gets its devices and NICs in that order. What
 * somebody else has there keeps its place, and is in nobody's order.
 */
import type { Section } from "../../model/openNebulaTemplate";
import type { VmDeclaration } from "../types";
import { mark, type Slots } from "./sections";
import type { Target } from "./target";

/** The setting that tells the order; no slot can have this name. */
export const orderKey = "pci order";

/** What stands for one slot. */
export interface Standing {
  readonly sections: readonly Section[];
  /** They carry our mark; else they are somebody's own of the same effect. */
  readonly ours: boolean;
}

/** The order that is declared, in which alone it is held; nothing where there is only one slot. */
export function declaredOrder({ pci, pciOrder }: VmDeclaration): string | null {
  const names = (pciOrder ?? []).filter((name) => Object.hasOwn(pci, name));
  return names.length > 1 ? [...new Set(names)].join(" ") : null;
}

/** The slots as their sections stand; null where fewer than two do. */
export function orderThere(
  { sections }: Pick<Target, "sections">,
  found: ReadonlyMap<string, Standing>,
  wanted: readonly string[],
): string | null {
  const present = wanted.filter((name) => found.has(name));
  if (present.length < 2) return null;
  const ours = present.filter((name) => found.get(name)?.ours);
  const isRight = runsOf(sections, found, ours).join(" ") === ours.join(" ");
  return (isRight ? present : runsOf(sections, found, present)).join(" ");
}

/** The slots section by section: one that is parted by another stands twice. */
function runsOf(
  sections: readonly Section[],
  found: ReadonlyMap<string, Standing>,
  names: readonly string[],
): string[] {
  const owners = sections.flatMap(
    (section) => names.find((name) => found.get(name)?.sections.includes(section)) ?? [],
  );
  return owners.filter((name, at) => name !== owners[at - 1]);
}

/**
 * Slots of ours that must be attached to a VM once more, as what is attached comes last: those that stand behind a slot
 * that is still to come, or before one that they are declared behind.
 * @param order slots as declared
 * @param arriving slots that come anyway
 */
export function attachedAgain(
  { sections }: Target,
  found: ReadonlyMap<string, Standing>,
  order: readonly string[],
  arriving: Slots,
): string[] {
  const ours = order.filter((name) => found.get(name)?.ours === true || Object.hasOwn(arriving, name));
  let last = -1;
  const moves = ours.findIndex((name) => {
    if (Object.hasOwn(arriving, name)) return true;
    const places = (found.get(name)?.sections ?? []).map((section) => sections.indexOf(section));
    const isBehind = places.every((place) => place > last);
    last = Math.max(...places);
    return !isBehind;
  });
  return moves < 0 ? [] : ours.slice(moves).filter((name) => !Object.hasOwn(arriving, name));
}

/**
 * A template's sections with ours in the declared order: each of our places stays one of ours, and a new slot comes
 * right behind the one before it.
 * @param ours the sections of each slot of ours, in the declared order
 * @param leaving sections that go without another in their place
 */
export function arranged(
  sections: readonly Section[],
  ours: ReadonlyMap<string, readonly Section[]>,
  leaving: readonly Section[],
): Section[] {
  const slotOf = (section: Section) => {
    const name = section[mark];
    return name !== undefined && ours.has(name) ? name : null;
  };
  const present = new Set(sections.flatMap((section) => slotOf(section) ?? []));
  const names = [...ours.keys()];
  const sorted = names.filter((name) => present.has(name));
  const placed = new Set<string>();
  const result = sections.flatMap((section): (Section | string)[] => {
    const name = slotOf(section);
    if (name === null) return leaving.includes(section) ? [] : [section];
    if (placed.has(name)) return [];
    placed.add(name);
    return [sorted[placed.size - 1] ?? name];
  });
  names.forEach((name, at) => {
    if (!present.has(name)) result.splice(placeFor(result, names, at), 0, name);
  });
  return result.flatMap((one) => (typeof one === "string" ? (ours.get(one) ?? []) : [one]));
}

/** Behind the slot before it; the first one stands before the slot behind it, or last where there is none. */
function placeFor(result: readonly (Section | string)[], names: readonly string[], at: number): number {
  const before = result.indexOf(names[at - 1] ?? "");
  if (before >= 0) return before + 1;
  const behind = result.findIndex((one) => typeof one === "string");
  return behind >= 0 ? behind : result.length;
}
