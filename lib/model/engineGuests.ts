import type { EngineFacts, EngineHost, EngineVm } from "./engineFacts";
import type { ManagedVm } from "./manager";

/** The VMs that run on a host of an engine, by what becomes of them when it goes into maintenance. */
export interface EngineGuests {
  /** The engine moves them to other hosts. */
  readonly moving: readonly EngineVm[];
  /** Pinned to the host, or with devices of it: they run here or not at all. */
  readonly bound: readonly EngineVm[];
  /** The engine's own VM: the agents of hosted engine move it; null where it runs elsewhere. */
  readonly engine: EngineVm | null;
}

export function guestsOn({ vms }: Pick<EngineFacts, "vms">, host: EngineHost): EngineGuests {
  const here = vms.filter((vm) => vm.status !== "down" && vm.runsOn === host.id);
  const guests = here.filter(({ isEngine }) => !isEngine);
  const isBound = (vm: EngineVm) =>
    vm.affinity === "pinned" || (vm.devices ?? []).some(({ placeholder }) => !placeholder);
  return {
    moving: guests.filter((vm) => !isBound(vm)),
    bound: guests.filter(isBound),
    engine: here.find(({ isEngine }) => isEngine) ?? null,
  };
}

export interface EngineRules {
  /** VMs that cannot move are shut down. */
  readonly shutsDown: boolean;
}

/** What keeps a host from maintenance, in words; the engine would say the same, later. */
export function maintenanceObstacles(
  { vms, hosts }: Pick<EngineFacts, "vms" | "hosts">,
  host: EngineHost,
  { shutsDown }: EngineRules,
): string[] {
  const { moving, bound, engine } = guestsOn({ vms }, host);
  const others = hosts.filter(({ id, status }) => id !== host.id && status === "up");
  const agents = others.filter(({ hostedEngine, localMaintenance }) => hostedEngine && !localMaintenance);
  const names = (list: readonly ManagedVm[]) => list.map(({ name }) => `VM ${name}`).join(", ");
  return [
    ...(shutsDown || bound.length === 0
      ? []
      : [
          `${names(bound)} ${bound.length === 1 ? "is" : "are"} pinned to ${host.name} or ${bound.length === 1 ? "has" : "have"} devices of it, and cannot move. ` +
            'Shut down what runs so, or have it done (`beforeReboot: { immovable: "shut-down" }`, or --shut-down-immovable)',
        ]),
    ...(engine !== null && agents.length === 0
      ? [
          `the engine itself runs there, in VM ${engine.name}, and no other host of hosted engine is up to take it. A host that carries its own engine is rebooted by hand: \`hosted-engine --set-maintenance --mode=global\` first`,
        ]
      : []),
    ...(moving.length > 0 && others.length === 0
      ? [`${names(moving)} would move, and no other host of the engine is up`]
      : []),
  ];
}
