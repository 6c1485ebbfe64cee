import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedHost, type EmbeddedHost, type EmbeddedHostOptions } from "../../lib/embedded";

/** Hosts of one test file, each in a folder of its own, gone after it. */
export function hosts() {
  const folders: string[] = [];
  const started: EmbeddedHost[] = [];
  afterAll(async () => {
    await Promise.all(started.map((host) => host.stop()));
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });
  return async (options: Partial<EmbeddedHostOptions> = {}): Promise<EmbeddedHost> => {
    const dir = options.dir ?? mkdtempSync(join(tmpdir(), "embedded-host-"));
    folders.push(dir);
    const host = await startEmbeddedHost({ profile: "proxmox-amd", bootSeconds: 0.1, ...options, dir });
    started.push(host);
    return host;
  };
}

/** Waits for what is bound to come; the limit is for a machine under load. */
export async function until(condition: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("It did not come.");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
