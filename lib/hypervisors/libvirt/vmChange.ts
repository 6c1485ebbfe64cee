import type { DomainDevice, Step } from "../../model/change";
import { sha256 } from "../../model/digest";
import type { HostFacts } from "../../model/facts";
import type { Settings, SettingChange, VmChange, VmRecord, VmRequest } from "../types";
import { rivals } from "./claims";
import { desiredSettings } from "./declaration";
import { findDomain, type Definition, type Domain } from "./domain";
import { describeHostdev, formatHostdev, slotOfAlias, splitHostdevs, type Hostdev } from "./hostdev";
import { parseSlot } from "./slot";
import { isComplete, observedSlot, slotState } from "./slotState";

/** Seconds that a guest gets to shut down. */
const shutdownSeconds = 300;

/** What brings the declaration about, or gives back what is ours; nothing where the domain is gone. */
export function plannedChange(request: VmRequest): VmChange {
  const { facts, vmId, declaration, record } = request;
  const domain = findDomain(facts, vmId);
  if (domain === null) return { steps: [], changes: [], record };
  const desired = declaration ? desiredSettings(declaration) : {};
  const edits = [
    ...editsOf(request, domain.configured, desired, "config"),
    ...(domain.live === null ? [] : editsOf(request, domain.live, desired, "live")),
  ];
  const restart = declaration?.restart === true && needsRestart(request, domain, desired);
  return {
    steps: [
      ...(declaration ? takeSteps(request, desired, declaration.peers) : []),
      ...domainSteps(domain, edits),
      ...(restart ? [restartStep(domain)] : []),
    ],
    changes: settingChanges(request, domain, desired),
    record: { base: bases(request, domain, desired), written: desired },
  };
}

/** The record that fits what is configured after a change that may have come to its end or not. */
export function recordAfter({ record, vmId }: VmRequest, change: VmChange, facts: HostFacts): VmRecord {
  const domain = findDomain(facts, vmId);
  if (domain === null) return change.record;
  const ours = (name: string) =>
    [...domain.configured.devices, ...(domain.live?.devices ?? [])].some(
      ({ alias }) => slotOfAlias(alias) === name,
    );
  const stays = Object.entries(change.record.written).flatMap(([name, text]) => {
    const before = record.written[name];
    // What carries our mark is ours, also where only a part of it came about.
    if (ours(name) || observedSlot(facts, domain, name, text) === text) return [[name, text] as const];
    return before === undefined ? [] : [[name, before] as const];
  });
  const gone = Object.entries(record.written).filter(
    ([name]) => !Object.hasOwn(change.record.written, name) && ours(name),
  );
  return {
    base: {
      ...change.record.base,
      ...Object.fromEntries(gone.map(([name]) => [name, record.base[name] ?? null])),
    },
    written: Object.fromEntries([...stays, ...gone]),
  };
}

/** Devices that a domain gets; of a slot only what it does not have yet. */
export function arriving({ facts }: VmRequest, domain: Domain, desired: Settings) {
  return Object.entries(desired).flatMap(([name, text]) =>
    slotState(facts, domain.configured, name, text).missing.map((wanted) => ({ name, wanted })),
  );
}

/** Whether a domain that runs starts with other devices than it has by now. */
export function needsRestart(request: VmRequest, domain: Domain, desired: Settings): boolean {
  const { live } = domain;
  if (live === null) return false;
  const stay = Object.entries(desired).some(
    ([name, text]) => !parseSlot(text).live && !isComplete(slotState(request.facts, live, name, text)),
  );
  return stay || leaving(request, live, desired).some(({ name }) => !isLive(request, name));
}

const isLive = ({ record }: VmRequest, name: string): boolean => parseSlot(record.written[name] ?? "").live;

/** All that one definition loses comes before what it gets: a device may move from one slot to another. */
function editsOf(
  request: VmRequest,
  definition: Definition,
  desired: Settings,
  layer: DomainDevice["layer"],
): DomainDevice[] {
  const { facts } = request;
  const slots = Object.entries(desired).filter(([, text]) => layer === "config" || parseSlot(text).live);
  const states = slots.map(([name, text]) => slotState(facts, definition, name, text));
  const left = leaving(request, definition, desired).filter(
    ({ name }) => layer === "config" || isLive(request, name),
  );
  const lost = new Set([...states.flatMap(({ wrong }) => wrong), ...left.flatMap(({ devices }) => devices)]);
  const back =
    layer === "config" ? left.flatMap(({ name }) => givenBack(request, definition, name, desired)) : [];
  return [
    ...[...lost].map(({ xml }) => ({ verb: "detach" as const, layer, xml })),
    ...states
      .flatMap(({ missing }) => missing)
      .map((want) => ({ verb: "attach" as const, layer, xml: formatHostdev(want) })),
    ...back.map(({ xml }) => ({ verb: "attach" as const, layer, xml })),
  ];
}

