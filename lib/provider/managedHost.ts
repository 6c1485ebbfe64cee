/** Hosts that an oVirt engine or an OpenNebula front end manages: what its reboot asks of them. */
import {
  flushObstacles,
  guestsOn as cloudGuestsOn,
  vmNames,
  type CloudGuests,
} from "../hypervisors/opennebula/drain";
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
  hosts: Hosts,
): ManagerReference | undefined {
  if (managed === null || managed === undefined) return undefined;
  const { engine, front_end: frontEnd, moves } = managed;
  const host = managed.name ?? "";
  const connection = engine === null ? hosts.openBlock(frontEnd ?? "") : hosts.engines.openBlock(engine);
  if (connection === null) return undefined;
  return engine === null
    ? { kind: "opennebula", name: frontEnd ?? "", connection, host, ...(moves === false ? { moves } : {}) }
    : { kind: "ovirt", name: engine, connection, host };
}

/** What must be set together. */
export function managedProblems({
  host,
  managed_by: managed,
}: Pick<IommuHostState, "host" | "managed_by">): Diagnostic[] {
  if (managed === null || managed === undefined) return [];
  const summary = `Unable to use managed_by of ${host ?? ""}`;
  const { engine, front_end: frontEnd, immovable } = managed;
  return [
    ...((engine === null) === (frontEnd === null)
      ? [
          failure(
            summary,
            "Expected either the name of one of the provider's `engines` (`engine`) or of one of its `hosts` (`front_end`).",
            ["managed_by"],
          ),
        ]
      : []),
    ...(immovable === null || immovable === "fail" || immovable === "shut-down"
      ? []
      : [failure(summary, `immovable is "${immovable}". Expected fail or shut-down.`, ["managed_by"])]),
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
  const { engine } = managed;
  try {
    if (engine === null) return await frontEndNotices(name, managed, hosts, signal, against);
    const login = manual ? null : hosts.engines.eventLogin(engine);
    return [
      ...(login === null
        ? []
        : [against(`The reboot of ${name} could not log in to its engine`, login, ["managed_by"])]),
      ...(await engineNotices(name, managed, hosts, signal, against)),
    ];
  } catch (error) {
    if (asks) throw error;
    const place = managerWords(
      engine === null
        ? { kind: "opennebula", name: managed.front_end ?? "" }
        : { kind: "ovirt", name: engine },
    );
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

async function frontEndNotices(
  name: string,
  managed: Managed,
  hosts: Hosts,
  signal: AbortSignal,
  against: typeof failure,
): Promise<Diagnostic[]> {
  const frontEnd = managed.front_end ?? "";
  const sight = await hosts.look(frontEnd, null, signal);
  if (sight.kind !== "seen") return sight.kind === "assumed" ? [sight.notice] : [];
  const label = `${managed.name ?? ""} at OpenNebula ${frontEnd}`;
  let guests: CloudGuests;
  try {
    guests = cloudGuestsOn(sight.facts, frontEnd, managed.name ?? "", managed.moves ?? true);
  } catch (error) {
    return [against(`${label} cannot be taken out of service`, wordsOf(error), ["managed_by"])];
  }
  const obstacles = flushObstacles(guests, managed.immovable === "shut-down");
  if (obstacles.length > 0)
    return [
      against(
        `${name} cannot leave service for its reboot`,
        [`${label} is disabled before it, and:`, ...obstacles.map((words) => `  - ${words}`)].join("\n"),
        ["managed_by"],
      ),
    ];
  const { moving, bound, isClosed } = guests;
  return [
    warning(
      isClosed ? `${label} is disabled` : `The reboot of ${name} disables ${label}`,
      [
        isClosed
          ? `Somebody has disabled it, and so it stays after the reboot of ${name}.`
          : "Before it, and enables it again once it is proven.",
        ...(moving.length > 0 ? [`To other hosts move: ${vmNames(moving)}.`] : []),
        ...(bound.length > 0 ? [`Powered off, and resumed after it: ${vmNames(bound)}.`] : []),
      ].join(" "),
    ),
  ];
}
