import { Option, type Command } from "commander";
import { isNotUpYet } from "../../host/errors";
import { rebootOrder } from "../../host/rebootOrder";
import { dial, interrupted, seconds, withTarget } from "../options";
import { checkNames, type CheckName } from "../../model/rebootChecks";
import { defaultPreparation, isNodeName, type RebootPreparation } from "../../model/rebootPreparation";
import { sameManaged, type ManagerReference } from "../../model/manager";
import { CliError, usageError } from "../errors";
import { reachManager } from "../managers/managers";
import { reboot, type RebootResult } from "../reboot";
import { connectionTo, rebootOfEvent, type RebootSubject, type Target } from "../target";
import { progressOn } from "../terminal";

interface RebootFlags {
  readonly force?: boolean;
  readonly timeout?: number;
  readonly settle?: number;
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly shutdownTimeout?: number;
  readonly powerOff?: boolean;
  readonly migrateTo?: string;
  readonly busyTimeout?: number;
  readonly migrationTimeout?: number;
  readonly shutDownImmovable?: boolean;
  readonly despite?: string[];
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
    .option("--shutdown-timeout <seconds>", "how long each guest may take to shut down", seconds)
    .option(
      "--power-off",
      "power a guest off that does not shut down in time; without it the reboot is called off",
    )
    .option("--migrate-to <node>", "move the guests that can move to this node of the cluster (Proxmox VE)")
    .option(
      "--migration-timeout <seconds>",
      "how long guests may take to leave where an oVirt engine or OpenNebula moves them",
      seconds,
    )
    .option("--shut-down-immovable", "shut guests down that their oVirt engine or OpenNebula cannot move")
    .option(
      "--busy-timeout <seconds>",
      "how long to wait for tasks, package managers and inhibitors",
      seconds,
    )
    .addOption(
      new Option("--despite <checks...>", "reboot although one of these checks speaks against it").choices(
        checkNames,
      ),
    )
    .option("--resume", "only start the guests again and undo what an earlier run did before its reboot")
    .option("--json", "print what came of it as JSON")
    .action(async (target: string | undefined, options: Target & RebootFlags) => {
      const subject = target === undefined ? rebootOfEvent(process.env) : byHand(target, options);
      const progress = progressOn(process.stderr);
      const results: RebootResult[] = [];
      try {
        await reboot(
          {
            name: subject.name,
            digest: subject.digest,
            preparation: { ...(subject.preparation ?? defaultPreparation), ...preparationIn(options) },
            manager: subject.manager ?? null,
            resume: options.resume ?? false,
            order: subject.manual === true ? rebootOrder(subject.connection, subject.preparation) : null,
            force: options.force ?? false,
            timeout: options.timeout ?? subject.timeout ?? defaults.timeout,
            settle: options.settle ?? subject.settle ?? defaults.settle,
          },
          {
            dial: (patient) => dial(subject.name, subject.connection, patient),
            isNotUpYet,
            reach: (reference) => reachManager(freshest(reference, subject.manager)),
            progress,
            result(result) {
              progress.end();
              if (options.json !== true) process.stdout.write(`${result.words}\n`);
              else results.push(result);
            },
            signal: interrupted(),
          },
        );
        if (options.json === true) process.stdout.write(jsonOf(results.at(-1) ?? null));
      } catch (error) {
        if (options.json === true && error instanceof CliError)
          process.stdout.write(jsonOf({ host: subject.name, outcome: "failed", words: error.message }));
        throw error;
      } finally {
        progress.end();
      }
    });
}

const jsonOf = (result: object | null): string => `${JSON.stringify({ version: 1, ...result }, null, 2)}\n`;

/** What a note on the host names may be reached another way by now. */
function freshest(noted: ManagerReference, declared: ManagerReference | null | undefined): ManagerReference {
  return declared && sameManaged(declared, noted) ? declared : noted;
}

/** What the command line says of it. */
function preparationIn(flags: RebootFlags): Partial<RebootPreparation> {
  const { shutdownTimeout, powerOff, migrateTo, busyTimeout, migrationTimeout, shutDownImmovable, despite } =
    flags;
  if (migrateTo !== undefined && !isNodeName(migrateTo))
    throw usageError(`"${migrateTo}" is no name of a node.`);
  return {
    ...(shutdownTimeout === undefined ? {} : { shutdownTimeout }),
    ...(powerOff === true ? { unresponsive: "power-off" } : {}),
    ...(migrateTo === undefined ? {} : { migrateTo }),
    ...(busyTimeout === undefined ? {} : { busyTimeout }),
    ...(migrationTimeout === undefined ? {} : { migrationTimeout }),
    ...(shutDownImmovable === true ? { immovable: "shut-down" } : {}),
    ...(despite === undefined ? {} : { despite: despite as CheckName[] }),
  };
}

function byHand(target: string, options: Target): RebootSubject {
  return { name: target, connection: connectionTo(target, options), digest: null };
}
