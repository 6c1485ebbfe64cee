import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { bundles } from "../../placement/bundles";
import { place } from "../../placement/place";
import { providerSource } from "../../placement/source";
import { CliError } from "../errors";

export function installProviderCommand(program: Command): void {
  program
    .command("install-provider")
    .description("put the provider where a project in Terraform's own language finds it, with no registry")
    .option("--dir <project>", "the root module's folder", ".")
    .option("--json", "print where it is as JSON")
    .action(({ dir, json }: { dir: string; json?: boolean }) => {
      const folder = resolve(dir);
      const made = bundles();
      checkProject(folder);
      try {
        // Which versions to take is the configuration's to say, and ours says nothing of older and newer.
        place(made, folder, { exact: false });
      } catch (error) {
        throw new CliError(
          `Unable to install the provider in ${folder}: ${(error as Error).message}. Mend that and run this again.`,
        );
      }
      const { version } = made;
      const placed = {
        source: providerSource,
        version,
        provider: join(folder, "terraform.d", "plugins", ...providerSource.split("/"), version),
        command: join(folder, "passthrough", "passthrough.cjs"),
      };
      process.stdout.write(json ? `${JSON.stringify(placed, null, 2)}\n` : instructions(placed));
    });
}

function checkProject(folder: string): void {
  try {
    if (!statSync(folder).isDirectory()) throw new Error("it is not a folder");
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new CliError(
      `Unable to install the provider in ${folder}: ${(error as Error).message}. ` +
        "--dir names the folder that terraform runs in; this user must be able to write there.",
    );
  }
}

function instructions({
  provider,
  command,
}: {
  readonly provider: string;
  readonly command: string;
}): string {
  return `provider: ${provider}
command:  ${command}
Run this again after each update of cdktf-passthrough, then terraform init. In the configuration, without a version:

  terraform {
    required_providers {
      passthrough = { source = "${providerSource}" }
    }
  }
`;
}
