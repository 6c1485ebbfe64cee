import { connectionOf, type ConnectionBlock } from "../host/connectionBlock";
import type { Connection } from "../host/types";
import { parseManager, type ManagerReference } from "../model/manager";
import { defaultPreparation, parsePreparation, type RebootPreparation } from "../model/rebootPreparation";
import { usageError } from "./errors";

/** The options of every command that reaches for a host. */
export interface Target {
  readonly port?: number;
  readonly identity?: string;
  readonly hostKey?: string;
}

/** What `passthrough reboot` is to look after. */
export interface RebootSubject {
  readonly name: string;
  readonly connection: Connection;
  /** Digest of the declaration that the deploy applied; null: nobody said. */
  readonly digest: string | null;
  /** Seconds to wait for the host. */
  readonly timeout?: number | undefined;
  /** Whoever asks may look, and prove what runs; a reboot is ordered by hand. */
  readonly manual?: boolean;
  /** What happens to the host before; absent: the defaults. */
  readonly preparation?: RebootPreparation;
  /** What takes the host out of service before; absent or null: what its record says. */
  readonly manager?: ManagerReference | null;
  /** Seconds that devices get to settle. */
  readonly settle?: number | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** `user@host`, `host`, or an alias of the OpenSSH config file. */
export function connectionTo(target: string, { port, identity, hostKey }: Target): Connection {
  const at = target.lastIndexOf("@");
  const host = target.slice(at + 1);
  if (host === "" || at === 0) throw usageError(`"${target}" is no host. Expected user@host or host.`);
  return { host, user: at < 0 ? undefined : target.slice(0, at), port, identityFile: identity, hostKey };
}

/** The host that the stack's reboot event names in the environment, where no shell gets to read it. */
export function rebootOfEvent(env: Environment): RebootSubject {
  const name = env["PASSTHROUGH_HOST"];
  const connection = env["PASSTHROUGH_CONNECTION"];
  if (name === undefined || connection === undefined)
    throw usageError("Which host? Give user@host. Only the stack's own event goes without.");
  return {
    name,
    connection: connectionFrom(connection),
    digest: env["PASSTHROUGH_DIGEST"] ?? null,
    timeout: secondsOf(env, "PASSTHROUGH_REBOOT_TIMEOUT"),
    manual: isManual(env["PASSTHROUGH_REBOOT"]),
    preparation: preparationFrom(env["PASSTHROUGH_BEFORE_REBOOT"]),
    manager: managerFrom(env["PASSTHROUGH_MANAGER"]),
    settle: secondsOf(env, "PASSTHROUGH_REBOOT_SETTLE"),
  };
}

function connectionFrom(json: string): Connection {
  let block: unknown;
  try {
    block = JSON.parse(json);
  } catch {
    block = null;
  }
  if (typeof block !== "object" || block === null || Array.isArray(block))
    throw usageError("PASSTHROUGH_CONNECTION is not the JSON object that the stack's event writes there.");
  return connectionOf(block as ConnectionBlock);
}

function preparationFrom(json: string | undefined): RebootPreparation {
  if (json === undefined || json === "") return defaultPreparation;
  try {
    return parsePreparation(json);
  } catch (error) {
    throw usageError(
      `PASSTHROUGH_BEFORE_REBOOT cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function managerFrom(json: string | undefined): ManagerReference | null {
  if (json === undefined || json === "") return null;
  try {
    return parseManager(JSON.parse(json));
  } catch (error) {
    throw usageError(
      `PASSTHROUGH_MANAGER cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function isManual(mode: string | undefined): boolean {
  if (mode !== undefined && !["", "automatic", "manual"].includes(mode))
    throw usageError(`PASSTHROUGH_REBOOT is "${mode}"; expected automatic or manual.`);
  return mode === "manual";
}

function secondsOf(env: Environment, name: string): number | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw usageError(`${name} is "${text}"; expected a number of seconds.`);
  return value;
}
