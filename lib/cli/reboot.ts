import type { ChangeOutcome, Step } from "../model/change";
import type { HostFacts } from "../model/facts";
import { commitSteps, recordSteps } from "../model/hostDecision";
import { observe } from "../model/observation";
import { parseDrain } from "../model/drain";
import type { ManagerReference } from "../model/manager";
import { detectPlatform } from "../model/platform";
import { bootNow, proofProblems, rebootState } from "../model/reboot";
import type { RebootPreparation } from "../model/rebootPreparation";
import { hazardLines, rebootHazards, type Runner } from "../model/rebootHazards";
import { parseRecord, type HostRecord } from "../model/record";
import { commandSteps, requiredCommands } from "../model/requirements";
import { paths } from "../model/paths";
import { nextBootSteps } from "../model/trial/steps";
import { drain, DrainError, giveBack, type DrainContext } from "../host/drain";
import { localRunner } from "../host/runner";
import type { Manager } from "../host/manager";
import type { Host } from "../host/types";
import { CliError } from "./errors";
import { exitCodes } from "./exitCodes";
import type { Progress } from "./terminal";

export interface RebootOptions {
  /** For messages. */
  readonly name: string;
  /** Digest of the declaration that this deploy applied; null: whatever the host's record says. */
  readonly digest: string | null;
  /** Words for the order of a reboot, where this run may not reboot; null: it may. */
  readonly order: string | null;
  /** What happens to the host before its reboot. */
  readonly preparation: RebootPreparation;
  /** What manages the host from elsewhere, as the stack's event says; null: what the host's record says. */
  readonly manager: ManagerReference | null;
  /** Only give back what an earlier run took from the host, and reboot nothing. */
  readonly resume: boolean;
  /** Reboot although our own reboot did not bring the declared state about, or nobody could count on what comes after. */
  readonly force: boolean;
  /** Seconds to wait for the host to come back. */
  readonly timeout: number;
  /** Seconds that devices get to settle after the boot before the proof counts. */
  readonly settle: number;
}

/** What a run came to, where it did not fail. */
export interface RebootResult {
  readonly host: string;
  /**
   * `proven`: what is declared runs; `due`: a reboot is, and is left to somebody; `unmanaged`: nothing of ours is
   * there; `resumed`: what was taken from the host is back.
   */
  readonly outcome: "proven" | "due" | "unmanaged" | "resumed";
  readonly rebooted: boolean;
  readonly words: string;
}

export interface RebootContext {
  /** A host over a connection of its own. `patient` dials again after a failure that may pass. */
  dial(patient: boolean): Host;
  /** Thrown while a host is booting, as against an error that waiting does not mend. */
  isNotUpYet(error: unknown): boolean;
  /** What manages a host, over a connection of its own. */
  reach(manager: ManagerReference): Manager;
  readonly progress: Progress;
  /** What came of it: one line, also for who reads no progress. */
  result(result: RebootResult): void;
  readonly signal: AbortSignal;
}

/**
 * Reboots a host if, and only if, its declared boot state is not what its kernel booted, and proves the result.
 * The trigger that runs this is a permission, not an order: what is right already is proven and left alone, and
 * what our own reboot could not bring about is refused with the diagnosis.
 */
