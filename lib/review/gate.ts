import type { HostReview, Review, RiskKind } from "./types";
import { isChanged } from "./verdict";

/** What may pass without somebody's approval; gate.schema.json describes it. Absent: no limit. */
export interface Rules {
  readonly version: 1;
  /** Hosts that reboot or may reboot. */
  readonly maxReboots?: number;
  /** Hosts that may reboot at the same time. */
  readonly maxRebootsAtOnce?: number;
  readonly maxGuestsStopping?: number;
  readonly maxDevicesChangingHands?: number;
  readonly maxDrift?: number;
  /** Risks that this plan must not bring. */
  readonly forbid?: readonly RiskKind[];
  /** Hosts of which nothing may change. */
  readonly protectedHosts?: readonly string[];
  /** Ids of guests that must not be interrupted or changed. */
  readonly protectedGuests?: readonly string[];
}

/** A rule that a plan does not keep. */
export interface Violation {
  readonly rule: keyof Rules;
  /** In words of our own. */
  readonly words: string;
  /** What it is about, in the plan's words. */
  readonly subjects: readonly string[];
}

/** Everything that somebody has to approve; what is not known yet counts as if it came. */
export function violations({ hosts }: Review, rules: Rules): Violation[] {
  const mayReboot = hosts.filter(({ reboot }) => reboot.required !== false);
  const stopping = hosts.flatMap((host) =>
    host.guests
      .filter(({ effect }) => effect === "stops" || effect === "restarts" || effect === "may-stop")
      .map(({ id, name }) => `${host.name}/${id ?? name}`),
  );
  const devices = hosts.flatMap((host) => [
    ...new Set(
      host.devices.filter((device) => device.changesHands).map(({ slot }) => `${host.name}/${slot}`),
    ),
  ]);
  const drift = hosts.flatMap((host) =>
    host.drift.map(({ address, path }) => `${address} ${path.join(".")}`),
  );
  return [
    ...limit(
      "maxReboots",
      rules,
      mayReboot.map(({ name }) => name),
      "hosts reboot or may reboot",
    ),
    ...limit("maxRebootsAtOnce", rules, largestWave(mayReboot), "hosts may reboot at the same time"),
    ...limit("maxGuestsStopping", rules, stopping, "guests stop or may stop"),
    ...limit("maxDevicesChangingHands", rules, devices, "devices change hands"),
    ...limit("maxDrift", rules, drift, "values were changed by somebody else"),
    ...(rules.forbid ?? []).flatMap((kind): Violation[] => {
      const found = hosts.flatMap((host) =>
        host.risks
          .filter((risk) => risk.kind === kind && risk.introduced)
          .map(({ subject }) => (subject === host.name ? subject : `${host.name}: ${subject}`)),
      );
      return found.length > 0 ? [{ rule: "forbid", words: `${kind} is forbidden`, subjects: found }] : [];
    }),
    ...named(
      "protectedHosts",
      rules,
      hosts.filter(isChanged).map(({ name }) => name),
      "changes, and is protected",
    ),
    ...named("protectedGuests", rules, touchedGuests(hosts), "stops or changes, and is protected"),
  ];
}

type Limit = "maxReboots" | "maxRebootsAtOnce" | "maxGuestsStopping" | "maxDevicesChangingHands" | "maxDrift";

function limit(rule: Limit, rules: Rules, subjects: readonly string[], words: string): Violation[] {
  const most = rules[rule];
  if (most === undefined || subjects.length <= most) return [];
  return [{ rule, words: `${subjects.length} ${words}, ${most} may`, subjects }];
}

function named(
  rule: "protectedHosts" | "protectedGuests",
  rules: Rules,
  changed: readonly string[],
  words: string,
): Violation[] {
  const subjects = [...new Set(changed)].filter((name) => rules[rule]?.includes(name) === true);
  return subjects.length > 0 ? [{ rule, words, subjects }] : [];
}

/** As `100` and as `pve1/100`: the rules may name either. */
function touchedGuests(hosts: readonly HostReview[]): string[] {
  return hosts.flatMap(({ name, guests }) =>
    guests
      .filter(({ effect, action }) => effect !== "none" || action !== "none")
      .flatMap(({ id }) => (id === null ? [] : [id, `${name}/${id}`])),
  );
}

function largestWave(hosts: readonly HostReview[]): string[] {
  const waves = new Map<number | null, string[]>();
  for (const { name, reboot } of hosts) waves.set(reboot.wave, [...(waves.get(reboot.wave) ?? []), name]);
  return [...waves.values()].reduce((largest, wave) => (wave.length > largest.length ? wave : largest), []);
}
