import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { Client } from "ssh2";
import type { EmbeddedHost } from "../../lib/embedded";

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  /** null: the connection dropped, or a signal ended it. */
  readonly code: number | null;
}

/** One connection, one command, `script` on its stdin: what a plain SSH client sees. */
export function ssh(host: EmbeddedHost, command: string, script = ""): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("error", reject);
    client.on("ready", () => {
      client.exec(command, (error, channel) => {
        if (error) {
          reject(error);
          return;
        }
        let stdout = "";
        let stderr = "";
        let code: number | null = null;
        channel.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
        channel.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
        channel.on("exit", (status: number | null) => (code = status));
        const done = () => {
          client.end();
          resolve({ stdout, stderr, code });
        };
        channel.on("close", done);
        client.on("close", done);
        channel.end(script);
      });
    });
    const sock = connect({ host: host.host, port: host.port }).setNoDelay(true);
    sock.on("error", reject);
    client.connect({
      sock,
      username: "root",
      privateKey: readFileSync(host.clientKeyFile),
      readyTimeout: 20_000,
    });
  });
}

/** Runs a script with `sh -s`, as this project's own sessions do. */
export const script = (host: EmbeddedHost, text: string): Promise<Ran> => ssh(host, "sh -s", text);
