/** Where the bench stands, and where it keeps what it makes. */
import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";

export const here = __dirname;
export const root = join(here, "../..");
export const cache = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "cdktf-passthrough",
  "machine",
);
/** Of this run. */
export const logs = join(cache, "logs", new Date().toISOString().replace(/[:.]/g, "-"));

/** The bench cannot be set up here: that says nothing about what it would have proven. */
export class NotHere extends Error {}

/** Runs a program in the project's folder; it must succeed. */
export function command(program: string, args: readonly string[], env = process.env): void {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit", env });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(" ")} exited with ${status}`);
}
