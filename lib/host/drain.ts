import { randomUUID } from "node:crypto";
import type { Step } from "../model/change";
import {
  backgroundName,
  drainSteps,
  parseDrain,
  phasesOf,
  planDrain,
  printDrain,
  stageOf,
  type DrainEntry,
  type DrainRecord,
  type Round,
} from "../model/drain";
import type { HostFacts } from "../model/facts";
import { markWords, sameManaged, type ManagedMark, type ManagerReference } from "../model/manager";
import { obstacles } from "../model/rebootChecks";
import type { RebootPreparation } from "../model/rebootPreparation";
import { guestWords, runningGuests } from "../model/runningGuests";
import type { RebootSurvey } from "../model/survey";
import type { Manager } from "./manager";
import type { Host } from "./types";

/** Why a host was not drained; what had left it already is back, as far as the words say nothing else. */
export class DrainError extends Error {
  constructor(
    message: string,
    /** Somebody stopped it. */
    readonly interrupted = false,
  ) {
    super(message);
    this.name = "DrainError";
  }
}

export interface DrainContext {
  /** For messages. */
  readonly name: string;
  /** What stays to be read. */
  say(line: string): void;
  /** What is waited for, and for how long. */
  doing(what: string, detail: string): void;
  readonly signal: AbortSignal;
  readonly managers: Managers;
}

/** What decides from elsewhere which guests run on the host. */
export interface Managers {
  /** The one that is to take the host out of service; null: none. */
  readonly declared: ManagerReference | null;
  /** @throws an Error where it cannot be reached for want of a password or the like */
  reach(reference: ManagerReference): Manager;
}

/** Milliseconds between two looks at what is waited for. */
const pause = 1000;

/**
 * Waits until nothing speaks against a reboot of the host, and takes everything from it that must not be cut off: it is
 * noted on the host first, so that a later run gives back what this one cannot.
 * @returns whether anything left
 * @throws a DrainError: what speaks against it, or what does not leave in time. Then the host is as it was.
 */
export async function drain(
  host: Host,
  facts: HostFacts,
  preparation: RebootPreparation,
  context: DrainContext,
): Promise<boolean> {
  const survey = await clearWay(host, preparation, context);
  const earlier = parseDrain(facts.drain);
  const round: Round = { preparation, run: randomUUID().slice(0, 8) };
  const begun = new Set<string>();
  let noted = facts.drain;
  const note = async (entries: readonly DrainEntry[], managed: ManagedMark | null) => {
    const record: DrainRecord = {
      version: 1,
      bootId: facts.bootId,
      run: round.run,
      entries,
      ...(managed === null ? {} : { managed }),
    };
    const purpose = `note what leaves ${context.name}`;
    await run(host, facts.machineId, purpose, drainSteps(noted, record), context);
    noted = printDrain(record);
  };
  try {
    const mark = await leaveService(preparation, earlier, context, (managed) =>
      note(earlier?.entries ?? [], managed),
    );
    // What the manager moved is not here any more.
    const left = context.managers.declared !== null;
    if (left) host.refresh();
    const guests = runningGuests(left ? await host.probe(context.signal) : facts);
    const now = left ? await surveyOf(host, context) : survey;
    refuseTransient(
      guests.filter(({ kind, id }) => now.running.has(`${kind}/${id}`)),
      preparation,
      context,
    );
    const entries = planDrain(guests, now, preparation, earlier);
    if (entries.length === 0) return mark !== null;
    await note(entries, mark ?? earlier?.managed ?? null);
    for (const phase of phasesOf(entries)) {
      phase.forEach((entry) => begun.add(backgroundName(entry, round.run)));
      await leave(host, facts.machineId, phase, round, context);
    }
    await nothingLeft(host, preparation, context);
    return true;
  } catch (error) {
    if (noted === facts.drain) throw error;
    const back = await giveBack(host, context, { proven: true, begun });
    const words = error instanceof Error ? error.message : String(error);
    throw new DrainError(
      [words, ...back.map((problem) => `Also: ${problem}`)].join("\n"),
      error instanceof DrainError && error.interrupted,
    );
  }
}

/** Has the host's manager take it out of service; null where nothing is to be undone. */
async function leaveService(
  preparation: RebootPreparation,
  earlier: DrainRecord | null,
  context: DrainContext,
  record: (mark: ManagedMark) => Promise<void>,
): Promise<ManagedMark | null> {
  const { declared, reach } = context.managers;
  if (declared === null) return null;
  const before = earlier?.managed ?? null;
  if (before !== null && !sameManaged(before.manager, declared))
    throw new DrainError(
      `${context.name} was not rebooted: ${markWords(before)} since an earlier reboot, and is not managed there any more. Bring it back first: \`passthrough reboot --resume\`.`,
    );
  let mark: ManagedMark | null = null;
  try {
    const manager = reach(declared);
    try {
      await manager.leave({
        ...{ preparation, earlier: before, signal: context.signal },
        say: (line) => context.say(line),
        doing: (what, detail) => context.doing(what, detail),
        async record(given) {
          await record(given);
          mark = given;
        },
      });
    } finally {
      await manager.close();
    }
  } catch (error) {
    if (error instanceof DrainError) throw error;
    stopIf(context);
    throw new DrainError(`${context.name} was not rebooted: ${wordsOf(error)}`);
  }
  return mark;
}

