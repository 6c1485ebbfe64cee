import type { EngineStep } from "../../model/engineChange";
import type { EngineFacts } from "../../model/engineFacts";
import type { Hypervisor } from "../types";
import { plannedChange, recordAfter } from "./change";
import { claims } from "./claims";
import { declarationProblems, desiredSettings } from "./declaration";
import { engineProblems } from "./problems";
import { actual } from "./settings";
import { findVm, isDown, pinnedHost } from "./virtualMachine";

/** The virtual machines of an oVirt or Red Hat Virtualization engine, changed over its REST API. */
export const ovirt: Hypervisor<EngineFacts, EngineStep> = {
  name: "ovirt",

  isOn: () => true,
  validate: declarationProblems,
  desired: desiredSettings,
  problems: engineProblems,
  change: plannedChange,
  recordAfter,
  claims,

  observe(facts, vmId, wanted) {
    const vm = findVm(facts, vmId);
    if (vm === null) return null;
    const settings = Object.entries(wanted).flatMap(([key, text]) => {
      const there = actual(facts, vm, key, text);
      return there === null ? [] : [[key, there] as const];
    });
    return {
      name: vm.name,
      node: pinnedHost(facts, vm)?.name ?? "",
      running: !isDown(vm),
      locked: null,
      settings: Object.fromEntries(settings),
      restartPending: !isDown(vm) && vm.nextRun,
    };
  },

  changedSince({ facts, vmId, declaration }, seen) {
    const vm = findVm(facts, vmId);
    if (vm === null) return [];
    const desired = declaration ? desiredSettings(declaration) : {};
    return Object.entries(seen).flatMap(([key, before]) => {
      const now = actual(facts, vm, key, before);
      const wanted = desired[key];
      const expected =
        // Gone: a peer may have taken the device over.
        now === null || now === before || (wanted !== undefined && actual(facts, vm, key, wanted) === wanted);
      return expected ? [] : [{ key, before, after: now }];
    });
  },
};