export async function reboot(options: RebootOptions, context: RebootContext, runner?: Runner): Promise<void> {
  const { name } = options;
  const host = context.dial(true);
  let endedBoot: string;
  let drained: boolean;
  try {
    const facts = await host.probe(context.signal).catch((error: unknown) => {
      throw context.signal.aborted ? stoppedBefore(name) : error;
    });
    const record = parseRecord(facts.record);
    if (record === null) {
      const words = `${name}: nothing of ours is recorded on the host, so nothing is due`;
      context.result({ host: name, outcome: "unmanaged", rebooted: false, words });
      return;
    }
    if (options.digest !== null && options.digest !== record.digest) {
      throw new CliError(
        `${name} holds another declaration than this deploy applied (${record.digest.slice(0, 12)}, not ` +
          `${options.digest.slice(0, 12)}). It was not rebooted. Plan again.`,
      );
    }
    if (options.resume) {
      await resume(options, context, host, facts, record);
      return;
    }
    if (facts.pending.length > 0 && !options.force) {
      throw new CliError(
        `${name} still owes ${facts.pending.join(", ")} of a change that was cut off, so what it would boot is not what ` +
          "is declared. It was not rebooted. Deploy again: that runs them first.",
      );
    }
    const state = rebootState(bootNow(record, facts.devices), record.digest, observe(facts), record);
    if (!state.required && state.reason === "") {
      await prove(options, context, host, facts, record, false);
      return;
    }
    if (!state.required && !options.force) {
      throw new CliError(
        [
          `${name} is not rebooted: ${state.reason}`,
          ...(facts.drain === null ? [] : await back(name, context, host, false)),
        ].join("\n"),
      );
    }
    if (options.order !== null) {
      const words =
        `${name}: a reboot is due: ${state.reason}. It is not proven, and was not rebooted: reboots of this host are ` +
        `manual. Order it with \`${options.order}\`, then deploy again.`;
      context.result({ host: name, outcome: "due", rebooted: false, words });
      return;
    }
    if (!options.force) refuseHazards(name, facts, runner ?? (await localRunner()));
    context.progress.say(
      `${name}: ${state.required ? "a reboot is due" : "a reboot is forced"}: ${state.reason}`,
    );
    drained = await prepared(options, context, host, facts, record);
    endedBoot = facts.bootId;
  } finally {
    await host.close();
  }
  await comeBack(options, context, endedBoot, drained);
}

/** Drains the host and reboots it; where it comes to no reboot, everything is given back. */
async function prepared(
  { name, preparation, manager }: RebootOptions,
  context: RebootContext,
  host: Host,
  facts: HostFacts,
  record: HostRecord,
): Promise<boolean> {
  let drained: boolean;
  try {
    drained = await drain(
      host,
      facts,
      preparation,
      drainContext(name, context, manager ?? record.manager ?? null),
    );
  } catch (error) {
    if (!(error instanceof DrainError)) throw error;
    throw new CliError(error.message, error.interrupted ? exitCodes.interrupted : exitCodes.failed);
  }
  try {
    await issue(name, context, host, facts, record);
    return drained;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(
      [error.message, ...(await back(name, context, host, true))].join("\n"),
      error.exitCode,
    );
  }
}

/** Gives back what was taken from the host; words for what could not be. */
async function back(name: string, context: RebootContext, host: Host, proven: boolean): Promise<string[]> {
  const missing = await giveBack(host, drainContext(name, context), { proven });
  if (missing.length === 0) return [];
  return [
    `Not everything is back on ${name}:`,
    ...missing.map((words) => `  - ${words}`),
    `Mend the cause; the next deploy, or \`passthrough reboot --resume\`, does the rest.`,
  ];
}

function drainContext(
  name: string,
  { progress, signal, reach }: RebootContext,
  declared: ManagerReference | null = null,
): DrainContext {
  return {
    name,
    say: (line) => progress.say(line),
    doing: (what, detail) => progress.doing(what, detail),
    signal,
    managers: { declared, reach },
  };
}

async function resume(
  { name }: RebootOptions,
  context: RebootContext,
  host: Host,
  facts: HostFacts,
  record: HostRecord,
): Promise<void> {
  const proven = proofProblems(bootNow(record, facts.devices), observe(facts), record, false).length === 0;
  // In the boot that it left from, a guest finds everything as it was.
  const sameBoot = parseDrain(facts.drain)?.bootId === facts.bootId;
  const missing = await back(name, context, host, proven || sameBoot);
  if (missing.length > 0) throw new CliError(missing.join("\n"));
  const words = `${name}: ${facts.drain === null ? "nothing was taken from it" : "everything that was taken from it is back"}`;
  context.result({ host: name, outcome: "resumed", rebooted: false, words });
}

