import type { EngineFacts, EngineVm } from "../../model/engineFacts";
import type { Claim, SettingChange } from "../types";
import { addressOf, expanded } from "./names";
import { isDeviceKey, placementKey, placementOf } from "./settings";
import { given, isDown } from "./virtualMachine";

/** Another VM of the same host with devices that arrive in this one. */
export interface Rival {
  readonly vm: EngineVm;
  readonly devices: readonly string[];
  /** The keys of the arriving devices. */
  readonly keys: readonly string[];
}

/** Placeholders do not count: what comes along with a group is asked for by nobody. */
export function rivals(facts: EngineFacts, vm: EngineVm, changes: readonly SettingChange[]): Rival[] {
  const placement = changes.find(({ key }) => key === placementKey)?.after ?? null;
  const hosts = placement === null ? vm.pinnedTo : (placementOf(facts, placement)?.hosts ?? []);
  const onHost = facts.hosts
    .filter(({ id }) => hosts.includes(id))
    .flatMap(({ devices }) => (devices ?? []).map(({ name }) => name));
  const wanted = changes.flatMap(({ key, after }) =>
    after !== null && isDeviceKey(key)
      ? expanded(after, onHost)
          .filter((name) => !given(vm).includes(name))
          .map((name) => ({ key, name }))
      : [],
  );
  return facts.vms
    .filter((other) => other.id !== vm.id && other.pinnedTo.some((id) => hosts.includes(id)))
    .flatMap((other) => {
      const held = wanted.filter(({ name }) => given(other).includes(name));
      if (held.length === 0) return [];
      return [
        {
          vm: other,
          devices: [...new Set(held.map(({ name }) => name))],
          keys: [...new Set(held.map(({ key }) => key))],
        },
      ];
    });
}

/** Which VM has which PCI function, on whichever host it is pinned to. */
export function claims(facts: EngineFacts): Claim[] {
  return facts.vms.flatMap((vm) =>
    (vm.devices ?? []).map(({ name, placeholder }) => ({
      address: addressOf(name),
      vmId: vm.id,
      vmName: vm.name,
      slot: placeholder ? `${name}, a placeholder` : name,
      running: !isDown(vm),
      inUse: !isDown(vm),
      configured: true,
      shared: false,
    })),
  );
}
