import { Command, InvalidArgumentError, Option } from "commander";
import { profileNames, startEmbeddedHost, type EmbeddedHost } from "../embedded";
import { isNotUpYet } from "../host/errors";
import { createHost } from "../host/host";
import { createSession } from "../host/session";
import type { Connection, Host } from "../host/types";
import { CliError } from "./errors";
import { inspect } from "./inspect";
import { reboot } from "./reboot";
import { connectionTo, rebootOfEvent, type RebootSubject, type Target } from "./target";

const defaults = { timeout: 20 * 60, settle: 20 };

function program(): Command {
  const passthrough = new Command("passthrough")
    .description("PCI passthrough as code: the commands beside `cdktf diff` and `cdktf deploy`.")
    .showHelpAfterError("(passthrough --help lists the commands)");

  withTarget(passthrough.command("inspect <host>"))
    .description("Show the PCI devices of a host: address, ids and class, IOMMU group, driver, VM, name.")
    .option("--json", "print JSON")
    .action(async (target: string, options: Target & { json?: boolean }) => {
      const host = dial(target, connectionTo(target, options), true);
      try {
        process.stdout.write(inspect(await host.probe(), { json: options.json ?? false }));
      } finally {
        await host.close();
      }
    });

  withTarget(passthrough.command("reboot [host]"))
    .description(
      "Reboot a host if its declared boot state is not what runs, and prove the result. The stack's own event runs this.",
    )
    .option("--force", "reboot again although the last reboot for this declaration did not help")
    .option("--timeout <seconds>", "how long to wait for the host to come back", seconds)
    .option("--settle <seconds>", "how long devices may take after the boot before the proof counts", seconds)
    .action(async (target: string | undefined, options: Target & RebootFlags) => {
      const subject = target === undefined ? rebootOfEvent(process.env) : byHand(target, options);
      await reboot(
        {
          name: subject.name,
          digest: subject.digest,
          force: options.force ?? false,
          timeout: options.timeout ?? subject.timeout ?? defaults.timeout,
          settle: options.settle ?? subject.settle ?? defaults.settle,
        },
        {
          dial: (patient) => dial(subject.name, subject.connection, patient),
          isNotUpYet,
          say: (line) => void process.stdout.write(`${line}\n`),
          signal: interrupted(),
        },
      );
    });

  passthrough
    .command("embedded-host")
    .description(
      "Start a host without hardware to try a stack on: real SSH, real scripts, a machine made of files.",
    )
    .addOption(
      new Option("--profile <name>", "the machine it plays").choices(profileNames).makeOptionMandatory(),
    )
    .requiredOption("--dir <folder>", "where the host keeps its state")
    .option("--port <number>", "TCP port (default: the one of its last start, at first a free one)", port)
    .action(async (options: { profile: string; dir: string; port?: number }) => {
      const stop = interrupted();
      const host = await startEmbeddedHost(options);
      process.stdout.write(introduction(host));
      await new Promise((resolve) => {
        if (stop.aborted) resolve(null);
        stop.addEventListener("abort", resolve);
      });
      await host.stop();
    });

  return passthrough;
}

interface RebootFlags {
  readonly force?: boolean;
  readonly timeout?: number;
  readonly settle?: number;
}

function withTarget(command: Command): Command {
  return command
    .option("--port <number>", "TCP port of its SSH server", port)
    .option("--identity <file>", "private key file")
    .option("--host-key <key>", "pinned host key, `ssh-ed25519 AAAA...` or `SHA256:...`");
}

function byHand(target: string, options: Target): RebootSubject {
  return { name: target, connection: connectionTo(target, options), digest: null };
}

function introduction(host: EmbeddedHost): string {
  return `address:     ${host.host}:${host.port}
user:        root
private key: ${host.clientKeyFile}
host key:    ${host.hostKey}
Look at it:  npx passthrough inspect root@${host.host} --port ${host.port} --identity '${host.clientKeyFile}' --host-key ${host.fingerprint}
Stop it with Ctrl-C; its state stays in ${host.dir}.
`;
}

function dial(name: string, connection: Connection, patient: boolean): Host {
  return createHost(name, createSession(name, connection, patient ? {} : { retries: 0 }));
}

/** Fires at the first Ctrl-C; Terraform's own reaches this process too. */
function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("Expected a number of seconds.");
  return value;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw new InvalidArgumentError("Expected a TCP port, 1 to 65535.");
  return value;
}

// `passthrough inspect | head`: nobody reads any more, which is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

program()
  .parseAsync()
  .catch((error: unknown) => {
    // As the parser of the arguments words its own.
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof CliError ? error.exitCode : 1;
  });