export interface Return {
  /** The host runs what is declared; else guests with devices of the host stay off. */
  readonly proven: boolean;
  /** Names of what has just been told to leave, and may do so later. @default what still runs in the background */
  readonly begun?: ReadonlySet<string>;
}

/**
 * Gives back what was taken from the host before its reboot, as far as that is possible now. Not under a signal: it is
 * what follows one, too.
 * @returns what is still missing, in words; it stays noted on the host
 */
export async function giveBack(
  host: Host,
  context: DrainContext,
  { proven, begun }: Return,
): Promise<string[]> {
  host.refresh();
  const facts = await host.probe();
  const record = parseDrain(facts.drain);
  if (record === null) return [];
  const survey = await bootedUp(host, context);
  const rebooted = survey.bootId !== record.bootId;
  const missing: { entry: DrainEntry; words: string }[] = [];
  for (const entry of [...record.entries].reverse()) {
    const stage = stageOf(entry);
    const steps = stage.undo(entry, survey, rebooted);
    if (steps.length === 0) {
      if (!rebooted && mayStillLeave(entry, survey, backgroundName(entry, record.run), begun))
        missing.push({ entry, words: `it may still come to that: ${stage.words(entry)}` });
      continue;
    }
    if (!proven && rebooted && stage.needsProof(entry)) {
      missing.push({ entry, words: `not undone, as its devices are not proven: ${stage.words(entry)}` });
      continue;
    }
    context.say(`${context.name}: undone: ${stage.words(entry)}`);
    const problem = await attempt(host, facts.machineId, `undo: ${stage.words(entry)}`, steps);
    if (problem !== null)
      missing.push({ entry, words: `${stage.words(entry)}, and that was not undone: ${problem}` });
  }
  const { managed, ...rest } = record;
  const out = managed === undefined ? null : await backInService(managed, context, proven || !rebooted);
  // Those that failed wait for the next run, in their order.
  const left = missing.map(({ entry }) => entry).reverse();
  const kept: DrainRecord = { ...rest, entries: left, ...(managed && out !== null ? { managed } : {}) };
  const problem = await attempt(
    host,
    facts.machineId,
    `note what ${context.name} has back`,
    drainSteps(facts.drain, left.length > 0 || out !== null ? kept : null),
  );
  return [...missing.map(({ words }) => words), ...[out, problem].filter((words) => words !== null)];
}

