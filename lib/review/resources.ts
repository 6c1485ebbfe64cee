import { iommuHostSchema, vfioBindingSchema, vmSchema, type Attributes } from "../schema";
import type { ActionWord } from "./types";
import type { Change, Plan } from "./plan";
import { at, isMap, text, UNKNOWN, type View } from "./views";

/** This provider's resources, by type. */
export const types = {
  host: iommuHostSchema.typeName,
  binding: vfioBindingSchema.typeName,
  vm: vmSchema.typeName,
} as const;

const attributes: Readonly<Record<string, Attributes>> = {
  [types.host]: iommuHostSchema.attributes,
  [types.binding]: vfioBindingSchema.attributes,
  [types.vm]: vmSchema.attributes,
};

export function isOurs({ type }: Change): boolean {
  return Object.hasOwn(attributes, type);
}

/** The author may set it. */
export function isInput(type: string, attribute: string): boolean {
  const found = attributes[type];
  const declared = found !== undefined && Object.hasOwn(found, attribute) ? found[attribute] : undefined;
  return declared !== undefined && ("required" in declared || "optional" in declared);
}

/** What is bookkeeping between the provider and its state: a change of it changes nothing on a host. */
const bookkeeping: ReadonlySet<string> = new Set([
  "assumed",
  "declaration_digest",
  "id",
  "peers",
  "previous",
  "reboot_generation",
  "reboot_reason",
  "reboot_required",
  "restart_pending",
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
}

/** This provider's resources of a plan, by the host that they name; a moved one stands with the host it comes to. */
export function byHost(plan: Plan): HostParts[] {
  const ours = plan.changes.filter(isOurs);
  const names = [
    ...new Set(ours.flatMap((change) => [text(at(change.before, "host")) ?? hostOf(change), hostOf(change)])),
  ];
  return names.map((name) => {
    const own = ours.filter((change) => hostOf(change) === name);
    const ofType = (type: string) => own.filter((change) => change.type === type);
    return {
      plan,
      name,
      host: ofType(types.host)[0] ?? null,
      bindings: ofType(types.binding),
      vms: ofType(types.vm),
    };
  });
}

const notKnown = "(known after apply)";

function hostOf({ before, after }: Change): string {
  const next = at(after, "host");
  if (next === UNKNOWN) return notKnown;
  return text(next) ?? text(at(before, "host")) ?? "(not named)";
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
