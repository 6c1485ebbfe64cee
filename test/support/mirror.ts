/** Providers made for a test, placed where the real `terraform` finds them with no registry. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";

export interface MirroredProvider {
  /** The TypeScript file that calls `serve`. */
  readonly entry: string;
  /** `host/namespace/name`, such as `registry.terraform.io/hashicorp/null`. */
  readonly source: string;
  readonly version: string;
}

/** Bundles a provider's entry into the one file that a release is made of. */
export function bundleProvider(entry: string, outfile: string): void {
  buildSync({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    loader: { ".proto": "text", ".sh": "text" },
    logLevel: "error",
  });
}

/** Lays the provider out in `workingDirectory` as Terraform's implied mirror; returns the executable. */
export function placeProvider(workingDirectory: string, provider: MirroredProvider): string {
  return placeIn(join(workingDirectory, "terraform.d"), provider);
}

/** The same for every stack of a user, below a home folder. */
export function placeProviderAtHome(home: string, provider: MirroredProvider): string {
  return placeIn(join(home, ".terraform.d"), provider);
}

function placeIn(parent: string, { entry, source, version }: MirroredProvider): string {
  const name = source.split("/").at(-1) ?? source;
  const folder = join(parent, "plugins", source, version, platform());
  mkdirSync(folder, { recursive: true });
  bundleProvider(entry, join(folder, "provider.cjs"));
  const executable = join(folder, `terraform-provider-${name}_v${version}`);
  // A shell script, because a Node script without an extension would heed a package.json above it.
  writeFileSync(executable, `#!/bin/sh\nexec "${process.execPath}" "$(dirname "$0")/provider.cjs"\n`);
  chmodSync(executable, 0o755);
  return executable;
}

/** As Go names it. */
function platform(): string {
  const arch = { x64: "amd64", ia32: "386" }[process.arch as string] ?? process.arch;
  return `${process.platform}_${arch}`;
}