/** Null where the host is in service again; else words for why not. */
async function backInService(mark: ManagedMark, context: DrainContext, fit: boolean): Promise<string | null> {
  if (!fit) return `${markWords(mark)}, and stays so until the host is proven`;
  try {
    const manager = context.managers.reach(mark.manager);
    try {
      await manager.giveBack(mark, context);
    } finally {
      await manager.close();
    }
    return null;
  } catch (error) {
    return `${markWords(mark)}, and that was not undone: ${wordsOf(error)}`;
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** It was told to leave and is still here: a guest takes its time, and nobody takes a shutdown back. */
function mayStillLeave(
  entry: DrainEntry,
  survey: RebootSurvey,
  name: string,
  begun: Return["begun"],
): boolean {
  // virsh does not wait for a guest.
  const asked = entry.kind === "guest" && entry.guest === "domain" && begun?.has(name) === true;
  return asked || survey.underWay.includes(name);
}

/** The checks, until those that pass by themselves have passed. */
async function clearWay(
  host: Host,
  { busyTimeout, despite }: RebootPreparation,
  context: DrainContext,
): Promise<RebootSurvey> {
  const { name } = context;
  const clock = stopwatch();
  for (;;) {
    const survey = await surveyOf(host, context);
    const found = obstacles(survey);
    for (const { words } of clock.first ? found.filter(({ check }) => despite.includes(check)) : [])
      context.say(`${name}: reboots although ${words}`);
    const against = found.filter(({ check }) => !despite.includes(check));
    if (against.length === 0) return survey;
    const lasting = against.filter(({ passes }) => !passes);
    const words = (lasting.length > 0 ? lasting : against).map((obstacle) => obstacle.words);
    if (lasting.length > 0 || clock.seconds() >= busyTimeout)
      throw new DrainError(
        [
          `${name} was not rebooted${lasting.length > 0 ? "" : `, after ${busyTimeout} s of waiting`}:`,
          ...words.map((line) => `  - ${line}`),
          `Nothing was touched. To reboot all the same, name the check: ${[...new Set(against.map(({ check }) => check))].join(", ")} (\`beforeReboot.despite\`, or --despite).`,
        ].join("\n"),
      );
    context.doing(`${name}: waits: ${words.join("; ")}`, `${clock.seconds()} s of ${busyTimeout} s`);
    await rest(context);
  }
}

function refuseTransient(
  guests: ReturnType<typeof runningGuests>,
  { unresponsive }: RebootPreparation,
  { name }: DrainContext,
): void {
  const lost = guests.filter(({ transient }) => transient).map(guestWords);
  if (lost.length === 0 || unresponsive === "power-off") return;
  throw new DrainError(
    `${name} was not rebooted: nobody could start ${lost.join(", ")} again, which libvirt has no configuration of. ` +
      "Stop it with what started it, then deploy again.",
  );
}

async function leave(
  host: Host,
  machineId: string,
  entries: readonly DrainEntry[],
  round: Round,
  context: DrainContext,
): Promise<void> {
  const { name } = context;
  const { preparation } = round;
  const open = async () => {
    const survey = await surveyOf(host, context);
    return { survey, late: entries.filter((entry) => stageOf(entry).left(entry, survey) !== null) };
  };
  const present = (await open()).late;
  const due = entries.filter(
    (entry) => present.includes(entry) || stageOf(entry).limit(entry, preparation) === null,
  );
  for (const entry of due) context.say(`${name}: ${stageOf(entry).words(entry)}`);
  await run(
    host,
    machineId,
    `drain ${name}`,
    due.flatMap((entry) => stageOf(entry).begin(entry, round)),
    context,
  );
  const clock = stopwatch();
  const forced = new Set<DrainEntry>();
  for (;;) {
    const { survey, late } = await open();
    if (late.length === 0) return;
    for (const entry of late) {
      const ended = survey.ended[backgroundName(entry, round.run)];
      if (ended !== undefined && ended.code !== 0)
        throw new DrainError(`${name} was not rebooted: ${stageOf(entry).words(entry)}: ${ended.words}`);
    }
    const over = late.filter((entry) => clock.seconds() >= (stageOf(entry).limit(entry, preparation) ?? 0));
    const force = preparation.unresponsive === "power-off" ? over.filter((entry) => !forced.has(entry)) : [];
    const steps = force.flatMap((entry) => stageOf(entry).force?.(entry) ?? []);
    if (steps.length > 0) {
      force.forEach((entry) => forced.add(entry));
      await run(host, machineId, `force what does not leave ${name}`, steps, context);
    } else if (over.length > 0) {
      const words = over.map((entry) => stageOf(entry).left(entry, survey)).join(", ");
      throw new DrainError(
        `${name} was not rebooted: it still has ${words} after ${clock.seconds()} s. Stop it by hand, or let it be powered off (\`beforeReboot: { unresponsive: "power-off" }\`, or --power-off).`,
      );
    }
    const words = late.map((entry) => stageOf(entry).left(entry, survey)).join(", ");
    context.doing(`${name}: waits for ${words}`, `${clock.seconds()} s`);
    await rest(context);
  }
}

/** What started meanwhile would be cut off. */
async function nothingLeft(
  host: Host,
  { unresponsive }: RebootPreparation,
  context: DrainContext,
): Promise<void> {
  const { running } = await surveyOf(host, context);
  if (running.size === 0 || unresponsive === "power-off") return;
  throw new DrainError(
    `${context.name} was not rebooted: ${[...running].join(", ")} started while the others stopped. Deploy again.`,
  );
}

/** A host that is back may still start what belongs to it: then it is too early to start guests. */
async function bootedUp(host: Host, context: DrainContext): Promise<RebootSurvey> {
  const clock = stopwatch();
  for (;;) {
    const survey = await host.survey();
    if (!survey.noLogin || clock.seconds() >= 300) return survey;
    context.doing(`${context.name}: is still starting its services`, `${clock.seconds()} s`);
    await wait(undefined);
  }
}

async function surveyOf(host: Host, context: DrainContext): Promise<RebootSurvey> {
  stopIf(context);
  return host.survey(context.signal).catch((error: unknown) => {
    stopIf(context);
    throw error;
  });
}

function stopIf({ name, signal }: DrainContext): void {
  if (signal.aborted) throw new DrainError(`Stopped before ${name} was rebooted.`, true);
}

/** Runs steps that must succeed. */
async function run(
  host: Host,
  machineId: string,
  purpose: string,
  steps: readonly Step[],
  context: DrainContext,
): Promise<void> {
  stopIf(context);
  const problem = await attempt(host, machineId, purpose, steps);
  if (problem !== null)
    throw new DrainError(`${context.name} was not rebooted: Unable to ${purpose}: ${problem}`);
}

/** Null where they did; else the words of what failed. */
async function attempt(
  host: Host,
  machineId: string,
  purpose: string,
  steps: readonly Step[],
): Promise<string | null> {
  if (steps.length === 0) return null;
  const outcome = await host.change({ purpose, machineId, steps });
  return outcome.ok ? null : outcome.message.trim();
}

function stopwatch(): { readonly first: boolean; seconds(): number } {
  const started = Date.now();
  let asked = false;
  return {
    get first() {
      const first = !asked;
      asked = true;
      return first;
    },
    seconds: () => Math.round((Date.now() - started) / 1000),
  };
}

async function rest(context: DrainContext): Promise<void> {
  await wait(context.signal);
  stopIf(context);
}

function wait(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, pause);
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    signal?.addEventListener("abort", done);
  });
}
