import { readFileSync } from "node:fs";
import { Client } from "ssh2";
import type { EmbeddedHost } from "../../lib/embedded";

/**
 * Runs a command on an embedded host, as somebody logged in there would; it must succeed. A word that starts with a
 * slash is a path of the host.
 */
export function sh(host: EmbeddedHost, command: string): Promise<string> {
  const client = new Client();
  return new Promise<string>((resolve, reject) => {
    client.on("error", reject).on("ready", () => {
      client.exec(command.replaceAll(" /", ' "$PASSTHROUGH_ROOT"/'), (error, stream) => {
        if (error) return reject(error);
        let output = "";
        stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
        stream.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
        stream.on("close", (code: number) =>
          code === 0
            ? resolve(output.trim())
            : reject(new Error(`${command} exited with ${code}: ${output}`)),
        );
      });
    });
    client.connect({
      host: host.host,
      port: host.port,
      username: "root",
      privateKey: readFileSync(host.clientKeyFile),
    });
  }).finally(() => client.end());
}
