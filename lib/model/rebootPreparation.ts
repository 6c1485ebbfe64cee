import { checkNames, type CheckName } from "./rebootChecks";

/** What happens to a host before its reboot. */
export interface RebootPreparation {
  /** Seconds that each guest gets to shut down. */
  readonly shutdownTimeout: number;
  /** What becomes of a guest that does not shut down in time: the reboot is called off, or the guest is powered off. */
  readonly unresponsive: "fail" | "power-off";
  /** Node that takes the guests that can move; null: they are shut down. */
  readonly migrateTo: string | null;
  /** Seconds to wait for what is under way on the host: tasks, backups, package managers, inhibitors. */
  readonly busyTimeout: number;
  /** Seconds that guests get to leave where a manager moves them. */
  readonly migrationTimeout: number;
  /** What becomes of a guest that its manager cannot move: the reboot is called off, or the guest is shut down. */
  readonly immovable: "fail" | "shut-down";
  /** Checks that are told and do not hold the reboot up. */
  readonly despite: readonly CheckName[];
}

export const defaultPreparation: RebootPreparation = {
  shutdownTimeout: 300,
  unresponsive: "fail",
  migrateTo: null,
  busyTimeout: 600,
  migrationTimeout: 1800,
  immovable: "fail",
  despite: [],
};

/** Reads what the stack's event says of it; what it leaves out is as by default. Throws an Error on anything else. */
export function parsePreparation(json: string): RebootPreparation {
  const given = JSON.parse(json) as Partial<Record<keyof RebootPreparation, unknown>>;
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new Error("Expected an object.");
  for (const [key, value] of Object.entries(given)) {
    const check = Object.hasOwn(checks, key) ? checks[key as keyof RebootPreparation] : undefined;
    if (check === undefined || !check(value)) throw new Error(`${key} is ${JSON.stringify(value)}.`);
  }
  return { ...defaultPreparation, ...(given as Partial<RebootPreparation>) };
}

const isSeconds = (value: unknown) => typeof value === "number" && Number.isFinite(value) && value >= 0;

const checks: Readonly<Record<keyof RebootPreparation, (value: unknown) => boolean>> = {
  shutdownTimeout: isSeconds,
  unresponsive: (value) => value === "fail" || value === "power-off",
  migrateTo: (value) => value === null || (typeof value === "string" && isNodeName(value)),
  busyTimeout: isSeconds,
  migrationTimeout: isSeconds,
  immovable: (value) => value === "fail" || value === "shut-down",
  despite: (value) => Array.isArray(value) && value.every((name) => checkNames.includes(name as CheckName)),
};

/** A name that a Proxmox VE node may have: one label of a host name. */
export function isNodeName(name: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(name);
}
