import type { EngineFacts, EngineVm } from "../../model/engineFacts";
import { expanded } from "./names";
import { findHost, given, named, pinnedHost } from "./virtualMachine";

/** Where the VM may run. No slot has such a name: theirs have no underscore. */
export const placementKey = "placement_policy";
const nicPrefix = "nics.";

export function nicKey(name: string): string {
  return `${nicPrefix}${name}`;
}

/** The name of the NIC that a key is about; null for another key. */
export function nicOfKey(key: string): string | null {
  return key.startsWith(nicPrefix) ? key.slice(nicPrefix.length) : null;
}

export function isDeviceKey(key: string): boolean {
  return key !== placementKey && nicOfKey(key) === null;
}

/** A placement in one line: `pinned to kvm1`, `migratable on kvm1, kvm2`, `migratable on any host`. */
export function placementText(affinity: string, hosts: readonly string[]): string {
  const where = hosts.length === 0 ? "any host" : hosts.join(", ");
  return affinity === "pinned" ? `pinned to ${where}` : `${affinity} on ${where}`;
}

export function sameHosts(one: readonly string[], other: readonly string[]): boolean {
  return [...one].sort().join() === [...other].sort().join();
}

export interface Placement {
  readonly affinity: string;
  /** Ids. */
  readonly hosts: readonly string[];
}

/** The placement that a line means here; null where it names a host that the engine does not have. */
export function placementOf(facts: EngineFacts, line: string): Placement | null {
  const [, pinned, affinity = "pinned", other] = /^(?:pinned to (.*)|(\S+) on (.*))$/.exec(line) ?? [];
  const where = pinned ?? other;
  if (where === undefined) return null;
  if (where === "any host") return { affinity, hosts: [] };
  const hosts = where.split(", ").map((name) => findHost(facts, name));
  return hosts.some((host) => host === null)
    ? null
    : { affinity, hosts: hosts.flatMap((host) => (host === null ? [] : [host.id])) };
}

/** A NIC in one line: `pci_passthrough with fast`. */
export function nicText(type: string, profile: string): string {
  return `${type} with ${profile}`;
}

/** The profile of a line of ours. */
export function profileOf(line: string): string {
  return line.replace(/^\S+ with /, "");
}

/**
 * What a VM has of one key, in our words: the wanted text where it has all of it, what is there of it otherwise, and
 * null for nothing.
 */
export function actual(facts: EngineFacts, vm: EngineVm, key: string, wanted: string): string | null {
  if (key === placementKey) return placementNow(facts, vm, wanted);
  const nic = nicOfKey(key);
  if (nic !== null) return nicNow(facts, vm, nic, wanted);
  const there = given(vm);
  const onHost = (pinnedHost(facts, vm)?.devices ?? []).map(({ name }) => name);
  const names = expanded(wanted, [...new Set([...onHost, ...there])]);
  const found = names.filter((name) => there.includes(name));
  if (found.length === 0) return null;
  return found.length === names.length ? wanted : found.join(";");
}

function placementNow(facts: EngineFacts, vm: EngineVm, wanted: string): string {
  const place = placementOf(facts, wanted);
  // An author may name a host by its id.
  if (place?.affinity === vm.affinity && sameHosts(place.hosts, vm.pinnedTo)) return wanted;
  const names = vm.pinnedTo.map((id) => findHost(facts, id)?.name ?? id);
  return placementText(vm.affinity, names);
}

function nicNow(facts: EngineFacts, vm: EngineVm, name: string, wanted: string): string | null {
  const nic = vm.nics?.find((candidate) => candidate.name === name);
  if (nic === undefined) return null;
  const asked = profileOf(wanted);
  const [profile] = named(facts.vnicProfiles, nic.profile ?? "");
  // An author may name a profile by its id.
  const said = profile !== undefined && profile.id !== asked ? profile.name : (nic.profile ?? "no profile");
  return nicText(nic.interface, said);
}
