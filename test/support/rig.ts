import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { startEmbeddedHost, type EmbeddedHost, type EmbeddedHostOptions } from "../../lib/embedded";
import type { Connection } from "../../lib";
import { Terraform, type Run } from "./terraform";

/** One change that a plan would make, as `terraform show -json` has it. */
export interface ResourceChange {
  readonly address: string;
  readonly type: string;
  readonly change: {
    readonly actions: readonly string[];
    readonly before: Readonly<Record<string, unknown>> | null;
    readonly after: Readonly<Record<string, unknown>> | null;
    readonly after_unknown: Readonly<Record<string, unknown>>;
    readonly importing?: unknown;
  };
}

export interface Plan {
  readonly text: string;
  readonly diagnostics: string;
  /** What would change, by address; nothing that stays. */
  readonly changes: Readonly<Record<string, ResourceChange["change"]>>;
}

type Define = (stack: TerraformStack) => void;

/** A stack in a folder of its own, the real Terraform, and embedded hosts in this process. */
export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), "passthrough-rig-"));
  private readonly hosts: EmbeddedHost[] = [];
  private terraform: Terraform | null = null;

  async host(profile: EmbeddedHostOptions["profile"], name = "host"): Promise<EmbeddedHost> {
    const host = await startEmbeddedHost({ profile, dir: join(this.folder, name) });
    this.hosts.push(host);
    return host;
  }

  /** Synthesizes the stack, over what an earlier call left there, and initializes Terraform. */
  async stack(define: Define, env: Readonly<Record<string, string>> = {}): Promise<this> {
    const app = new App({ outdir: join(this.folder, "cdktf.out") });
    const stack = new TerraformStack(app, "stack");
    // cdktf's own default is the folder that the tests were started in: one state for all of them.
    new LocalBackend(stack, { path: join(this.folder, "terraform.tfstate") });
    define(stack);
    app.synth();
    const first = this.terraform === null;
    this.terraform ??= Object.assign(new Terraform({ PASSTHROUGH_REBOOT_SETTLE: "2", ...env }), {
      directory: join(this.folder, "cdktf.out", "stacks", "stack"),
    });
    if (first) await this.terraform.init();
    return this;
  }

  get tf(): Terraform {
    if (this.terraform === null) throw new Error("Define the stack first.");
    return this.terraform;
  }

  /** Plans; fails where Terraform does. */
  async plan(...args: readonly string[]): Promise<Plan> {
    const file = join(this.folder, "plan");
    const { code, stdout, stderr } = await this.tf.run(["plan", "-no-color", `-out=${file}`, ...args]);
    if (code !== 0) throw new Error(`terraform plan exited with ${code}\n${stdout}\n${stderr}`);
    const shown = JSON.parse(await this.tf.succeed("show", "-json", file)) as {
      resource_changes?: ResourceChange[];
    };
    const changes = (shown.resource_changes ?? []).filter(
      ({ change }) =>
        change.importing !== undefined ||
        !(change.actions.length === 1 && ["no-op", "read"].includes(change.actions[0] ?? "")),
    );
    return {
      text: stdout,
      diagnostics: stderr,
      changes: Object.fromEntries(changes.map(({ address, change }) => [address, change])),
    };
  }

  /** What Terraform said when it refused; fails where it did not. */
  async refusal(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tf.run([...args, "-no-color"]);
    if (code === 0) throw new Error(`terraform ${args.join(" ")} should have refused\n${stdout}`);
    return flowing(`${stdout}\n${stderr}`);
  }

  /** Applies the last plan. */
  async applyPlan(): Promise<Run> {
    return this.tf.run(["apply", "-no-color", join(this.folder, "plan")]);
  }

  async apply(...args: readonly string[]): Promise<string> {
    return this.tf.apply(...args);
  }

  async destroy(): Promise<string> {
    return this.tf.succeed("destroy", "-auto-approve", "-no-color");
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Terraform's boxed and wrapped words as one line of text. */
export function flowing(text: string): string {
  return text.replace(/[│╷╵]/g, " ").replace(/\s+/g, " ");
}

export function connect(host: EmbeddedHost): Connection {
  return {
    host: host.host,
    port: host.port,
    user: "root",
    identityFile: host.clientKeyFile,
    hostKey: host.hostKey,
    agent: false,
    configFile: "none",
  };
}

/** A file of the embedded host; null where there is none. */
export function fileOf(host: EmbeddedHost, path: string): string | null {
  try {
    return readFileSync(join(host.root, path), "utf8");
  } catch {
    return null;
  }
}

/** Everything under /etc and /boot of the embedded host, by path. */
export function filesOf(host: EmbeddedHost): Record<string, string> {
  const files: Record<string, string> = {};
  const walk = (path: string) => {
    for (const name of readdirSync(join(host.root, path))) {
      const inner = `${path}/${name}`;
      const stat = statSync(join(host.root, inner), { throwIfNoEntry: false });
      if (stat?.isDirectory()) walk(inner);
      else if (stat?.isFile()) files[inner] = readFileSync(join(host.root, inner), "latin1");
    }
  };
  walk("etc");
  walk("boot");
  return files;
}
