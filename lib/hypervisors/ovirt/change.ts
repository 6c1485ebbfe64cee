import type { EngineStep } from "../../model/engineChange";
import type { EngineFacts, EngineVm } from "../../model/engineFacts";
import type { SettingChange, Settings, VmChange, VmRecord, VmRequest } from "../types";
import { rivals } from "./claims";
import { desiredSettings } from "./declaration";
import { expanded } from "./names";
import {
  actual,
  isDeviceKey,
  nicOfKey,
  placementKey,
  placementOf,
  profileOf,
  sameHosts,
  type Placement,
} from "./settings";
import { findVm, given, isDown, named, pinnedHost } from "./virtualMachine";

/** Seconds that a guest gets to shut down. */
const shutdownSeconds = 300;

type Request = VmRequest<EngineFacts>;
type Change = VmChange<EngineStep>;

/** What brings the declaration about, or gives back what is ours; nothing where the VM is gone. */
export function plannedChange(request: Request): Change {
  const { facts, vmId, declaration, record } = request;
  const vm = findVm(facts, vmId);
  if (vm === null) return { steps: [], changes: [], record };
  const desired = declaration ? desiredSettings(declaration) : {};
  const changes = [...arriving(request, vm, desired), ...leaving(request, vm, desired)];
  const work = [
    ...(declaration ? takeSteps(request, vm, declaration.peers, changes) : []),
    ...ownSteps(request, vm, desired, changes),
  ];
  const restart = work.length > 0 && declaration?.restart === true && !isDown(vm);
  return {
    steps: restart
      ? [
          { step: "shutDown", vm: vm.id, timeoutSeconds: shutdownSeconds },
          ...work,
          { step: "start", vm: vm.id },
        ]
      : work,
    changes,
    record: { base: bases(request, vm, desired), written: desired },
  };
}

/** The record that fits what is configured after a change that may have come to its end or not. */
export function recordAfter(request: Request, change: Change, facts: EngineFacts): VmRecord {
  const { record, vmId } = request;
  const vm = findVm(facts, vmId);
  const before = findVm(request.facts, vmId);
  if (vm === null || before === null) return change.record;
  const holds = (key: string, text: string) =>
    isDeviceKey(key)
      ? devicesOf(facts, vm, text).some((name) => given(vm).includes(name))
      : actual(facts, vm, key, text) === text;
  const now = Object.entries(change.record.written).flatMap(([key, text]): Kept[] => {
    if (holds(key, text)) return [{ key, text, base: change.record.base[key] ?? null }];
    const old = record.written[key];
    return old === undefined ? [] : [{ key, text: old, base: record.base[key] ?? null }];
  });
  const devices = (all: readonly Kept[]) =>
    all.flatMap(({ key, text }) => (isDeviceKey(key) ? devicesOf(facts, vm, text) : []));
  const known = devices(now);
  // Ours, declared no longer, and still there: a later destroy has to know of it.
  const left = Object.entries(record.written).flatMap(([key, text]): Kept[] => {
    const base = record.base[key] ?? null;
    if (now.some((kept) => kept.key === key) || text === base || !holds(key, text)) return [];
    const isKnown = isDeviceKey(key) && devicesOf(facts, vm, text).every((name) => known.includes(name));
    return isKnown ? [] : [{ key, text, base }];
  });
  // The same of a device whose key already names another one.
  const stray = ownDevices(request.facts, before, record)
    .filter((name) => given(vm).includes(name) && !devices([...now, ...left]).includes(name))
    .map((name): Kept => ({ key: name, text: name, base: null }));
  const all = [...now, ...left, ...stray];
  return {
    base: Object.fromEntries(all.map(({ key, base }) => [key, base])),
    written: Object.fromEntries(all.map(({ key, text }) => [key, text])),
  };
}

interface Kept {
  readonly key: string;
  readonly text: string;
  readonly base: string | null;
}

/** Devices that the VM has and that are neither declared nor ours: they are somebody else's. */
export function foreignDevices({ facts, record }: Request, vm: EngineVm, desired: Settings): string[] {
  const known = [...ownDevices(facts, vm, record), ...namedBy(facts, vm, desired)];
  const theirs = namedBy(facts, vm, record.base);
  return given(vm).filter((name) => !known.includes(name) || theirs.includes(name));
}

/** Devices that the VM has because we attached them, whichever key they had: what was there before us is not ours. */
function ownDevices(facts: EngineFacts, vm: EngineVm, { written, base }: VmRecord): string[] {
  const theirs = namedBy(facts, vm, base);
  return namedBy(facts, vm, written).filter((name) => given(vm).includes(name) && !theirs.includes(name));
}

function namedBy(
  facts: EngineFacts,
  vm: EngineVm,
  values: Readonly<Record<string, string | null>>,
): string[] {
  return Object.entries(values).flatMap(([key, value]) =>
    isDeviceKey(key) && value !== null ? devicesOf(facts, vm, value) : [],
  );
}

/** The devices that a value names, on the host that the VM is pinned to now. */
export function devicesOf(facts: EngineFacts, vm: EngineVm, value: string): string[] {
  const onHost = (pinnedHost(facts, vm)?.devices ?? []).map(({ name }) => name);
  return expanded(value, [...new Set([...onHost, ...given(vm)])]);
}

