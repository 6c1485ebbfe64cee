/** What decides from elsewhere which guests run on a host: an oVirt engine, an OpenNebula front end. */
export const managerKinds = ["ovirt", "opennebula"] as const;
export type ManagerKind = (typeof managerKinds)[number];

/** One host as its manager knows it; JSON, without anything secret. */
export interface ManagerReference {
  readonly kind: ManagerKind;
  /** Name of the manager in the stack. */
  readonly name: string;
  /** How it is reached, in the words of the provider block. */
  readonly connection: Readonly<Record<string, unknown>>;
  /** Name or id of the host there. */
  readonly host: string;
  /** OpenNebula: its VMs are to move. @default true */
  readonly moves?: boolean;
}

/** What a manager did with a host before its reboot; JSON, kept on the host until it is undone. */
export interface ManagedMark {
  readonly manager: ManagerReference;
  /** Id of the host there. */
  readonly host: string;
  /** We took it out of service; what somebody else took out stays out. */
  readonly ours: boolean;
  /** VMs that could not move and were shut down; they start again. */
  readonly stopped: readonly ManagedVm[];
}

export interface ManagedVm {
  readonly id: string;
  readonly name: string;
}

const places: Readonly<Record<ManagerKind, string>> = { ovirt: "engine", opennebula: "OpenNebula" };
const leaving: Readonly<Record<ManagerKind, string>> = { ovirt: "in maintenance", opennebula: "disabled" };

/** `engine lab` */
export function managerWords({ kind, name }: Pick<ManagerReference, "kind" | "name">): string {
  return `${places[kind]} ${name}`;
}

/** `kvm1 is in maintenance at engine lab` */
export function markWords({ manager, ours, stopped }: ManagedMark): string {
  const place = `at ${managerWords(manager)}`;
  return [
    ...(ours ? [`${manager.host} is ${leaving[manager.kind]} ${place}`] : []),
    ...(stopped.length > 0 ? [`${vmWords(stopped)} shut down ${place}`] : []),
  ].join(", and ");
}

/** `VM db (12), VM web (13)` */
export function vmWords(vms: readonly ManagedVm[]): string {
  return vms.map(({ id, name }) => (/^\d+$/.test(id) ? `VM ${id} (${name})` : `VM ${name}`)).join(", ");
}

/** The same host of the same manager, however it is reached. */
export function sameManaged(one: ManagerReference, other: ManagerReference): boolean {
  return one.kind === other.kind && one.name === other.name && one.host === other.host;
}

/** Reads what the stack's event or a record says. Throws an Error on anything else. */
export function parseManager(given: unknown): ManagerReference {
  const { kind, name, connection, host, moves } = (given ?? {}) as Partial<
    Record<keyof ManagerReference, unknown>
  >;
  const known = managerKinds.find((each) => each === kind);
  if (known === undefined || typeof name !== "string" || typeof host !== "string" || !isRecord(connection))
    throw new Error("Expected an object with kind, name, connection and host.");
  return { kind: known, name, connection, host, ...(moves === false ? { moves } : {}) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
