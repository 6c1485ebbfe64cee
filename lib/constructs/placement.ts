import { join } from "node:path";
import { TerraformProvider, TerraformStack } from "cdktf";
import { bundles } from "../placement/bundles";
import type { Lock } from "../placement/lockFile";
import { place } from "../placement/place";
import { providerSource } from "../placement/source";

/** Lays the provider into the stack's own folder whenever the stack is synthesized: `terraform init` looks there. */
export function placeAtSynth(stack: TerraformStack): void {
  const inner = stack.synthesizer;
  stack.synthesizer = {
    synthesize(session) {
      inner.synthesize(session);
      const { workingDirectory } = session.manifest.forStack(stack);
      place(bundles(), join(session.outdir, workingDirectory), { others: othersOf(stack) });
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
