import type { EngineHost } from "../model/engineFacts";
import type { EngineClient } from "./client";
import { hostOf, items } from "./documents";
import type { Engine } from "./engine";
import { EngineError } from "./errors";

/** What is to be undone after a maintenance; JSON, to be kept where a later run finds it. */
export interface MaintenanceMark {
  /** Id of the host at the engine. */
  readonly host: string;
  /** We switched it on; somebody else's stays on. */
  readonly ours: boolean;
}

export interface MaintenanceOptions {
  /** In the engine's events, such as "reboot for passthrough". */
  readonly reason: string;
  /** Called before the engine is asked, so that whatever happens next, a later run knows what to switch off. */
  readonly record: (mark: MaintenanceMark) => Promise<void>;
  /** Seconds that its VMs get to leave. @default 1800 */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** In these a host does not come to maintenance by itself. */
const neverDown = ["non_responsive", "error", "down", "install_failed"];
/** In these it does not come up by itself. */
const neverUp = ["non_operational", "install_failed", "error", "maintenance"];

/**
 * Puts a host into maintenance and waits until its VMs have left: then the engine neither fences it while it reboots
 * nor starts anything there. Of a host that may run the engine's own VM, the engine's agent goes into local
 * maintenance with it. Cut off while waiting, the host is activated again.
 *
 * @param name its name or id at the engine
 * @throws an EngineError: the engine refuses while VMs that cannot migrate run there, and names them.
 */
export async function maintenance(
  client: EngineClient,
  engine: Engine,
  name: string,
  { reason, record, timeoutSeconds = 1800, signal }: MaintenanceOptions,
): Promise<MaintenanceMark> {
  const host = await findHost(client, name, signal);
  if (host.status === "maintenance") return { host: host.id, ours: false };
  if (host.status !== "up" && host.status !== "non_operational")
    throw new EngineError(
      "refused",
      `${host.name} is ${host.status}`,
      "A host goes into maintenance from being up. Mend it at the engine first, or put it into maintenance there.",
    );
  const mark: MaintenanceMark = { host: host.id, ours: true };
  await record(mark);
  const path = ["hosts", host.id];
  try {
    await client.send("POST", [...path, "deactivate"], { reason }, signal);
    await engine.until(path, ["maintenance"], timeoutSeconds, signal, neverDown);
  } catch (error) {
    // Not under the signal: a host is not left half way.
    await resume(client, engine, mark).catch(() => undefined);
    throw error;
  }
  return mark;
}

/**
 * Activates a host that we put into maintenance and waits until it is up; one that somebody else did stays.
 * @throws an EngineError where it does not come up.
 */
export async function resume(
  client: EngineClient,
  engine: Engine,
  mark: MaintenanceMark,
  { timeoutSeconds = 900, signal }: { timeoutSeconds?: number; signal?: AbortSignal } = {},
): Promise<void> {
  if (!mark.ours) return;
  const path = ["hosts", mark.host];
  const { status } = hostOf(await client.get(path, {}, signal));
  if (status === "up") return;
  if (status === "maintenance" || status === "preparing_for_maintenance")
    await client.send("POST", [...path, "activate"], {}, signal);
  await engine.until(path, ["up"], timeoutSeconds, signal, neverUp);
}

async function findHost(
  client: EngineClient,
  name: string,
  signal: AbortSignal | undefined,
): Promise<EngineHost> {
  const hosts = items(await client.get(["hosts"], {}, signal), "host").map((host) => hostOf(host));
  const found = hosts.find((host) => host.id === name) ?? hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  throw new EngineError(
    "not-found",
    `The engine has no host ${name}`,
    `Its hosts are ${hosts.map((host) => host.name).join(", ") || "none"}.`,
  );
}
