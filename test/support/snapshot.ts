import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";

/** Everything under /etc and /boot of an embedded host, by path. */
export function snapshot(host: EmbeddedHost): Record<string, string> {
  const files: Record<string, string> = {};
  const walk = (path: string): void => {
    for (const name of readdirSync(join(host.root, path))) {
      const inner = `${path}/${name}`;
      const stat = statSync(join(host.root, inner), { throwIfNoEntry: false });
      if (stat?.isDirectory()) walk(inner);
      else if (stat?.isFile()) files[inner] = readFileSync(join(host.root, inner), "base64");
    }
  };
  walk("etc");
  walk("boot");
  return files;
}
