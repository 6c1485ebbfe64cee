import { untouched, type VmRecord } from "../hypervisors/types";
import type { PrivateState } from "../plugin/types";

/** What our settings were before us, as a state with `settings` and `previous` tells it. */
interface Recorded {
  readonly settings: Readonly<Record<string, string>> | null;
  readonly previous: Readonly<Record<string, string>> | null;
}

/** Of a tainted resource, Terraform hands over no private state: then `before` tells what is ours. */
export function recordIn(kept: PrivateState, before: Recorded | null = null): VmRecord {
  const record = kept["record"] as VmRecord | undefined;
  if (record !== undefined) return record;
  const { previous = null, settings } = before ?? {};
  if (previous === null) return untouched;
  const written = settings ?? {};
  const base = Object.keys(written).map((key) => [key, previous[key] ?? null] as const);
  return { base: Object.fromEntries(base), written };
}

/** The same for a resource that is made as a whole: all of one that we created is ours. */
export function recordOfWhole(
  kept: PrivateState,
  state: {
    readonly settings: Readonly<Record<string, string>> | null;
    readonly created: boolean | null;
  } | null,
): VmRecord {
  const record = kept["record"] as VmRecord | undefined;
  if (record !== undefined) return record;
  return state?.created === true ? { base: {}, written: state.settings ?? {} } : untouched;
}

export function withoutNull(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}
