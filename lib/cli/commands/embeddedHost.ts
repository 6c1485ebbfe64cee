import { Option, type Command } from "commander";
import { profileNames, startEmbeddedHost, type EmbeddedHost } from "../../embedded";
import { interrupted, port } from "../options";
import { progressOn } from "../terminal";

interface EmbeddedHostFlags {
  readonly profile: string;
  readonly dir: string;
  readonly port?: number;
  readonly json?: boolean;
}

export function embeddedHostCommand(program: Command): void {
  program
    .command("embedded-host")
    .description(
      "start a host without hardware to try a stack on: real SSH, real scripts, a machine made of files",
    )
    .addOption(
      new Option("--profile <name>", "the machine it plays").choices(profileNames).makeOptionMandatory(),
    )
    .requiredOption("--dir <folder>", "where the host keeps its state")
    .option("--port <number>", "TCP port (default: the one of its last start, at first a free one)", port)
    .option("--json", "print how to reach it as JSON")
    .action(async ({ json, ...options }: EmbeddedHostFlags) => {
      const stop = interrupted();
      const progress = progressOn(process.stderr, { brief: true });
      let host: EmbeddedHost;
      try {
        progress.doing(`starting ${options.profile} in ${options.dir}`);
        host = await startEmbeddedHost(options);
      } finally {
        progress.end();
      }
      process.stdout.write(json ? `${JSON.stringify(access(host), null, 2)}\n` : introduction(host));
      await new Promise((resolve) => {
        if (stop.aborted) resolve(null);
        stop.addEventListener("abort", resolve);
      });
      await host.stop();
    });
}

/** What a connection to the host takes. */
function access({ host, port, clientKeyFile, hostKey, fingerprint, dir }: EmbeddedHost) {
  return { host, port, user: "root", identityFile: clientKeyFile, hostKey, fingerprint, dir };
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
