import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the build made, as it is laid into a stack's folder. */
export interface Bundles {
  /** The provider, one self-contained file. */
  readonly provider: Buffer;
  /** The command that the reboot event runs, one self-contained file. */
  readonly command: Buffer;
  /** Starts the provider. */
  readonly launcher: Buffer;
  /**
   * Made from the content: Terraform's plugin cache is shared by all projects of a machine and trusts the version, so
   * that two contents must never have the same one. It says nothing of older and newer.
   */
  readonly version: string;
}

// A script, because a Node script without an extension would heed a package.json above it.
const launcher = `#!/bin/sh
command -v node >/dev/null 2>&1 || {
  echo "cdktf-passthrough needs Node.js, and there is no node in the PATH that Terraform was started with." >&2
  exit 1
}
exec node "\${0%/*}/provider.cjs" "$@"
`;

let loaded: Bundles | undefined;

/** The bundles that belong to this library. */
export function bundles(): Bundles {
  return (loaded ??= readBundles(bundleFolder()));
}

export function readBundles(folder: string): Bundles {
  const read = (name: string): Buffer => {
    const path = join(folder, name);
    if (!existsSync(path)) throw notBuilt(path);
    return readFileSync(path);
  };
  const provider = read("provider.cjs");
  const script = Buffer.from(launcher);
  const digest = createHash("sha256").update(script).update(provider).digest();
  return {
    provider,
    command: read("passthrough.cjs"),
    launcher: script,
    version: `0.1.${digest.readUInt32BE()}`,
  };
}

/** Beside the command or the compiled library; in the checkout, where the build puts them. */
function bundleFolder(): string {
  const places = [__dirname, join(__dirname, ".."), join(__dirname, "..", "..", "dist")];
  return places.find((folder) => existsSync(join(folder, "provider.cjs"))) ?? join(__dirname, "..");
}

export const notBuilt = (missing: string): Error =>
  new Error(
    `The provider is not built: ${missing} is missing. Run \`npm run build\` in the checkout of cdktf-passthrough, or ` +
      "install the package again.",
  );
