/** What several commands share: the options that say how a host is reached, and how values are read. */
import { InvalidArgumentError, type Command } from "commander";
import { createHost } from "../host/host";
import { createSession } from "../host/session";
import type { Connection, Host } from "../host/types";

/** Adds the options of a command that reaches for a host. */
export function withTarget(command: Command): Command {
  return command
    .option("--port <number>", "TCP port of its SSH server", port)
    .option("--identity <file>", "private key file")
    .option("--host-key <key>", "pinned host key: `ssh-ed25519 AAAA...` or `SHA256:...`");
}

/** `patient` dials again after a failure that may pass. */
export function dial(name: string, connection: Connection, patient = true): Host {
  return createHost(name, createSession(name, connection, patient ? {} : { retries: 0 }));
}

export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("Expected a number of seconds.");
  return value;
}

export function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw new InvalidArgumentError("Expected a TCP port, 1 to 65535.");
  return value;
}

/** Fires at the first Ctrl-C; Terraform's own reaches this process too. */
export function interrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}
