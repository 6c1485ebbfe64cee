import { UNKNOWN, type Unknown } from "../plugin/types";
import { hasUnknown } from "./values";

/**
 * How one of the provider block's hosts or engines is reached, in its words and without what is secret: what may stand
 * on a host and in the reboot event. Null: not known.
 */
export function openBlock(
  blocks: Readonly<Record<string, object>> | Unknown,
  name: string,
  secrets: readonly string[],
): Readonly<Record<string, unknown>> | null {
  const found = blocks === UNKNOWN || !Object.hasOwn(blocks, name) ? undefined : blocks[name];
  if (found === undefined || hasUnknown(found)) return null;
  const left = [...secrets, "when_unreachable"];
  return Object.fromEntries(
    Object.entries(found).filter(([key, value]) => value !== null && !left.includes(key)),
  );
}
