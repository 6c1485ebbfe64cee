import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Answer, Call } from "./callGate";
import type { Machine } from "./machine";

type Act = (effect: "disconnect" | "kill" | "powerCut") => void;

/** Tells a faulted program to go on with the real one; fault.sh knows it. */
const goOn = 75;

/** Carries out the faults that are set: shadows the programs concerned and counts their starts. */
export class FaultPlan {
  private starts: number[] = [];
  private outputsSeen = new Set<number>();

  constructor(private readonly machine: Machine) {}

  /** Programs with a fault get a shadow before them on the PATH; the others start as ever. */
  arm(): void {
    const folder = join(this.machine.folder, "faults");
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    const { programs } = this.machine.state.faults;
    for (const name of new Set(programs.map(({ program }) => program)))
      symlinkSync("../lib/fault.sh", join(folder, name));
    this.starts = programs.map(() => 0);
    this.outputsSeen = new Set();
  }

  onProgram(call: Call, act: Act): Answer {
    const [program = "", ...args] = call.arguments;
    for (const [at, fault] of this.machine.state.faults.programs.entries()) {
      if (fault.program !== program || !new RegExp(fault.arguments ?? "").test(args.join(" "))) continue;
      const start = (this.starts[at] ?? 0) + 1;
      this.starts[at] = start;
      const after = fault.after ?? 0;
      if (start <= after || start > after + (fault.times ?? 1)) continue;
      const { effect } = fault;
      if (effect.kind === "fail") return { errors: `${effect.message}\n`, code: effect.code ?? 1 };
      act(effect.kind);
      break;
    }
    return { code: goOn };
  }

  onOutput(soFar: string, act: Act): void {
    for (const [at, { pattern, effect }] of this.machine.state.faults.outputs.entries()) {
      if (this.outputsSeen.has(at) || !new RegExp(pattern).test(soFar)) continue;
      this.outputsSeen.add(at);
      act(effect.kind);
    }
  }
}
