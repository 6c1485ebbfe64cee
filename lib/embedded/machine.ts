import { spawn } from "node:child_process";
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { Files } from "./files";
import { Drivers } from "./kernel/drivers";
import { ModuleLoader } from "./kernel/loader";
import { Modules } from "./kernel/modules";
import type { Profile } from "./profiles/types";
import { type MachineState, writeState } from "./state";

export interface Finished {
  readonly output: string;
  readonly errors: string;
  readonly code: number;
}

/** One machine: its files, its kernel and the processes it runs. */
export class Machine {
  readonly files: Files;
  readonly drivers: Drivers;
  readonly modules: Modules;
  /** What modprobe finds: on the root file system, or in the initramfs while that runs. */
  loader: ModuleLoader;
  /** Asked for by a program or a fault; the owner of the machine carries it out. */
  onReboot: (how: "orderly" | "powerCut") => void = () => undefined;
  /** Marks this machine's processes, so that a shutdown finds those that left their process group too. */
  private readonly mark = randomUUID();

  constructor(
    readonly folder: string,
    readonly profile: Profile,
    readonly state: MachineState,
  ) {
    this.files = new Files(join(folder, "root"));
    this.drivers = new Drivers(this.files, profile, state.dynamicIds);
    this.modules = new Modules(this.files, profile, this.drivers);
    this.loader = new ModuleLoader(profile, this.modules, this.files);
  }

  save(): void {
    writeState(this.folder, this.state);
  }

  /** A line on the machine's console, kept in the folder. */
  log(line: string): void {
    appendFileSync(join(this.folder, "console.log"), `${line}\n`);
  }

  get release(): string {
    return this.files.read("/proc/sys/kernel/osrelease")?.trim() ?? "";
  }

  environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
    const system = join(this.folder, "tools");
    return {
      PATH: `${join(this.folder, "faults")}:${join(this.folder, "bin")}:${system}`,
      PASSTHROUGH_SYSTEM_PATH: system,
      PASSTHROUGH_ROOT: this.files.folder,
      PASSTHROUGH_MACHINE: this.mark,
      LC_ALL: "C",
      HOME: this.files.at("/root"),
      TMPDIR: this.files.at("/tmp"),
      ...extra,
    };
  }

  /** Run a program of the host to its end. */
  run(
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Finished> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: this.files.folder,
        env: this.environment(environment),
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      let errors = "";
      child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
      child.on("error", reject);
      child.on("close", (code) => {
        resolve({ output, errors, code: code ?? 137 });
      });
    });
  }

  /** SIGKILL for everything that runs on this machine. */
  killAll(): void {
    const mark = `PASSTHROUGH_MACHINE=${this.mark}`;
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        if (readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark)) process.kill(Number(pid), "SIGKILL");
      } catch {
        // Ended meanwhile, or not ours to look at.
      }
    }
  }
}
