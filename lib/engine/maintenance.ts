import type { EngineHost } from "../model/engineFacts";
import { guestsOn, maintenanceObstacles } from "../model/engineGuests";
import type { ManagedVm } from "../model/manager";
import type { EngineClient } from "./client";
import { hostOf, items, vmOf } from "./documents";
import type { Engine } from "./engine";
import { EngineError, isNotFound } from "./errors";

/** What is to be undone after a maintenance. */
export interface MaintenanceMark {
  /** Id of the host at the engine. */
  readonly host: string;
  /** We switched it on; somebody else's stays on. */
  readonly ours: boolean;
  /** VMs that were shut down for it. */
  readonly stopped: readonly ManagedVm[];
}

/** Where progress goes. */
export interface MaintenanceWatch {
  say(line: string): void;
  doing(what: string, detail: string): void;
}

export interface MaintenanceOptions extends MaintenanceWatch {
  /** In the engine's events, such as "reboot for passthrough". */
  readonly reason: string;
  /** Called before the engine is asked, so that whatever happens next, a later run knows what to undo. */
  readonly record: (mark: MaintenanceMark) => Promise<void>;
  /** What an earlier run did and nobody has undone. */
  readonly earlier?: MaintenanceMark | null;
  /** VMs that cannot move are shut down, and each gets so many seconds; null: they are an error. */
  readonly shutDown: { readonly seconds: number; readonly powerOff: boolean } | null;
  /** Seconds that its other VMs get to leave. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** In these a host does not come to maintenance by itself. */
const neverDown = ["non_responsive", "error", "down", "install_failed"];
/** In these it was activated a moment ago, such as by a run of ours that was cut off. */
const onItsWay = ["unassigned", "initializing", "connecting"];
/** In these it does not come up by itself. */
const neverUp = ["non_operational", "install_failed", "error", "maintenance"];

/** Seconds from `activate` to being up. */
const activationSeconds = 900;

/**
 * Puts a host into maintenance and waits until its VMs have left: then the engine neither fences it while it reboots
 * nor starts anything there. Of a host that may run the engine's own VM, the engine's agent goes into local
 * maintenance with it. Where it fails on the way, what was recorded is for `resume` to undo.
 *
 * @param name its name or id at the engine
 * @throws an EngineError naming what keeps the host from it
 */
export async function maintenance(
  client: EngineClient,
  engine: Engine,
  name: string,
  options: MaintenanceOptions,
): Promise<void> {
  const { record, earlier = null, signal } = options;
  const read = async () => {
    engine.refresh();
    const all = await engine.facts({ vms: [], hosts: [name] }, signal);
    return { facts: all, host: found(all.hosts, name) };
  };
  let { facts, host } = await read();
  const label = `${host.name} at engine ${client.peer.name}`;
  if (onItsWay.includes(host.status)) {
    await engine.until(["hosts", host.id], ["up", "non_operational", "maintenance"], {
      ...{ timeoutSeconds: activationSeconds, signal, hopeless: neverDown },
      looked: (status, seconds) => options.doing(`waits: ${label} is ${status}`, `${seconds} s`),
    });
    ({ facts, host } = await read());
  }
  const mine = earlier !== null && earlier.host === host.id ? earlier : null;
  if (host.status === "maintenance" && mine === null) {
    options.say(`${label} is in maintenance already, and stays so`);
    return;
  }
  if (!["up", "non_operational", "preparing_for_maintenance", "maintenance"].includes(host.status))
    throw new EngineError(
      "refused",
      `${label} is ${host.status}`,
      "A host goes into maintenance from being up. Mend it at the engine first, or put it into maintenance there.",
    );
  const obstacles = maintenanceObstacles(facts, host, { shutsDown: options.shutDown !== null });
  if (obstacles.length > 0)
    throw new EngineError(
      "refused",
      `${label} cannot go into maintenance`,
      obstacles.map((words) => `${words}.`).join("\n"),
    );
  const isUp = host.status === "up" || host.status === "non_operational";
  const { bound, moving } = guestsOn(facts, host);
  const stopping = bound.map(({ id, name: vm }) => ({ id, name: vm }));
  const asked = bound.filter(({ status }) => status === "powering_down").map(({ id }) => id);
  const kept = (mine?.stopped ?? []).filter(({ id }) => !stopping.some((vm) => vm.id === id));
  await record({ host: host.id, ours: isUp || (mine?.ours ?? false), stopped: [...kept, ...stopping] });

  await shutDown(client, engine, stopping, asked, options);
  if (isUp) {
    const words = moving.map((vm) => `VM ${vm.name}`).join(", ");
    options.say(`${label} goes into maintenance${words === "" ? "" : `, and ${words} to other hosts`}`);
    await client.send("POST", ["hosts", host.id, "deactivate"], { reason: options.reason }, signal);
  }
  await engine.until(["hosts", host.id], ["maintenance"], {
    ...{ timeoutSeconds: options.timeoutSeconds, signal, hopeless: neverDown },
    looked: (status, seconds) => options.doing(`waits: ${label} is ${status}`, `${seconds} s`),
    late: async () => `${await namesOn(client, host)} did not leave it`,
  });
}

/**
 * Activates a host that we put into maintenance, waits until it is up and starts what was shut down for it; a host
 * that somebody else put into maintenance stays there.
 * @throws an EngineError where it does not come up, or a VM does not start
 */
export async function resume(
  client: EngineClient,
  engine: Engine,
  { host, ours, stopped }: MaintenanceMark,
  { say, doing }: MaintenanceWatch,
): Promise<void> {
  const path = ["hosts", host];
  // A host that the engine has lost meanwhile is nobody's to activate.
  const document = ours ? await client.get(path).catch(ifGone) : null;
  if (document !== null) {
    const { name, status } = hostOf(document);
    const label = `${name} at engine ${client.peer.name}`;
    if (status !== "up") {
      if (status === "maintenance" || status === "preparing_for_maintenance") {
        say(`${label} leaves maintenance`);
        await client.send("POST", [...path, "activate"], {});
      }
      await engine.until(path, ["up"], {
        ...{ timeoutSeconds: activationSeconds, hopeless: neverUp },
        looked: (now, seconds) => doing(`waits: ${label} is ${now}`, `${seconds} s`),
      });
    }
  }
  for (const { id, name } of stopped) {
    const vm = await client.get(["vms", id]).catch(ifGone);
    if (vm === null || vmOf(vm).status !== "down") continue;
    say(`VM ${name} of engine ${client.peer.name} starts`);
    await client.send("POST", ["vms", id, "start"], {});
  }
}

/** All at once: each takes its time. Those that were asked already are not asked again. */
async function shutDown(
  client: EngineClient,
  engine: Engine,
  vms: readonly ManagedVm[],
  asked: readonly string[],
  { shutDown: how, say, doing, signal }: MaintenanceOptions,
): Promise<void> {
  if (how === null) return;
  for (const { id, name } of vms) {
    say(`VM ${name} of engine ${client.peer.name} shuts down`);
    if (!asked.includes(id)) await client.send("POST", ["vms", id, "shutdown"], {}, signal);
  }
  for (const { id, name } of vms) {
    const path = ["vms", id];
    const looked = (status: string, seconds: number) =>
      doing(`waits: VM ${name} is ${status}`, `${seconds} s`);
    const down = (timeoutSeconds: number) => engine.until(path, ["down"], { timeoutSeconds, signal, looked });
    try {
      await down(how.seconds);
    } catch (error) {
      if (!how.powerOff || signal?.aborted) throw error;
      say(`VM ${name} of engine ${client.peer.name} does not stop, and is powered off`);
      await client.send("POST", [...path, "stop"], {}, signal);
      await down(60);
    }
  }
}

async function namesOn(client: EngineClient, { id }: EngineHost): Promise<string> {
  const vms = items(await client.get(["vms"]), "vm").map((vm) => vmOf(vm));
  return (
    vms
      .filter(({ runsOn }) => runsOn === id)
      .map(({ name }) => `VM ${name}`)
      .join(", ") || "something"
  );
}

function found(hosts: readonly EngineHost[], name: string): EngineHost {
  const host = hosts.find(({ id }) => id === name) ?? hosts.find((each) => each.name === name);
  if (host !== undefined) return host;
  throw new EngineError(
    "not-found",
    `The engine has no host ${name}`,
    `Its hosts are ${hosts.map((each) => each.name).join(", ") || "none"}.`,
  );
}

function ifGone(error: unknown): null {
  if (isNotFound(error)) return null;
  throw error;
}