/** Devices with our mark in slots that are ours no more, as far as they still are what we made. */
function leaving({ facts, record }: VmRequest, definition: Definition, desired: Settings) {
  return Object.entries(record.written).flatMap(([name, text]) => {
    if (Object.hasOwn(desired, name)) return [];
    const devices = slotState(facts, definition, name, text).fits.filter(
      ({ alias }) => slotOfAlias(alias) === name,
    );
    return devices.length > 0 ? [{ name, devices }] : [];
  });
}

/** What a slot had before us and neither stands there again nor is wanted elsewhere. */
function givenBack(
  { facts, record }: VmRequest,
  definition: Definition,
  name: string,
  desired: Settings,
): Hostdev[] {
  const wanted = Object.entries(desired).flatMap(([slot, text]) => {
    const { fits, wrong, missing } = slotState(facts, definition, slot, text);
    return [...fits, ...wrong, ...missing].map(({ source }) => source);
  });
  return splitHostdevs(record.base[name] ?? "").filter(
    ({ source }) =>
      !wanted.includes(source) &&
      !definition.devices.some((device) => device.source === source && slotOfAlias(device.alias) !== name),
  );
}

/** What the slots had that was not ours: a destroy gives it back. */
function bases({ facts, record }: VmRequest, { configured }: Domain, desired: Settings) {
  return Object.fromEntries(
    Object.entries(desired).map(([name, text]) => {
      const { fits, wrong } = slotState(facts, configured, name, text);
      const known = splitHostdevs(record.base[name] ?? "");
      const foreign = [...fits, ...wrong].filter(
        ({ alias, source }) => slotOfAlias(alias) === null && !known.some((base) => base.source === source),
      );
      const all = [...known, ...foreign].map(({ xml }) => xml);
      return [name, all.length > 0 ? all.join("") : null];
    }),
  );
}

function settingChanges(request: VmRequest, domain: Domain, desired: Settings): SettingChange[] {
  const { facts, record } = request;
  const arrive = Object.entries(desired).flatMap(([key, after]) => {
    const before = observedSlot(facts, domain, key, after);
    return before === after ? [] : [{ key, before, after }];
  });
  const leave = leaving(request, domain.configured, desired).map(({ name }) => {
    const back = givenBack(request, domain.configured, name, desired);
    return {
      key: name,
      before: observedSlot(facts, domain, name, record.written[name] ?? ""),
      after: back.length > 0 ? back.map(describeHostdev).join("; ") : null,
    };
  });
  return [...arrive, ...leave];
}

/** Takes devices from the peers that have them and do not run with them, so that no two domains have one. */
function takeSteps(request: VmRequest, desired: Settings, peers: readonly string[]): Step[] {
  const { facts, vmId } = request;
  const domain = findDomain(facts, vmId);
  if (domain === null) return [];
  const addresses = arriving(request, domain, desired).map(({ wanted }) => wanted.source);
  const taken = rivals(facts, vmId, addresses).filter((claim) => peers.includes(claim.vmId) && !claim.inUse);
  return [...new Set(taken.map((claim) => claim.vmId))].flatMap((name) => {
    const peer = findDomain(facts, name);
    const lost = peer?.configured.devices.filter(({ source }) =>
      taken.some((claim) => claim.vmId === name && claim.source === source),
    );
    return peer && lost
      ? domainSteps(
          peer,
          lost.map(({ xml }) => ({ verb: "detach", layer: "config", xml })),
        )
      : [];
  });
}

/** One step for everything of one domain: what it did is undone if it cannot be finished. */
function domainSteps({ uuid, configured }: Domain, devices: readonly DomainDevice[]): Step[] {
  if (devices.length === 0) return [];
  return [{ step: "domain", uuid, expect: sha256(configured.text), devices }];
}

/** The guest shuts down, and starts with what is configured. */
function restartStep({ uuid }: Domain): Step {
  return { step: "restart-domain", uuid, timeoutSeconds: shutdownSeconds };
}
