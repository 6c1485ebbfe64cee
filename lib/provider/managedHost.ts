/** Hosts that an oVirt engine or an OpenNebula front end manages: what its reboot asks of them. */
import { findHost } from "../hypervisors/ovirt/virtualMachine";
import { guestsOn, maintenanceObstacles } from "../model/engineGuests";
import { managerWords, type ManagerReference } from "../model/manager";
import type { RebootState } from "../model/reboot";
import type { Diagnostic } from "../plugin/types";
import type { IommuHostState } from "../schema";
import { failure, warning, wordsOf } from "./diagnostics";
import type { Hosts } from "./hosts";

type Managed = NonNullable<IommuHostState["managed_by"]>;

/** What takes the host out of service, as it is left on the host; undefined: nothing, or nothing that is known yet. */
export function managerOf(
  { managed_by: managed }: Pick<IommuHostState, "managed_by">,
  { engines }: Hosts,
): ManagerReference | undefined {
  if (managed === null || managed === undefined) return undefined;
  const engine = managed.engine ?? "";
  const connection = engines.openBlock(engine);
  return connection === null
    ? undefined
    : { kind: "ovirt", name: engine, connection, host: managed.name ?? "" };
}

/** What must be set together. */
export function managedProblems({
  host,
  managed_by: managed,
}: Pick<IommuHostState, "host" | "managed_by">): Diagnostic[] {
  if (managed === null || managed === undefined || managed.engine !== null) return [];
  return [
    failure(
      `Unable to use managed_by of ${host ?? ""}`,
      "It names no engine. Expected the name of one of the provider's `engines`.",
      ["managed_by"],
    ),
  ];
}

/**
 * What becomes of the guests where a reboot is due, and what cannot leave; asked of the manager.
 * @param asks somebody asks for this reboot now: what speaks against it is an error
 */
export async function managerNotices(
  name: string,
  declared: IommuHostState,
  { required }: RebootState,
  hosts: Hosts,
  signal: AbortSignal,
  asks: boolean,
): Promise<Diagnostic[]> {
  const { managed_by: managed, reboot } = declared;
  if (!required || managed === null || managed === undefined) return [];
  const manual = reboot === "manual";
  const against = asks && !manual ? failure : warning;
  try {
    const login = manual ? null : hosts.engines.eventLogin(managed.engine ?? "");
    return [
      ...(login === null
        ? []
        : [against(`The reboot of ${name} could not log in to its engine`, login, ["managed_by"])]),
      ...(await engineNotices(name, managed, hosts, signal, against)),
    ];
  } catch (error) {
    if (asks) throw error;
    const place = managerWords({ kind: "ovirt", name: managed.engine ?? "" });
    return [warning(`${place} was not asked who leaves ${name} before its reboot`, wordsOf(error))];
  }
}

async function engineNotices(
  name: string,
  managed: Managed,
  { engines }: Hosts,
  signal: AbortSignal,
  against: typeof failure,
): Promise<Diagnostic[]> {
  const engine = managed.engine ?? "";
  const hostName = managed.name ?? "";
  const where = { host: engine, vm_id: null, pin_to: hostName, machine_id: null };
  const sight = await engines.look(where, null, signal);
  if (sight.kind !== "seen") return sight.kind === "assumed" ? [sight.notice] : [];
  const host = findHost(sight.facts, hostName);
  const label = `${hostName} at engine ${engine}`;
  if (host === null) {
    const there = sight.facts.hosts.map((each) => each.name).join(", ") || "none";
    return [
      against(`There is no host ${hostName} at engine ${engine}`, `It has ${there}. Correct the name.`, [
        "managed_by",
      ]),
    ];
  }
  if (host.status === "maintenance")
    return [
      warning(
        `${label} is in maintenance`,
        `Somebody put it there, and there it stays after the reboot of ${name}.`,
      ),
    ];
  const shutsDown = managed.immovable === "shut-down";
  const obstacles = maintenanceObstacles(sight.facts, host, { shutsDown });
  if (obstacles.length > 0)
    return [
      against(
        `${name} cannot leave service for its reboot`,
        [`${label} goes into maintenance before it, and:`, ...obstacles.map((words) => `  - ${words}`)].join(
          "\n",
        ),
        ["managed_by"],
      ),
    ];
  const { moving, bound, engine: own } = guestsOn(sight.facts, host);
  const vms = (list: readonly { readonly name: string }[]) => list.map((vm) => `VM ${vm.name}`).join(", ");
  return [
    warning(
      `The reboot of ${name} puts ${label} into maintenance`,
      [
        "Before it, and active again once it is proven.",
        ...(moving.length > 0 ? [`To other hosts move: ${vms(moving)}.`] : []),
        ...(bound.length > 0 ? [`Shut down, and started again after it: ${vms(bound)}.`] : []),
        ...(own === null ? [] : [`The engine's own VM ${own.name} moves too: it is away for a moment.`]),
      ].join(" "),
    ),
  ];
}
