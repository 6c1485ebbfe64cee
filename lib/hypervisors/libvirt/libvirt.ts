import type { Hypervisor } from "../types";
import { claims } from "./claims";
import { declarationProblems, desiredSettings } from "./declaration";
import { findDomain } from "./domain";
import { libvirtProblems } from "./problems";
import { observedSlot, startsDiffer } from "./slotState";
import { plannedChange, recordAfter } from "./vmChange";

/** The domains of libvirt's system instance, changed with `virsh`. */
export const libvirt: Hypervisor = {
  name: "libvirt",

  isOn: (facts) => facts.libvirt !== null,
  validate: declarationProblems,
  desired: desiredSettings,
  problems: libvirtProblems,
  change: plannedChange,
  recordAfter,
  claims,

  observe(facts, vmId, wanted) {
    const domain = findDomain(facts, vmId);
    if (domain === null) return null;
    const settings = Object.entries(wanted).flatMap(([name, text]) => {
      const actual = observedSlot(facts, domain, name, text);
      return actual === null ? [] : [[name, actual] as const];
    });
    return {
      name: domain.name,
      node: facts.hostname,
      running: domain.running,
      locked: null,
      settings: Object.fromEntries(settings),
      restartPending: Object.entries(wanted).some(([name, text]) => startsDiffer(facts, domain, name, text)),
    };
  },

  changedSince({ facts, vmId, declaration, record }, seen) {
    const domain = findDomain(facts, vmId);
    if (domain === null) return [];
    const desired = declaration ? desiredSettings(declaration) : {};
    return Object.entries(seen).flatMap(([key, before]) => {
      const now = observedSlot(facts, domain, key, desired[key] ?? record.written[key] ?? before);
      const written = observedSlot(facts, domain, key, record.written[key] ?? before);
      // Gone: a peer may have taken the device over.
      const expected = now === null || now === before || written === before || now === desired[key];
      return expected ? [] : [{ key, before, after: now }];
    });
  },
};
