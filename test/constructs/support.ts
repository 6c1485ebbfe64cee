/** Stacks for the tests of the constructs, with bundles that need no build. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Testing, TerraformStack, type App } from "cdktf";
import { readBundles, type Bundles } from "../../lib/placement/bundles";
import { IommuHost, type IommuHostProps } from "../../lib";

/** Bundles whose provider does nothing; another text is another version. */
export function fakeBundles(text = "// provider"): Bundles {
  const folder = mkdtempSync(join(tmpdir(), "bundles-"));
  try {
    writeFileSync(join(folder, "provider.cjs"), text);
    writeFileSync(join(folder, "passthrough.cjs"), "// command");
    return readBundles(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of no project: the owner of its hosts is their path alone. */
const newApp = (): App => Testing.app({ context: { cdktfJsonPath: "none" } });

export function newStack(name = "stack", app: App = newApp()): TerraformStack {
  return new TerraformStack(app, name);
}

export function newHost(stack: TerraformStack, id = "pve1", props: Partial<IommuHostProps> = {}): IommuHost {
  return new IommuHost(stack, id, { connection: { host: `${id}.example` }, ...props });
}

type Resources = Record<string, Record<string, Record<string, unknown>>>;

export interface Synthesized {
  readonly resource: Resources;
  readonly data?: Resources;
  readonly provider: Record<string, Record<string, unknown>[]>;
  readonly terraform: { required_providers: Record<string, { source: string; version: string }> };
  readonly import?: { id: string; to: string }[];
  readonly output?: Record<string, { value: unknown }>;
}

/** What the stack becomes, after all its validations. */
export function synth(stack: TerraformStack): Synthesized {
  return JSON.parse(Testing.synth(stack, true)) as Synthesized;
}

export interface Placed {
  readonly folder: string;
  read(path: string): string;
}

/** The stack's own folder, as the cdktf CLI would find it. */
export function fullSynth(stack: TerraformStack): Placed {
  const folder = join(Testing.fullSynth(stack), "stacks", stack.node.id);
  return { folder, read: (path) => readFileSync(join(folder, path), "utf8") };
}

/** The words of the error that this throws. */
export function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}
