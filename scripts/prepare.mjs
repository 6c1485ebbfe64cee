/** What every command of a fresh clone needs: Node, Terraform or OpenTofu, the packages, and the built package. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Returns the name of the program that plays Terraform. */
export function prepare() {
  if (Number(process.versions.node.split(".")[0]) < 20)
    fail(`Node.js 20.9 or newer is needed, and this is ${process.version} (nodejs.org).`);
  const terraform = ["terraform", "tofu"].find(
    (name) => spawnSync(name, ["version"], { stdio: "ignore" }).status === 0,
  );
  if (terraform === undefined)
    fail(
      "Neither terraform nor tofu is on the PATH. Install Terraform 1.5 or newer (developer.hashicorp.com/terraform/install) " +
        "or OpenTofu (opentofu.org/docs/intro/install), then run this again.",
    );
  if (!existsSync(join(root, "node_modules", ".package-lock.json")))
    run("npm", ["ci", "--no-audit", "--no-fund"]);
  run(process.execPath, [join(root, "scripts", "build.mjs")]);
  return terraform;
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) fail(`${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

/** What went wrong, for whoever typed the command. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}
