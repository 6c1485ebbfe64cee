import { claims } from "./claims";
import { declarationProblems, desiredSettings } from "./declaration";
import { proxmoxProblems } from "./problems";
import type { Hypervisor } from "../types";
import { findVm, pendingKeys } from "./virtualMachine";
import { plannedChange, recordAfter } from "./vmChange";
import { satisfies } from "./vmSettings";

/** The virtual machines of a Proxmox VE node, changed with `qm`. */
export const proxmox: Hypervisor = {
  name: "proxmox",

  validate: declarationProblems,
  desired: desiredSettings,
  problems: proxmoxProblems,
  change: plannedChange,
  recordAfter,
  claims,

  isOn: (facts) => facts.proxmox !== null,

  observe(facts, vmId, wanted) {
    if (facts.proxmox === null) {
      throw new Error(
        `${facts.hostname} does not answer as a Proxmox VE host: /etc/pve cannot be read there. Is the pve-cluster service running?`,
      );
    }
    const vm = findVm(facts, vmId);
    if (vm === null) return null;
    const settings = Object.entries(wanted).flatMap(([key, text]) => {
      const actual = vm.configured[key] ?? null;
      if (satisfies(key, actual, text)) return [[key, text] as const];
      return actual === null ? [] : [[key, actual] as const];
    });
    return {
      name: vm.name,
      node: vm.node,
      running: vm.running,
      locked: vm.current["lock"] ?? null,
      settings: Object.fromEntries(settings),
      restartPending: pendingKeys(vm).some((key) => Object.hasOwn(wanted, key)),
    };
  },

  changedSince({ facts, vmId, declaration }, seen) {
    const vm = findVm(facts, vmId);
    if (vm === null) return [];
    const desired = declaration ? desiredSettings(declaration) : {};
    return Object.entries(seen).flatMap(([key, before]) => {
      const now = vm.configured[key] ?? null;
      const wanted = desired[key];
      const expected =
        // Gone: a peer may have taken the device over.
        now === null || satisfies(key, now, before) || (wanted !== undefined && satisfies(key, now, wanted));
      return expected ? [] : [{ key, before, after: now }];
    });
  },
};
