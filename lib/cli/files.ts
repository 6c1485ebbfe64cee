import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../embedded/folder";
import { CliError } from "./errors";

/**
 * Writes files into a folder, which is made where it is missing.
 * @throws a CliError naming every file that is there already, unless `force`; then nothing was written.
 */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>, force: boolean): void {
  const there = Object.keys(files).filter((name) => existsSync(join(folder, name)));
  if (there.length > 0 && !force) {
    const verb = there.length === 1 ? "is" : "are";
    throw new CliError(
      `${there.join(", ")} ${verb} in ${folder} already. Nothing was written. Name another folder with --dir, or ` +
        "overwrite with --force.",
    );
  }
  makeFolder(folder);
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name);
      if (force) replace(path, text);
      else writeFileSync(path, text, { flag: "wx" });
    }
  } catch (error) {
    throw new CliError(
      `Unable to write ${folder}: ${(error as Error).message}. Name another folder with --dir.`,
    );
  }
}

/** Whole or not at all, and not through a link that stands there. */
function replace(path: string, text: string): void {
  const next = `${path}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, text, { flag: "wx" });
  renameSync(next, path);
}
