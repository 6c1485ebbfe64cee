/** The built `passthrough` command, run as a user runs it. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { finished, type Run } from "./terraform";

export const command = join(__dirname, "..", "..", "dist", "passthrough.cjs");

interface Where {
  readonly cwd?: string;
  /** Beside the environment of the tests, without what the stack's event would set. */
  readonly env?: NodeJS.ProcessEnv;
  /** What the command reads. */
  readonly stdin?: Buffer;
}

export function startPassthrough(args: readonly string[], { cwd, env, stdin }: Where = {}): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("PASSTHROUGH_"));
  const child = spawn(process.execPath, [command, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.end(stdin);
  return child;
}

export function passthrough(args: readonly string[], where?: Where): Promise<Run> {
  return finished(startPassthrough(args, where));
}

/** What says `host` on the command line. */
export function target(host: EmbeddedHost): string[] {
  return [
    `root@${host.host}`,
    ...["--port", String(host.port)],
    ...["--identity", host.clientKeyFile],
    ...["--host-key", host.hostKey],
  ];
}
