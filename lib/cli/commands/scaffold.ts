import { resolve } from "node:path";
import type { Command } from "commander";
import type { Connection } from "../../host/types";
import { writeFiles } from "../files";
import { dial, withTarget } from "../options";
import { projectFiles } from "../scaffold/project";
import { stackOf } from "../scaffold/stack";
import { connectionTo, type Target } from "../target";
import { progressOn } from "../terminal";

interface ScaffoldFlags {
  readonly dir?: string;
  readonly stdout?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function scaffoldCommand(program: Command): void {
  withTarget(program.command("scaffold <host>"))
    .description("write the stack that describes a host as it is; deploying it imports and changes nothing")
    .option("--dir <folder>", "where to write the project (default: the host's name)")
    .option("--stdout", "print main.ts and write nothing")
    .option("--force", "overwrite files that are there")
    .option(
      "--json",
      "print what was written, and what was not described, as JSON; with --stdout main.ts too",
    )
    .action(async (target: string, options: Target & ScaffoldFlags) => {
      const connection = connectionTo(target, options);
      const progress = progressOn(process.stderr, { brief: true });
      const host = dial(target, connection);
      try {
        progress.doing(`reading ${target}`);
        const facts = await host.probe();
        progress.end();
        const stack = stackOf(facts, fromAnywhere(connection));
        const { name, source, leftOut } = stack;
        const print = (json: object, text: string) =>
          void process.stdout.write(options.json ? `${JSON.stringify(json, null, 2)}\n` : text);
        if (options.stdout === true) {
          print({ name, source, leftOut }, source);
          return;
        }
        const folder = resolve(options.dir ?? name);
        const files = projectFiles(stack);
        writeFiles(folder, files, options.force ?? false);
        const names = Object.keys(files);
        print({ name, folder, files: names, leftOut }, written(folder, names, leftOut));
      } finally {
        progress.end();
        await host.close();
      }
    });
}

/** Terraform runs in another folder than this command. */
function fromAnywhere(connection: Connection): Connection {
  const { identityFile } = connection;
  if (identityFile === undefined || identityFile.startsWith("~/")) return connection;
  return { ...connection, identityFile: resolve(identityFile) };
}

function written(folder: string, files: readonly string[], leftOut: readonly string[]): string {
  const missing =
    leftOut.length === 0
      ? []
      : [`main.ts does not describe ${leftOut.length} of what was found; its end says which.`];
  return [
    `${folder}: ${files.join(", ")}`,
    ...missing,
    "Next, in that folder: npm install, npx cdktf diff. The plan imports what is there and changes nothing;",
    "the one resource to add is the reboot event, which proves the host and does not reboot it.",
    "",
  ].join("\n");
}
