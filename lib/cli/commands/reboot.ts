import type { Command } from "commander";
import { isNotUpYet } from "../../host/errors";
import { rebootOrder } from "../../host/rebootOrder";
import { dial, interrupted, seconds, withTarget } from "../options";
import { reboot } from "../reboot";
import { connectionTo, rebootOfEvent, type RebootSubject, type Target } from "../target";
import { progressOn } from "../terminal";

interface RebootFlags {
  readonly force?: boolean;
  readonly timeout?: number;
  readonly settle?: number;
}

/** In seconds. */
const defaults = { timeout: 20 * 60, settle: 20 };

export function rebootCommand(program: Command): void {
  withTarget(program.command("reboot [host]"))
    .description(
      "reboot a host if its declared boot state is not what runs, and prove the result; the stack's own event runs this",
    )
    .option("--force", "reboot again although the last reboot for this declaration did not help")
    .option("--timeout <seconds>", "how long to wait for the host to come back", seconds)
    .option("--settle <seconds>", "how long devices may take after the boot before the proof counts", seconds)
    .action(async (target: string | undefined, options: Target & RebootFlags) => {
      const subject = target === undefined ? rebootOfEvent(process.env) : byHand(target, options);
      const progress = progressOn(process.stderr);
      try {
        await reboot(
          {
            name: subject.name,
            digest: subject.digest,
            order: subject.manual === true ? rebootOrder(subject.connection) : null,
            force: options.force ?? false,
            timeout: options.timeout ?? subject.timeout ?? defaults.timeout,
            settle: options.settle ?? subject.settle ?? defaults.settle,
          },
          {
            dial: (patient) => dial(subject.name, subject.connection, patient),
            isNotUpYet,
            progress,
            result(line) {
              progress.end();
              process.stdout.write(`${line}\n`);
            },
            signal: interrupted(),
          },
        );
      } finally {
        progress.end();
      }
    });
}

function byHand(target: string, options: Target): RebootSubject {
  return { name: target, connection: connectionTo(target, options), digest: null };
}
