import { changesOf, driftOf, unknownIn } from "./changes";
import { devicesOf } from "./devices";
import { rebootEvents } from "./events";
import { guestsOf } from "./guests";
import type { Plan } from "./plan";
import { rebootOf, rebootWaves } from "./reboots";
import { actionWord, byHost, isOurs, type HostParts } from "./resources";
import { risksOf } from "./risks";
import type { HostReview, OtherChange, Review } from "./types";
import { summaryOf, verdictOf } from "./verdict";

/** What is known of an app's stacks beside their plans. */
export interface App {
  /** Names of the stacks that each stack waits for. */
  readonly order: Readonly<Record<string, readonly string[]>>;
  /** Stacks that no plan was found of. */
  readonly unplanned: readonly string[];
}

/** What one or several plans do to hosts, guests and devices. */
export function review(
  plans: readonly Plan[],
  { order, unplanned }: App = { order: {}, unplanned: [] },
): Review {
  const earlier = wavesBefore(plans, order);
  const hosts = plans.flatMap((plan) => {
    const waves = rebootWaves(plan);
    const first = earlier.get(plan) ?? 0;
    return byHost(plan).map((parts) => {
      const wave = parts.host === null ? undefined : waves.get(parts.host.address);
      return hostReview(parts, wave === undefined ? null : first + wave);
    });
  });
  const otherChanges = plans.flatMap(otherChangesOf);
  const summary = summaryOf(hosts, otherChanges);
  return {
    version: 1,
    verdict: verdictOf(summary, hosts),
    summary,
    stacks: [
      ...plans.map(({ stack, terraformVersion, errored }) => ({
        name: stack,
        planned: true,
        terraformVersion,
        errored,
      })),
      ...unplanned.map((name) => ({ name, planned: false, terraformVersion: null, errored: false })),
    ],
    hosts,
    otherChanges,
  };
}

function hostReview(parts: HostParts, wave: number | null): HostReview {
  const { plan, name, kind, host } = parts;
  const reboot = rebootOf(parts, wave);
  const risks = risksOf(parts, reboot);
  const assumed = risks.some(({ kind }) => kind === "assumed");
  return {
    stack: plan.stack,
    kind,
    name,
    address: host?.address ?? null,
    action: host === null ? "none" : actionWord(host),
    assumed,
    reboot,
    guests: guestsOf(parts, reboot),
    devices: devicesOf(parts),
    risks,
    changes: changesOf(parts),
    drift: driftOf(parts),
    unknown: unknownIn(parts, assumed),
  };
}

/** How many waves of reboots a stack's own come after: those of the stacks that it waits for. */
function wavesBefore(
  plans: readonly Plan[],
  order: Readonly<Record<string, readonly string[]>>,
): Map<Plan, number> {
  const own = new Map(plans.map((plan) => [plan, Math.max(0, ...rebootWaves(plan).values())]));
  const before = new Map(plans.map((plan) => [plan, 0]));
  // A chain of stacks is never longer than there are stacks.
  for (let round = 0; round < plans.length; round++) {
    for (const plan of plans) {
      const waited = plan.stack !== null && Object.hasOwn(order, plan.stack) ? (order[plan.stack] ?? []) : [];
      const ends = plans
        .filter((other) => other !== plan && other.stack !== null && waited.includes(other.stack))
        .map((other) => (before.get(other) ?? 0) + (own.get(other) ?? 0));
      before.set(plan, Math.max(0, ...ends));
    }
  }
  return before;
}

/** Neither this provider's resources nor the events of their reboots. */
function otherChangesOf(plan: Plan): OtherChange[] {
  const events = new Set(rebootEvents(plan.declared).values());
  return plan.changes
    .filter((change) => !isOurs(change) && !events.has(change.declaredAt))
    .filter((change) => actionWord(change) !== "none")
    .map((change) => ({
      stack: plan.stack,
      address: change.address,
      type: change.type,
      action: actionWord(change),
    }));
}
