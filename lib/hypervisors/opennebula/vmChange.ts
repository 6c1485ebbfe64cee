import type { Step } from "../../model/change";
import type { HostFacts } from "../../model/facts";
import { printSection, printTemplate, withAttributes, type Section } from "../../model/openNebulaTemplate";
import type { SettingChange, Settings, VmChange, VmRecord, VmRequest } from "../types";
import { vmState, type Cloud } from "./cloud";
import { asOneadmin, awaitState, feedStep, oneStep } from "./commands";
import { arranged, attachedAgain, declaredOrder, orderKey, orderThere, type Standing } from "./order";
import { isNic, leaseWords, mark, printSections, type Slots } from "./sections";
import { declaredSlots, satisfies, settingsOf, settingsThere, slotsOf, standing } from "./slots";
import { describeTarget, targetIn, type Target } from "./target";

/** Seconds that a guest gets to power off, and a NIC to come or go. */
const poweroffSeconds = 300;
const nicSeconds = 60;

/** What of a VM or template changes. */
interface Difference {
  readonly changes: readonly SettingChange[];
  /** Sections of ours that go, those that another writing replaces among them. */
  readonly leaving: readonly Section[];
  /** Slots that come, with their sections. */
  readonly arriving: Slots;
  /** Slots that stay and are attached once more, for their order. */
  readonly again: readonly string[];
}

/** What brings the declaration about, or gives back what is ours; nothing where the VM or template is gone. */
export function plannedChange(request: VmRequest): VmChange {
  const { facts, host, vmId, record } = request;
  const { cloud, target } = targetIn(facts, host, vmId);
  if (target === null) return { steps: [], changes: [], record };
  const slots = request.declaration ? declaredSlots(request.declaration) : {};
  const difference = differenceOf(target, slots, record, orderIn(request));
  return {
    steps: stepsOf(request, cloud, target, slots, difference),
    changes: difference.changes,
    record: { base: bases(target, slots, record), written: settingsOf(slots) },
  };
}

export function orderIn({ declaration }: VmRequest): string | null {
  return declaration && declaredOrder(declaration);
}

/** @param order the declared order of the slots; null where it is nobody's concern */
export function differenceOf(
  target: Target,
  slots: Slots,
  record: VmRecord,
  order: string | null,
): Difference {
  const found = standing(target, slots);
  const arriving = Object.entries(slots).filter(
    ([name, wanted]) => !satisfies(found.get(name), wanted, target),
  );
  const gone = departed(target, slots, record);
  const replaced = arriving.map(([name]) => found.get(name));
  const stands = order === null ? null : orderThere(target, found, order.split(" "));
  return {
    changes: [
      ...arriving.map(([key, wanted]) => ({
        key,
        before: textOf(found.get(key)),
        after: printSections(wanted),
      })),
      ...gone.map(([key, sections]) => ({ key, before: printSections(sections), after: null })),
      ...(order === stands ? [] : [{ key: orderKey, before: stands, after: order }]),
    ],
    leaving: [
      ...replaced.flatMap((one) => (one?.ours ? one.sections : [])),
      ...gone.flatMap(([, sections]) => sections),
    ],
    arriving: Object.fromEntries(arriving),
    again:
      order === null || target.kind === "template"
        ? []
        : attachedAgain(target, found, order.split(" "), Object.fromEntries(arriving)),
  };
}

export function textOf(standing: Standing | undefined): string | null {
  return standing === undefined ? null : printSections(standing.sections);
}

/** Slots that are declared no more, where they still stand as we wrote them; what was there before us stays. */
function departed(target: Target, slots: Slots, record: VmRecord): [string, readonly Section[]][] {
  const written = slotsOf(record.written);
  const found = standing(target, written);
  return Object.entries(written).flatMap(([name, sections]): [string, readonly Section[]][] => {
    const there = found.get(name);
    const ours = there?.ours === true && satisfies(there, sections, target);
    return Object.hasOwn(slots, name) || !ours ? [] : [[name, there.sections]];
  });
}

/** A section of the same effect that stood there before us is the base: it is not ours to take away. */
function bases(target: Target, slots: Slots, record: VmRecord): Record<string, string | null> {
  const found = standing(target, slots);
  return Object.fromEntries(
    Object.keys(slots).map((name) => {
      if (Object.hasOwn(record.base, name)) return [name, record.base[name] ?? null];
      const there = found.get(name);
      return [name, there !== undefined && !there.ours ? textOf(there) : null];
    }),
  );
}