/** Where the VM is placed once the changes are made; null where that does not change. */
export function placementAfter(facts: EngineFacts, changes: readonly SettingChange[]): Placement | null {
  const change = changes.find(({ key }) => key === placementKey);
  return change === undefined || change.after === null ? null : placementOf(facts, change.after);
}

function arriving({ facts }: Request, vm: EngineVm, desired: Settings): SettingChange[] {
  return Object.entries(desired).flatMap(([key, wanted]) => {
    const before = actual(facts, vm, key, wanted);
    return before === wanted ? [] : [{ key, before, after: wanted }];
  });
}

/** Keys that are ours no more get back what they had, unless somebody has changed them since. */
function leaving(request: Request, vm: EngineVm, desired: Settings): SettingChange[] {
  const { facts, record } = request;
  return Object.entries(record.written).flatMap(([key, written]) => {
    if (Object.hasOwn(desired, key)) return [];
    const before = actual(facts, vm, key, written);
    const after = record.base[key] ?? null;
    const ours = isDeviceKey(key) ? before !== null : before === written;
    if (!ours || before === after) return [];
    if (key === placementKey && !mayMove(request, vm, desired, after)) return [];
    return [{ key, before, after }];
  });
}

/** The engine drops every host device of a VM that changes its hosts, also somebody else's. */
export function mayMove(request: Request, vm: EngineVm, desired: Settings, line: string | null): boolean {
  const place = line === null ? null : placementOf(request.facts, line);
  if (place === null) return false;
  return sameHosts(place.hosts, vm.pinnedTo) || foreignDevices(request, vm, desired).length === 0;
}

function ownSteps(
  request: Request,
  vm: EngineVm,
  desired: Settings,
  changes: readonly SettingChange[],
): EngineStep[] {
  const { facts } = request;
  const place = placementAfter(facts, changes);
  const moves = place !== null && !sameHosts(place.hosts, vm.pinnedTo);
  const host = moves ? (place.hosts[0] ?? null) : (vm.pinnedTo[0] ?? null);
  const onHost = (facts.hosts.find(({ id }) => id === host)?.devices ?? []).map(({ name }) => name);
  const wanted = Object.entries(desired).flatMap(([key, value]) =>
    isDeviceKey(key) ? expanded(value, onHost) : [],
  );
  const there = moves ? [] : given(vm);
  const gone = moves ? [] : ownDevices(facts, vm, request.record).filter((name) => !wanted.includes(name));
  return [
    ...gone.map((device): EngineStep => ({ step: "detach", vm: vm.id, device })),
    ...(place === null ? [] : [{ step: "place", vm: vm.id, ...place } as const]),
    ...[...new Set(wanted)]
      .filter((device) => !there.includes(device))
      .map((device): EngineStep => ({ step: "attach", vm: vm.id, device })),
    ...nicSteps(facts, vm, changes),
  ];
}

function nicSteps(facts: EngineFacts, vm: EngineVm, changes: readonly SettingChange[]): EngineStep[] {
  return changes.flatMap(({ key, before, after }): EngineStep[] => {
    const name = nicOfKey(key);
    if (name === null) return [];
    const nic = vm.nics?.find((candidate) => candidate.name === name);
    const [profile] = after === null ? [] : named(facts.vnicProfiles, profileOf(after));
    return [
      ...(before !== null && nic !== undefined
        ? [{ step: "removeNic", vm: vm.id, nic: nic.id } as const]
        : []),
      ...(profile === undefined
        ? []
        : [{ step: "addNic", vm: vm.id, name, profile: profile.id, interface: "pci_passthrough" } as const]),
    ];
  });
}

/** Takes devices from the peers that have them and do not run, so that no two VMs have one. */
function takeSteps(
  { facts }: Request,
  vm: EngineVm,
  peers: readonly string[],
  changes: readonly SettingChange[],
): EngineStep[] {
  return rivals(facts, vm, changes)
    .filter(({ vm: other }) => isDown(other) && isPeer(other, peers))
    .flatMap(({ vm: other, devices }) =>
      devices.map((device): EngineStep => ({ step: "detach", vm: other.id, device })),
    );
}

export function isPeer({ id, name }: EngineVm, peers: readonly string[]): boolean {
  return peers.includes(id) || peers.includes(name);
}

/** What each key of ours had before we first wrote it; of a device, that is by device, as keys are only our names. */
function bases({ facts, record }: Request, vm: EngineVm, desired: Settings): Record<string, string | null> {
  const own = ownDevices(facts, vm, record);
  return Object.fromEntries(
    Object.entries(desired).map(([key, wanted]) => {
      const same = isDeviceKey(key) ? record.written[key] === wanted : Object.hasOwn(record.base, key);
      if (same) return [key, record.base[key] ?? null];
      if (!isDeviceKey(key)) return [key, actual(facts, vm, key, wanted)];
      const names = devicesOf(facts, vm, wanted);
      const theirs = names.filter((name) => given(vm).includes(name) && !own.includes(name));
      if (theirs.length === 0) return [key, null];
      return [key, theirs.length === names.length ? wanted : theirs.join(";")];
    }),
  );
}
