/** The real `terraform`, in a working directory of its own and untouched by the settings of whoever runs the tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TerraformResource {
  readonly address: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly tainted?: boolean;
}

export class Terraform {
  readonly directory = mkdtempSync(join(tmpdir(), "terraform-"));
  readonly env: NodeJS.ProcessEnv;

  constructor(env: Readonly<Record<string, string>> = {}) {
    const cliConfig = join(this.directory, "cli.tfrc");
    writeFileSync(cliConfig, "");
    const inherited = Object.entries(process.env).filter(([name]) => !/^(TF_|TOFU_)/.test(name));
    this.env = {
      ...Object.fromEntries(inherited),
      CHECKPOINT_DISABLE: "1",
      TF_CLI_CONFIG_FILE: cliConfig,
      TF_IN_AUTOMATION: "1",
      ...env,
    };
  }

  write(configuration: string): void {
    writeFileSync(join(this.directory, "main.tf"), configuration);
  }

  /** Its own process group, as a shell would give it. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn("terraform", args, {
      cwd: this.directory,
      env: { ...this.env, ...env },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
    return finished(this.start(args, env));
  }

  /** As `run`, for what must succeed. */
  async succeed(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`terraform ${args.join(" ")} exited with ${code}\n${stdout}\n${stderr}`);
    return stdout;
  }

  async init(): Promise<void> {
    await this.succeed("init", "-no-color");
  }

  async apply(...args: readonly string[]): Promise<string> {
    return this.succeed("apply", "-auto-approve", "-no-color", ...args);
  }

  /** What the plan would do: nothing (0) or something (2); the text in either case. */
  async plan(...args: readonly string[]): Promise<{ changes: boolean; text: string }> {
    const { code, stdout, stderr } = await this.run(["plan", "-no-color", "-detailed-exitcode", ...args]);
    if (code !== 0 && code !== 2) throw new Error(`terraform plan exited with ${code}\n${stdout}\n${stderr}`);
    return { changes: code === 2, text: stdout };
  }

  async resources(): Promise<Readonly<Record<string, TerraformResource>>> {
    const shown = JSON.parse(await this.succeed("show", "-json")) as {
      values?: { root_module: { resources?: TerraformResource[] } };
    };
    const resources = shown.values?.root_module.resources ?? [];
    return Object.fromEntries(resources.map((resource) => [resource.address, resource]));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function finished(child: ChildProcess): Promise<Run> {
  const text = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => (text.stdout += String(chunk)));
  child.stderr?.on("data", (chunk) => (text.stderr += String(chunk)));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...text }));
  });
}
