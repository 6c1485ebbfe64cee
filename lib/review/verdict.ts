import type { HostReview, OtherChange, Summary } from "./types";
import { placeWords } from "./words";

const managers = ["engine", "front-end"] as const;

export function summaryOf(hosts: readonly HostReview[], otherChanges: readonly OtherChange[]): Summary {
  const guests = hosts.flatMap((host) => host.guests);
  const effects = (...kinds: readonly string[]) =>
    guests.filter(({ effect }) => kinds.includes(effect)).length;
  const waves = new Map<number, number>();
  for (const { reboot } of hosts)
    if (reboot.wave !== null) waves.set(reboot.wave, (waves.get(reboot.wave) ?? 0) + 1);
  return {
    hostsChanged: hosts.filter((host) => host.kind === "host" && isChanged(host)).length,
    managersChanged: hosts.filter((host) => host.kind !== "host" && isChanged(host)).length,
    reboots: hosts.filter(({ reboot }) => reboot.required === true).length,
    possibleReboots: hosts.filter(({ reboot }) => reboot.required === null).length,
    rebootsAtOnce: Math.max(0, ...waves.values()),
    guestsStopping: effects("stops", "restarts"),
    guestsMoving: effects("moves"),
    devicesChangingHands: hosts
      .map(
        ({ devices }) =>
          new Set(devices.filter((device) => device.changesHands).map(({ slot }) => slot)).size,
      )
      .reduce((sum, count) => sum + count, 0),
    drift: hosts.reduce((sum, { drift }) => sum + drift.length, 0),
    hostsAssumed: hosts.filter(({ assumed }) => assumed).length,
    otherChanges: otherChanges.length,
  };
}

/** The plan does something to it, or leaves open whether it does. */
export function isChanged({ action, guests, devices, changes, drift, unknown, reboot }: HostReview): boolean {
  return (
    action !== "none" ||
    reboot.required !== false ||
    reboot.waits ||
    guests.some((guest) => guest.action !== "none") ||
    devices.some((device) => device.changesHands) ||
    changes.length + unknown.length + drift.filter(({ putBack }) => putBack).length > 0
  );
}

/** "2 hosts reboot, one after the other; 3 guests stop; 1 device changes hands". */
export function verdictOf(summary: Summary, hosts: readonly HostReview[]): string {
  const waiting = hosts.filter(({ reboot }) => reboot.waits).length;
  const given = hosts.filter(({ action }) => action === "delete").length;
  const still = summary.hostsChanged - summary.reboots - summary.possibleReboots - waiting - given;
  const others = still === summary.hostsChanged ? "host" : "other host";
  const parts = [
    reboots(summary),
    summary.possibleReboots > 0 &&
      `${count(summary.possibleReboots, "host")} may reboot: only the apply knows`,
    waiting > 0 && `${count(waiting, "host")} ${verb(waiting, "wait")} for a reboot by hand`,
    given > 0 && `${count(given, "host")} ${given === 1 ? "is" : "are"} given back`,
    still > 0 && `${count(still, others)} ${verb(still, "change")} without a reboot`,
    ...managers.map((kind) => {
      const changed = hosts.filter((host) => host.kind === kind && isChanged(host)).length;
      return changed > 0 && `${count(changed, placeWords[kind].toLowerCase())} ${verb(changed, "change")}`;
    }),
    summary.guestsStopping > 0 &&
      `${count(summary.guestsStopping, "guest")} ${verb(summary.guestsStopping, "stop")}`,
    summary.guestsMoving > 0 &&
      `${count(summary.guestsMoving, "guest")} ${verb(summary.guestsMoving, "move")}`,
    summary.devicesChangingHands > 0 &&
      `${count(summary.devicesChangingHands, "device")} ${verb(summary.devicesChangingHands, "change")} hands`,
    summary.drift > 0 && `${count(summary.drift, "value")} drifted`,
    summary.hostsAssumed > 0 &&
      `planned without ${summary.hostsAssumed} of the ${count(hosts.length, "host")}`,
    summary.otherChanges > 0 &&
      `${count(summary.otherChanges, "other resource")} ${verb(summary.otherChanges, "change")}`,
  ].filter((part): part is string => typeof part === "string");
  if (parts.length > 0) return parts.join("; ");
  return hosts.length === 0 ? "no passthrough in this plan, and nothing to do" : "nothing to do";
}

function reboots({ reboots: all, possibleReboots, rebootsAtOnce }: Summary): string | false {
  if (all === 0) return false;
  if (all === 1) return "1 host reboots";
  const waves = possibleReboots > 0 ? null : rebootsAtOnce;
  const how =
    waves === 1
      ? "one after the other"
      : waves === all
        ? "all at the same time"
        : `up to ${rebootsAtOnce} at the same time`;
  return `${all} hosts reboot, ${how}`;
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function verb(number: number, word: string): string {
  return number === 1 ? `${word}s` : word;
}
