import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Bundles } from "./bundles";
import { lockedVersion, packageHash, withLock, type Lock } from "./lockFile";
import { providerSource } from "./source";

/** Where Terraform may run. */
const platforms = ["linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"];

export interface Placement {
  /** Other providers that the lock file must name. @default none */
  readonly others?: readonly Lock[];
  /** The configuration asks for exactly this version. @default true */
  readonly exact?: boolean;
}

/**
 * Lays the provider and the reboot command into a Terraform working directory, and locks the provider. Idempotent: what
 * is already there is not touched, what is of another version is removed.
 */
export function place(bundles: Bundles, folder: string, { others = [], exact = true }: Placement = {}): void {
  const { version } = bundles;
  const files = {
    [`terraform-provider-passthrough_v${version}`]: bundles.launcher,
    "provider.cjs": bundles.provider,
  };
  const mirror = join(folder, "terraform.d", "plugins", ...providerSource.split("/"));
  removeOthers(mirror, version);
  for (const platform of platforms) {
    // Terraform runs the launcher only; one mode for all is one thing less to get wrong when files are copied.
    for (const [name, content] of Object.entries(files))
      write(join(mirror, version, platform, name), content, 0o755);
  }
  write(join(folder, "passthrough", "passthrough.cjs"), bundles.command, 0o755);

  const lock = join(folder, ".terraform.lock.hcl");
  const before = existsSync(lock) ? readFileSync(lock, "utf8") : "";
  const missing = others.filter((other) => lockedVersion(before, other.source) !== other.version);
  const ours = { source: providerSource, version, hashes: [packageHash(files)], exact };
  write(lock, Buffer.from([ours, ...missing].reduce(withLock, before)), 0o644);
}

function removeOthers(mirror: string, version: string): void {
  if (!existsSync(mirror)) return;
  for (const other of readdirSync(mirror)) {
    if (other !== version) rmSync(join(mirror, other), { recursive: true, force: true });
  }
}

function write(path: string, content: Buffer, mode: number): void {
  const there = existsSync(path);
  if (!there || !readFileSync(path).equals(content)) {
    mkdirSync(dirname(path), { recursive: true });
    // Never written in place: a Terraform of another terminal may be running the old one.
    const next = `${path}.new`;
    writeFileSync(next, content);
    renameSync(next, path);
  }
  if ((statSync(path).mode & 0o777) !== mode) chmodSync(path, mode);
}
