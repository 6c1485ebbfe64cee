import { rebootEvents } from "./events";
import type { Change, Plan } from "./plan";
import { goes, types, type HostParts } from "./resources";
import type { RebootReview } from "./types";
import { at, isUnknown, text } from "./views";
import { waves } from "./waves";

const none: RebootReview = { required: false, reason: null, blocked: false, waits: false, wave: null };

/**
 * Whether a host reboots is what its resource says, never what becomes of its event: that one also runs where nothing
 * is due. A destroy never reboots.
 */
export function rebootOf({ host }: HostParts, wave: number | null): RebootReview {
  if (host === null || goes(host)) return none;
  const value = at(host.after, "reboot_required");
  const reason = text(at(host.after, "reboot_reason"));
  const blocked = reason?.startsWith("blocked:") === true;
  const due = isUnknown(value) ? null : value === true;
  const manual = isManual(host);
  // Where none is due, the reason of the last one still stands.
  return {
    required: manual ? false : due,
    reason: due === true || blocked ? reason : null,
    blocked,
    waits: manual && due !== false,
    wave,
  };
}

/** Nothing of this plan reboots it. */
function isManual({ after }: Change): boolean {
  return text(at(after, "reboot")) === "manual";
}

/** The wave of each host that reboots or may, by the address of its resource. */
export function rebootWaves({ changes, declared }: Plan): Map<string, number> {
  const hosts = changes.filter(
    (change) =>
      change.type === types.host &&
      !goes(change) &&
      !isManual(change) &&
      at(change.after, "reboot_required") !== false &&
      at(change.after, "reboot_required") !== null,
  );
  const events = rebootEvents(declared);
  // It is the event that reboots; without one, the place of its host is the best that can be said.
  const placeOf = (declaredAt: string) => events.get(declaredAt) ?? declaredAt;
  const found = waves(declared, new Set(hosts.map(({ declaredAt }) => placeOf(declaredAt))));
  return new Map(hosts.map(({ address, declaredAt }) => [address, found.get(placeOf(declaredAt)) ?? 1]));
}
