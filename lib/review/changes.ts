import type { Change } from "./plan";
import { isBookkeeping, isInput, isOurs, type HostParts } from "./resources";
import type { DriftReview, UnknownReason, UnknownReview, ValueChange } from "./types";
import { at, differences, entries, isUnknown, same, words, type Difference, type View } from "./views";

/** What somebody else has changed since the last apply, and whether this plan puts it back. */
export function driftOf(parts: HostParts): DriftReview[] {
  const resources = new Set(all(parts).map(({ address }) => address));
  return parts.plan.drift
    .filter((change) => isOurs(change) && resources.has(change.address))
    .flatMap((drifted) => {
      const planned = all(parts).find(({ address }) => address === drifted.address) ?? null;
      return found(drifted).map((difference) => ({
        ...shown(drifted, difference),
        putBack: planned !== null && same(at(planned.after, ...difference.path), difference.before),
      }));
    });
}

/** What the plan changes, apart from what it puts back. */
export function changesOf(parts: HostParts): ValueChange[] {
  return all(parts)
    .filter(({ action }) => action !== "none" && action !== "forget")
    .flatMap((change) => {
      const drifted = parts.plan.drift.find(({ address }) => address === change.address);
      const repaired = drifted === undefined ? [] : found(drifted);
      return found(change)
        .filter(
          ({ path, after }) =>
            !repaired.some((drift) => samePath(drift.path, path) && same(drift.before, after)),
        )
        .map((difference) => shown(change, difference));
    });
}

/** What the plan cannot say yet, and why. */
export function unknownIn(parts: HostParts, assumed: boolean): UnknownReview[] {
  return all(parts)
    .filter(({ action }) => action !== "none" && action !== "delete")
    .flatMap((change) => {
      const unknown = entries(change.after)
        .filter(([, value]) => isUnknown(value))
        .map(([attribute]) => attribute);
      const declared = parts.plan.declared.find(({ address }) => address === change.declaredAt);
      const references = declared?.references ?? {};
      // What is detected where the author does not set it is no input then.
      const inputs = unknown.filter(
        (attribute) => isInput(change.type, attribute) && Object.hasOwn(references, attribute),
      );
      return unknown.map((attribute): UnknownReview => {
        const named = inputs.includes(attribute) ? mostPrecise(references[attribute] ?? []) : [];
        const reasons: readonly (readonly [UnknownReason, readonly string[] | null])[] = [
          ["reference", named.length > 0 ? named : null],
          ["assumed", assumed ? [] : null],
          ["input", inputs.length > 0 ? inputs : null],
        ];
        const [why, from] = reasons.find(([, words]) => words !== null) ?? ["apply", []];
        return { address: change.address, attribute, why, from: from ?? [] };
      });
    });
}

function all({ host, bindings, vms, others }: HostParts): Change[] {
  return [...(host === null ? [] : [host]), ...bindings, ...vms, ...others];
}

/** Differences of what stands on a host or is declared. What will only be known later is no difference yet. */
function found({ before, after }: Change): Difference[] {
  return differences(before, after)
    .filter(({ path }) => !isBookkeeping(path[0]))
    .filter(({ after: value }) => !isUnknown(value))
    .filter(({ before: was, after: is }) => !(isEmpty(was) && isEmpty(is)));
}

function isEmpty(view: View): boolean {
  return view === null || (Array.isArray(view) && view.length === 0);
}

function shown({ address }: Change, { path, before, after }: Difference): ValueChange {
  return { address, path, before: lines(before), after: lines(after) };
}

/** A list of words as lines, which is how a diff reads well. */
function lines(view: View): string | null {
  const list = Array.isArray(view) ? (view as readonly View[]) : null;
  return list !== null && list.every((entry) => typeof entry === "string") ? list.join("\n") : words(view);
}

function samePath(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}

/** Terraform names `a.b.c` and also `a.b`. */
function mostPrecise(references: readonly string[]): string[] {
  return references.filter(
    (name) => !references.some((other) => other !== name && other.startsWith(`${name}.`)),
  );
}
