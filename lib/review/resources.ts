import {
  iommuHostSchema,
  ovirtHostSchema,
  openNebulaNetworkSchema,
  openNebulaPciSchema,
  resourceSchemas,
  vfioBindingSchema,
  virtualFunctionsSchema,
  vmSchema,
  type Attributes,
} from "../schema";
import type { ActionWord, PlaceKind } from "./types";
import type { Change, Plan } from "./plan";
import { at, isMap, text, UNKNOWN, type View } from "./views";

/** This provider's resources, by type. */
export const types = {
  host: iommuHostSchema.typeName,
  binding: vfioBindingSchema.typeName,
  functions: virtualFunctionsSchema.typeName,
  vm: vmSchema.typeName,
} as const;

/** It holds devices of a host for guests. */
export function holdsDevices({ type }: Pick<Change, "type">): boolean {
  return type === types.binding || type === types.functions;
}

/** What else than a host a resource can be about: by its type, or by a VM's hypervisor. */
const managers: Readonly<Record<string, PlaceKind>> = {
  [ovirtHostSchema.typeName]: "engine",
  ovirt: "engine",
  [openNebulaNetworkSchema.typeName]: "front-end",
  [openNebulaPciSchema.typeName]: "front-end",
  opennebula: "front-end",
};

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
  "owned",
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
  readonly kind: PlaceKind;
  readonly host: Change | null;
  /** Bindings and virtual functions. */
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
    const [host, vms] = [ofType(types.host)[0] ?? null, ofType(types.vm)];
    const bindings = own.filter(holdsDevices);
    const others = own.filter(
      (one) => one.type !== types.host && one.type !== types.vm && !holdsDevices(one),
    );
    const kind = host === null && bindings.length === 0 ? kindOf([...vms, ...others]) : "host";
    return { plan, name, kind, host, bindings, vms, others };
  });
}

function kindOf(resources: readonly Change[]): PlaceKind {
  const said = resources.flatMap(({ type, before, after }) => [
    managers[type],
    managers[text(at(isMap(after) ? after : before, "hypervisor")) ?? ""],
  ]);
  return said.find((kind) => kind !== undefined) ?? "host";
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
  const value = at(view, "host") ?? at(view, "engine");
  if (value === UNKNOWN) return notKnown;
  const name = text(value) ?? "(not named)";
  if (change.type !== types.vm) return name;
  const hosts = plan.changes.filter((one) => one.type === types.host || holdsDevices(one));
  if (hosts.some((host) => namesOf(host).includes(name))) return name;
  const given = plan.declared.find(({ address }) => address === change.declaredAt)?.dependencies ?? [];
  const binding = hosts.find((one) => holdsDevices(one) && given.includes(one.declaredAt));
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