/** Somebody who stands before the machine may order what would strand it. */
function refuseHazards(name: string, facts: HostFacts, runner: Runner): void {
  const hazards = rebootHazards(facts, runner);
  if (hazards.length === 0) return;
  throw new CliError(
    [
      `${name} is not rebooted, because nobody could count on what comes after it:`,
      hazardLines(hazards),
      "What was written stays. Mend that, or reboot the host yourself while somebody can reach its console, from a machine that does " +
        "not depend on it (`passthrough reboot --force`), then deploy again.",
    ].join("\n"),
  );
}

/** Records the attempt and reboots, both in one change: a retry after a lost terminal finds out what happened. */
async function issue(
  name: string,
  context: RebootContext,
  host: Host,
  facts: HostFacts,
  record: HostRecord,
): Promise<void> {
  if (context.signal.aborted) throw stoppedBefore(name);
  const attempt = { digest: record.digest, bootId: facts.bootId };
  const steps: Step[] = [
    {
      step: "guard",
      addresses: bootNow(record, facts.devices).functions.map(({ address }) => address),
      allow: record.allowCritical,
    },
    ...recordSteps(facts.record, { ...record, attempt, proven: null }),
    ...nextBootSteps(record),
    { step: "reboot", expectBootId: facts.bootId },
  ];
  const purpose = `reboot ${name}`;
  const outcome = await host.change({ purpose, machineId: facts.machineId, steps }, context.signal);
  // A host that goes down may take its answer along: its next boot shows what came of it.
  const maybeIssued = !outcome.ok && outcome.reason === "lost" && outcome.failedStep === steps.length - 1;
  if (!outcome.ok && !maybeIssued) throw new CliError(`Unable to reboot ${name}: ${failureWords(outcome)}`);
  context.progress.say(`${name}: reboot issued, waiting for it to come back`);
}

async function comeBack(
  options: RebootOptions,
  context: RebootContext,
  endedBoot: string,
  drained: boolean,
): Promise<void> {
  const { name, timeout } = options;
  let settled = Infinity;
  /** Why the last look at it saw nothing. */
  let obstacle = "";
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  const report = (now: string) => context.progress.doing(`${name}: ${now}`, `${seconds()} s`);
  for (;;) {
    if (context.signal.aborted) {
      throw new CliError(
        `Stopped waiting for ${name}, which is rebooting. The next deploy proves it.${drained ? " Its guests start then, or with `passthrough reboot --resume`." : ""}`,
        exitCodes.interrupted,
      );
    }
    if (seconds() > timeout) {
      throw new CliError(
        `${name} did not come back within ${timeout} s. Look at its console. Once it is up, deploy again: it will not be rebooted twice for this.${obstacle && `\nLast: ${obstacle}`}`,
      );
    }
    const host = context.dial(false);
    try {
      const facts = await host.probe(context.signal);
      obstacle = "";
      if (facts.bootId === endedBoot) {
        report("is still shutting down");
      } else {
        report("is up with a new boot");
        settled = Math.min(settled, Date.now() + options.settle * 1000);
        if (await proveWhenSettled(options, context, host, facts, Date.now() >= settled)) return;
      }
    } catch (error) {
      if (error instanceof CliError) throw error;
      if (context.signal.aborted) continue;
      if (!context.isNotUpYet(error)) throw error;
      obstacle = error instanceof Error ? error.message : String(error);
      report("is down, waiting for SSH");
    } finally {
      await host.close();
    }
    await pause(500, context.signal);
  }
}

/** Devices may still be settling: until `last`, what is unmet is looked at once more. */
async function proveWhenSettled(
  options: RebootOptions,
  context: RebootContext,
  host: Host,
  facts: HostFacts,
  last: boolean,
): Promise<boolean> {
  const record = parseRecord(facts.record);
  if (record === null)
    throw new CliError(`${options.name} came back without the record of its declaration (${paths.record}).`);
  if (!last && proofProblems(bootNow(record, facts.devices), observe(facts), record, true).length > 0)
    return false;
  await prove(options, context, host, facts, record, true);
  return true;
}

