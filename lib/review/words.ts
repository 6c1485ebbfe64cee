import type { GuestEffect, PlaceKind, RiskKind, UnknownReason } from "./types";

/** What each risk means to a reviewer. */
export const riskWords: Readonly<Record<RiskKind, string>> = {
  assumed:
    "this plan was made without the host: it stands on what the state remembers, and the apply may find something else",
  "unsafe-interrupts": "guests can send this host forged interrupts (MSI attacks)",
  "acs-override":
    "IOMMU groups are split although the hardware does not keep them apart: guests may reach each other's devices",
  "critical-device":
    "the host itself needs this device, and it is touched all the same because the author named it",
  "id-selector": "ids take every card of that kind, also one that is put in later",
  siblings: "the other functions of the same card come along",
  "shared-group": "devices of one IOMMU group can only go together (the group, then its functions)",
  "live-rebind": "a display leaves its driver without a reboot, and some drivers hang on that",
  "iommu-off": "the IOMMU is not switched on from here",
  blocked: "a reboot did not help and is not tried again",
  pending: "an earlier change was cut off and owes these commands, which run first",
  "no-event": "a reboot is due, and nothing in this configuration does it",
  "host-replaced": "everything is taken off the host and written anew",
  "host-destroyed":
    "our lines leave the host; its kernel stays configured until its next boot, which nobody orders",
};

export const effectWords: Readonly<Record<GuestEffect, string>> = {
  stops: "stops: its host reboots",
  "may-stop": "stops if its host reboots",
  restarts: "is restarted for its change, if it runs",
  moves: "is declared on this host now",
  "next-start": "changes at its next start",
  none: "stays as it is",
};

export const placeWords: Readonly<Record<PlaceKind, string>> = {
  host: "Host",
  engine: "Engine",
  "front-end": "Front end",
};

export const unknownWords: Readonly<Record<UnknownReason, string>> = {
  assumed: "the plan was made without the host",
  reference: "given by",
  input: "follows from",
  apply: "the host tells in the apply",
};

/** Why the host tells only in the apply, where that is special. */
export const applyWords: Readonly<Record<string, string>> = {
  iommu_groups: "there are groups once the host has booted with its IOMMU on",
  functions: "a function tells what it is once it is there",
  reboot_required: "a create looks again, right before it acts",
  reboot_reason: "a create looks again, right before it acts",
};
