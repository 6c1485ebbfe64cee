/** A cdktf project of its own, as a user has it: an example's files and the packages it imports. */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { root } from "./prepare.mjs";

export function makeProject(example, folder) {
  const installed = join(folder, "node_modules");
  mkdirSync(installed, { recursive: true });
  for (const file of ["main.ts", "cdktf.json"])
    cpSync(join(root, "examples", example, file), join(folder, file));
  for (const name of readdirSync(join(root, "node_modules")))
    symlinkSync(join(root, "node_modules", name), join(installed, name));
  installPackage(join(installed, "cdktf-passthrough"));
}

/** What npm would install of this package: a build of the checkout leaves it alone. */
function installPackage(folder) {
  mkdirSync(folder);
  for (const name of ["package.json", "dist"])
    cpSync(join(root, name), join(folder, name), { recursive: true });
}