function stepsOf(
  { facts, declaration, host }: VmRequest,
  cloud: Cloud,
  target: Target,
  slots: Slots,
  { leaving, arriving, again, changes }: Difference,
): Step[] {
  if (changes.length === 0) return [];
  if (target.kind === "template") return templateSteps(cloud, target, host, slots, leaving, arriving);
  const taken = declaration ? takenSteps(facts, host, target, arriving, declaration.peers) : [];
  const found = standing(target, slots);
  const moved = again.flatMap((name) => found.get(name)?.sections ?? []);
  const coming = Object.entries(slots).flatMap(
    ([name, wanted]): (readonly [string, readonly Section[]])[] => {
      if (!again.includes(name)) return name in arriving ? [[name, wanted]] : [];
      const there = found.get(name)?.sections ?? [];
      return [[name, wanted.map((section, at) => withLease(section, there[at]))]];
    },
  );
  const work = [
    ...taken,
    ...[...leaving, ...moved].flatMap((section) => detachSteps(target.id, section)),
    ...coming.flatMap(([name, sections]) =>
      sections.flatMap((section) => attachSteps(target.id, { ...section, [mark]: name })),
    ),
  ];
  if (!target.active || declaration?.restart !== true) return work;
  const title = describeTarget(target);
  return [
    oneStep("onevm", "poweroff", target.id),
    awaitState("onevm", target.id, vmState.poweroff, `${title} is powered off`, poweroffSeconds),
    ...work,
    oneStep("onevm", "resume", target.id),
  ];
}

/** OpenNebula takes a template as a whole, so nobody may have changed it since it was read. */
function templateSteps(
  cloud: Cloud,
  target: Target,
  host: string,
  slots: Slots,
  leaving: readonly Section[],
  arriving: Slots,
): Step[] {
  const ours = Object.keys(slots).flatMap((name): [string, Section[]][] => {
    const stays = target.sections.filter((section) => section[mark] === name && !leaving.includes(section));
    const sections = arriving[name] ?? stays;
    return sections.length === 0 ? [] : [[name, sections.map((section) => ({ ...section, [mark]: name }))]];
  });
  return [
    {
      step: "unchanged",
      command: asOneadmin("onetemplate", "list", "-j"),
      expect: cloud.digests.templates,
      what: `${describeTarget(target)} of ${host}, or another VM template there,`,
    },
    feedStep(
      printTemplate(
        withAttributes(target.template, "PCI", arranged(target.sections, new Map(ours), leaving)),
      ),
      ...["onetemplate", "update", target.id, "{file}"],
    ),
  ];
}

/** A NIC that comes back has the addresses that it had, and the guest its network. */
function withLease(wanted: Section, there: Section = {}): Section {
  if (!isNic(wanted)) return wanted;
  const lease = leaseWords.flatMap((word) => (there[word] ? [[word, there[word]] as const] : []));
  return { ...wanted, ...Object.fromEntries(lease) };
}

function attachSteps(id: string, section: Section): Step[] {
  const text = `${printSection("PCI", section)}\n`;
  if (!isNic(section)) return [feedStep(text, "onevm", "pci-attach", id, "--file", "{file}")];
  return [
    feedStep(text, "onevm", "nic-attach", id, "--file", "{file}"),
    awaitState("onevm", id, vmState.poweroff, `the NIC of VM ${id}`, nicSeconds),
  ];
}

function detachSteps(id: string, section: Section): Step[] {
  if (!isNic(section)) return [oneStep("onevm", "pci-detach", id, section["PCI_ID"] ?? "")];
  return [
    oneStep("onevm", "nic-detach", id, section["NIC_ID"] ?? ""),
    awaitState("onevm", id, vmState.poweroff, `the NIC of VM ${id}`, nicSeconds),
  ];
}

/** Takes devices that are asked for by address from the peers that have them and are off. */
function takenSteps(
  facts: HostFacts,
  host: string,
  { id, hostId }: Target,
  arriving: Slots,
  peers: readonly string[],
): Step[] {
  const wanted = new Set(
    Object.values(arriving).flatMap((sections) =>
      sections.flatMap(({ SHORT_ADDRESS: address }) => address ?? []),
    ),
  );
  return peers.flatMap((peer) => {
    const { target } = targetIn(facts, host, peer);
    if (target?.kind !== "vm" || target.id === id || !target.changeable || target.hostId !== hostId)
      return [];
    return target.sections
      .filter((section) => section[mark] !== undefined && wanted.has(section["SHORT_ADDRESS"] ?? ""))
      .flatMap((section) => detachSteps(target.id, section));
  });
}

/** The record that fits what is configured after a change that may have come to its end or not. */
export function recordAfter({ record, vmId, host }: VmRequest, change: VmChange, facts: HostFacts): VmRecord {
  const { target } = targetIn(facts, host, vmId);
  if (target === null) return change.record;
  const is = (settings: Settings) => {
    const there = settingsThere(target, settings);
    return (name: string) => there[name] !== undefined && there[name] === settings[name];
  };
  const [wasWritten, isWritten] = [is(record.written), is(change.record.written)];
  const gone = Object.entries(record.written).filter(
    ([name]) => !Object.hasOwn(change.record.written, name) && wasWritten(name),
  );
  const stays = Object.entries(change.record.written).flatMap(([name, text]) => {
    const before = record.written[name];
    if (isWritten(name)) return [[name, text] as const];
    return before === undefined ? [] : [[name, before] as const];
  });
  return {
    base: {
      ...change.record.base,
      ...Object.fromEntries(gone.map(([name]) => [name, record.base[name] ?? null])),
    },
    written: Object.fromEntries([...stays, ...gone]),
  };
}
