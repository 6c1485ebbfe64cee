/** Programs that tests run and a fresh machine may lack: Debian's packages bring them, where the tests run as root. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** @throws Error when something is missing and cannot be installed here, with what to do. */
export function needPrograms(programs: Readonly<Record<string, readonly string[]>>): void {
  const folders = (process.env["PATH"] ?? "").split(":");
  const missing = Object.entries(programs).flatMap(([program, packages]) =>
    folders.some((folder) => existsSync(join(folder, program))) ? [] : packages,
  );
  if (missing.length === 0) return;
  const script = join(__dirname, "..", "..", "scripts", "packages.sh");
  const { status, stderr, error } = spawnSync(script, missing, { encoding: "utf8" });
  if (status !== 0) throw new Error(error?.message ?? stderr.trim());
}
