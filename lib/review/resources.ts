import { iommuHostSchema, resourceSchemas, vfioBindingSchema, vmSchema, type Attributes } from "../schema";
import type { ActionWord } from "./types";
import type { Change, Plan } from "./plan";
import { at, isMap, text, UNKNOWN, type View } from "./views";

/** This provider's resources, by type. */
export const types = {
  host: iommuHostSchema.typeName,
  binding: vfioBindingSchema.typeName,
  vm: vmSchema.typeName,
} as const;

const attributes = new Map<string, Attributes>(
  resourceSchemas.map(({ typeName, attributes }) => [typeName, attributes]),
);

/** A type of a later release too: it is better told by its host than among strangers. */
export function isOurs({ type }: Change): boolean {
  return type.startsWith("passthrough_");
}

/** The author may set it. */
export function isInput(type: string, attribute: string): boolean {
  const found = attributes.get(type);
  const declared = found !== undefined && Object.hasOwn(found, attribute) ? found[attribute] : undefined;
  return declared !== undefined && ("required" in declared || "optional" in declared);
}

/** What is bookkeeping between the provider and its state: a change of it changes nothing on a host. */
const bookkeeping: ReadonlySet<string> = new Set([
  "assumed",
  "created",
  "declaration_digest",
  "id",
  "peers",
  "previous",
  "provided",
  "reboot_generation",
  "reboot_reason",
  "reboot_required",
  "restart_pending",
  "users",
]);

export function isBookkeeping(attribute: string | undefined): boolean {
  return attribute !== undefined && bookkeeping.has(attribute);
}

export interface HostParts {
  readonly plan: Plan;
  /** As the resources name it. */
  readonly name: string;
  readonly host: Change | null;
  readonly bindings: readonly Change[];
  readonly vms: readonly Change[];
  /** Further resources that name the host, such as resource mappings. */
  readonly others: readonly Change[];
}

/** This provider's resources of a plan, by the host that they name; a moved one stands with the host it comes to. */
export function byHost(plan: Plan): HostParts[] {
  const ours = plan.changes
    .filter(isOurs)
    .map((change) => ({ change, from: placeOf(plan, change, "before"), to: placeOf(plan, change, "after") }));
  const names = [...new Set(ours.flatMap(({ from, to }) => [from, to]))].filter((name) => name !== null);
  return names.map((name) => {
    const own = ours.filter(({ from, to }) => (to ?? from) === name).map(({ change }) => change);
    const ofType = (type: string) => own.filter((change) => change.type === type);
    const [bindings, vms] = [ofType(types.binding), ofType(types.vm)];
    return {
      plan,
      name,
      host: ofType(types.host)[0] ?? null,
      bindings,
      vms,
      others: own.filter(({ type }) => ![types.host, types.binding, types.vm].includes(type)),
    };
  });
}

const notKnown = "(known after apply)";

/**
 * The host that one side of a resource is about; null where that side is not there. A VM of an engine names the engine:
 * it is where the devices are that it is given.
 */
export function placeOf(plan: Plan, change: Change, side: "before" | "after"): string | null {
  if (side === "after" && goes(change)) return null;
  const view = change[side];
  if (view === null) return null;
  const value = at(view, "host");
  if (value === UNKNOWN) return notKnown;
  const name = text(value) ?? "(not named)";
  if (change.type !== types.vm) return name;
  const hosts = plan.changes.filter(({ type }) => type === types.host || type === types.binding);
  if (hosts.some((host) => namesOf(host).includes(name))) return name;
  const given = plan.declared.find(({ address }) => address === change.declaredAt)?.dependencies ?? [];
  const binding = hosts.find(({ type, declaredAt }) => type === types.binding && given.includes(declaredAt));
  return (binding === undefined ? undefined : namesOf(binding)[0]) ?? name;
}

function namesOf({ before, after }: Change): string[] {
  const names: View[] = [at(after, "host"), at(before, "host")];
  return names.flatMap((name) => text(name) ?? []);
}

export function actionWord({ action, imported }: Change): ActionWord {
  if (imported && action === "none") return "import";
  return action === "read" ? "none" : action;
}

/** Of a plan that did not see the host: open in a create, remembered from the refresh otherwise. */
export function isAssumed({ before, after }: Change): boolean {
  return at(after, "assumed") === UNKNOWN || at(before, "assumed") === true;
}

/** It will not be there any more. */
export function goes({ action, after }: Change): boolean {
  return action === "delete" || action === "forget" || !isMap(after as View);
}