/** Compares what is declared with what runs, and writes down that it was proven. */
async function prove(
  { name }: RebootOptions,
  context: RebootContext,
  host: Host,
  facts: HostFacts,
  record: HostRecord,
  rebooted: boolean,
): Promise<void> {
  const observation = observe(facts);
  const boot = bootNow(record, facts.devices);
  const problems = proofProblems(boot, observation, record, rebooted || record.trial !== undefined);
  if (problems.length > 0) {
    const missing = facts.drain === null ? [] : await back(name, context, host, false);
    throw new CliError(
      [
        `${name} ${rebooted ? "rebooted, but" : "is up, but"} does not run what is declared:`,
        ...problems.map((problem) => `  - ${problem}`),
        `Running command line: ${facts.kernel.commandLine.trim()}`,
        `It will not be rebooted again for this declaration. Mend the cause or change the declaration.`,
        ...missing,
      ].join("\n"),
    );
  }
  const { parameters, functions } = bootNow(record, facts.devices);
  const onVfio = functions.filter(({ address }) =>
    facts.devices.some((device) => device.address === address && device.driver === "vfio-pci"),
  ).length;
  const words =
    `${name}: proven: ${rebooted ? "" : "no reboot needed, "}${parameters.join(" ") || "no kernel parameters"} running, ` +
    `${onVfio} of ${functions.length} functions on vfio-pci`;
  context.result({ host: name, outcome: "proven", rebooted, words });
  if (record.trial !== undefined) {
    const missing = facts.drain === null ? [] : await back(name, context, host, true);
    await makeDefault(name, context, host, facts, record);
    if (missing.length > 0) throw new CliError([`${name} runs what is declared.`, ...missing].join("\n"));
    return;
  }
  // The fallback images follow only now that this boot is known to be good.
  const images = record.otherImagesPending
    ? commandSteps(
        requiredCommands(
          [paths.modprobe],
          record.platform ?? detectPlatform(observation),
          observation,
          false,
        ),
        [],
      )
    : [];
  const after: HostRecord = {
    ...record,
    attempt: null,
    otherImagesPending: false,
    proven: { digest: record.digest, bootId: facts.bootId },
  };
  const steps = [...images, ...recordSteps(facts.record, after)];
  if (images.length > 0) context.progress.say(`${name}: bringing the other kernels' initramfs up to date`);
  const outcome: ChangeOutcome =
    steps.length === 0
      ? { ok: true, log: "" }
      : await host.change({ purpose: `prove ${name}`, machineId: facts.machineId, steps });
  const missing = facts.drain === null ? [] : await back(name, context, host, true);
  if (!outcome.ok)
    throw new CliError(
      [
        `${name} runs what is declared, but that could not be recorded: ${failureWords(outcome)}`,
        ...missing,
      ].join("\n"),
    );
  if (missing.length > 0) throw new CliError([`${name} runs what is declared.`, ...missing].join("\n"));
}

/** A proven trial becomes the default: what an apply without a trial would have written, and every image. */
async function makeDefault(
  name: string,
  context: RebootContext,
  host: Host,
  facts: HostFacts,
  record: HostRecord,
): Promise<void> {
  context.progress.say(`${name}: the trial boot is proven and becomes the default`);
  const steps = commitSteps(record, observe(facts));
  const purpose = `make the trial boot of ${name} its default`;
  const outcome = await host.change({ purpose, machineId: facts.machineId, steps });
  if (outcome.ok) return;
  throw new CliError(
    `The trial boot of ${name} is proven, but was not made the default: ${failureWords(outcome)}\n` +
      "Deploy again: that finishes it. Until then the host boots what it booted before.",
  );
}

function stoppedBefore(name: string): CliError {
  return new CliError(`Stopped before ${name} was rebooted.`, exitCodes.interrupted);
}

function failureWords(outcome: Extract<ChangeOutcome, { ok: false }>): string {
  return [outcome.message.trim(), outcome.log.trim()].filter(Boolean).join("\n");
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
