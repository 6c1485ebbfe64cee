import type { Section } from "../../model/openNebulaTemplate";
import type { Settings, VmDeclaration } from "../types";
import { orderKey, orderThere, type Standing } from "./order";
import {
  isWanted,
  mark,
  parseSections,
  printSections,
  slotProblems,
  wantedSections,
  type Slots,
} from "./sections";
import type { Target } from "./target";

/** The declared slots in the order of the guest's NICs. */
export function declaredSlots({ pci, pciOrder }: VmDeclaration): Slots {
  const order = [...(pciOrder ?? []), ...Object.keys(pci)];
  return Object.fromEntries(
    [...new Set(order)].flatMap((name) => {
      const slot = pci[name];
      return slot === undefined ? [] : [[name, wantedSections(slot)] as const];
    }),
  );
}

/** What is wrong with the slots, in words, by slot. */
export function declaredProblems({ pci }: VmDeclaration): { key: string; detail: string }[] {
  const problems = Object.entries(pci).flatMap(([key, slot]) =>
    slotProblems(slot).map((detail) => ({ key, detail })),
  );
  if (problems.length > 0) return problems;
  const seen = new Map<string, string>();
  return Object.entries(pci).flatMap(([key, slot]) =>
    wantedSections(slot).flatMap(({ SHORT_ADDRESS: address }) => {
      const other = address === undefined ? undefined : seen.get(address);
      if (address !== undefined) seen.set(address, key);
      return other === undefined ? [] : [{ key, detail: `${address ?? ""} is in slot ${other} too.` }];
    }),
  );
}

export function settingsOf(slots: Slots): Settings {
  return Object.fromEntries(Object.entries(slots).map(([name, sections]) => [name, printSections(sections)]));
}

export function slotsOf(settings: Settings): Slots {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, text]) =>
      name === orderKey ? [] : [[name, parseSections(text)] as const],
    ),
  );
}

/** The sections that stand for each slot: those with its mark, else unmarked ones that ask for the same. */
export function standing({ sections, kind }: Target, slots: Slots): ReadonlyMap<string, Standing> {
  const found = new Map<string, Standing>();
  const free = sections.filter((section) => section[mark] === undefined);
  for (const [name, wanted] of Object.entries(slots)) {
    const ours = sections.filter((section) => section[mark] === name);
    if (ours.length > 0) {
      found.set(name, { sections: ours, ours: true });
      continue;
    }
    const same = wanted.map((one) => {
      const at = free.findIndex((section) => isWanted(section, one, kind));
      return at < 0 ? undefined : free.splice(at, 1)[0];
    });
    const whole = same.filter((section): section is Section => section !== undefined);
    if (wanted.length > 0 && whole.length === wanted.length)
      found.set(name, { sections: whole, ours: false });
    else free.push(...whole);
  }
  return found;
}

export function satisfies(
  standing: Standing | undefined,
  wanted: readonly Section[],
  { kind }: Target,
): boolean {
  if (standing?.sections.length !== wanted.length) return false;
  return wanted.every((one, at) => {
    const section = standing.sections[at];
    return section !== undefined && isWanted(section, one, kind);
  });
}

/** What stands for each slot of these settings, and in which order: in their own text where it is to the same effect. */
export function settingsThere(target: Target, wanted: Settings): Settings {
  const slots = slotsOf(wanted);
  const found = standing(target, slots);
  const there = Object.entries(slots).flatMap(([name, sections]) => {
    const one = found.get(name);
    if (one === undefined) return [];
    return [[name, satisfies(one, sections, target) ? (wanted[name] ?? "") : printSections(one.sections)]];
  });
  const order = wanted[orderKey];
  const stands = order === undefined ? null : orderThere(target, found, order.split(" "));
  return Object.fromEntries([...there, ...(stands === null ? [] : [[orderKey, stands]])]) as Settings;
}
