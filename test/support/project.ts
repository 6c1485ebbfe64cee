/** A project of its own, as a user has one, and the real `cdktf` in it; nothing of whoever runs the tests reaches it. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { finished, type Run } from "./terraform";

const root = join(__dirname, "..", "..");
const script = join(root, "scripts", "project.mjs");
const cdktf = join(root, "node_modules", "cdktf-cli", "bundle", "bin", "cdktf");

/** A user's account: a home folder, which holds the plugin cache that the CLI shares among projects. */
export class Account {
  readonly env: NodeJS.ProcessEnv;

  constructor(readonly home: string) {
    mkdirSync(home, { recursive: true });
    const cliConfig = join(home, "terraform.rc");
    writeFileSync(cliConfig, "");
    this.env = {
      PATH: process.env["PATH"],
      HOME: home,
      TF_CLI_CONFIG_FILE: cliConfig,
      CI: "1",
      CHECKPOINT_DISABLE: "1",
      PASSTHROUGH_REBOOT_SETTLE: "2",
    };
  }
}

export class Project {
  /** A folder with a copy of an example, its packages installed. */
  constructor(
    example: string,
    readonly folder: string,
    readonly account: Account,
  ) {
    const make = `(await import(${JSON.stringify(script)})).makeProject(...process.argv.slice(1))`;
    execFileSync(process.execPath, ["--input-type=module", "-e", make, example, folder]);
  }

  /** Changes a file of the project. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.folder, file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }

  /** Another release of the package is installed: it does the same with other bytes. */
  update(release: string): void {
    for (const bundle of ["provider.cjs", "passthrough.cjs"])
      this.edit(`node_modules/cdktf-passthrough/dist/${bundle}`, (text) => `${text}\n// ${release}\n`);
  }

  /** @throws where it fails */
  async cdktf(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
    const run = await this.run(args, env);
    if (run.code !== 0)
      throw new Error(`cdktf ${args.join(" ")} exited with ${run.code}\n${run.stdout}\n${run.stderr}`);
    return run;
  }

  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> {
    const { code, stdout, stderr } = await finished(
      spawn(process.execPath, [cdktf, ...args], {
        cwd: this.folder,
        env: { ...this.account.env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    return { code, stdout: plain(stdout), stderr: plain(stderr) };
  }

  stack(name: string): string {
    return join(this.folder, "cdktf.out", "stacks", name);
  }
}

/** As the examples read it. */
export function hostVariables(prefix: string, host: EmbeddedHost): Record<string, string> {
  return {
    [`${prefix}_HOST`]: host.host,
    [`${prefix}_PORT`]: String(host.port),
    [`${prefix}_IDENTITY_FILE`]: host.clientKeyFile,
    [`${prefix}_HOST_KEY`]: host.hostKey,
  };
}

function plain(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
