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
import { TerraformProvider, TerraformStack } from "cdktf";
import { bundles, type Bundles } from "./bundles";
import { lockedVersion, packageHash, withLock, type Lock } from "./lockFile";
import { providerSource } from "./source";

/** Where Terraform may run. */
const platforms = ["linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"];

/** Lays the provider into the stack's own folder whenever the stack is synthesized: `terraform init` looks there. */
export function placeAtSynth(stack: TerraformStack): void {
  const inner = stack.synthesizer;
  stack.synthesizer = {
    synthesize(session) {
      inner.synthesize(session);
      const { workingDirectory } = session.manifest.forStack(stack);
      place(bundles(), join(session.outdir, workingDirectory), othersOf(stack));
    },
  };
}

/**
 * The stack's other providers, hashes left to `terraform init`. Where one of them was missing in the lock file the
 * cdktf CLI would call `terraform providers lock`, which knows no provider but a registry's, so not this one.
 */
function othersOf(stack: TerraformStack): Lock[] {
  return stack.node.findAll().flatMap((construct) => {
    if (!(construct instanceof TerraformProvider) || TerraformStack.of(construct) !== stack) return [];
    const source = fullSource(construct.terraformProviderSource ?? construct.terraformResourceType);
    const version = construct.terraformGeneratorMetadata?.providerVersion ?? "";
    // A range of versions is for Terraform to choose from.
    const isExact = /^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version);
    return isExact && source !== providerSource ? [{ source, version, hashes: [] }] : [];
  });
}

/** `null` and `hashicorp/null` as the lock file writes them. */
function fullSource(source: string): string {
  const parts = source.split("/");
  return ["registry.terraform.io", "hashicorp"]
    .slice(0, Math.max(0, 3 - parts.length))
    .concat(parts)
    .join("/");
}

/** Idempotent: what is already there is not touched, what is of another version is removed. */
export function place(bundles: Bundles, folder: string, others: readonly Lock[] = []): void {
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
  const ours = { source: providerSource, version, hashes: [packageHash(files)] };
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
