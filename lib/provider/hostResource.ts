import { observe, packObservation, unpackObservation, type Observation } from "../model/observation";
import type { HostFacts } from "../model/facts";
import type { Change, ChangeOutcome } from "../model/change";
import type { ApplyResult, Diagnostic, PrivateState, ReadResult, Values } from "../plugin/types";
import { failure, wordsOf } from "./diagnostics";
import type { Hosts, Seen, Sight } from "./hosts";
import { typed, type Planned } from "./values";

/** What every resource keeps beside its state: how its host was reached, and what was read of it. */
export function keep(sight: Seen, facts: HostFacts = sight.facts): PrivateState {
  return { connection: sight.connection, observation: packObservation(observe(facts)) };
}

/**
 * Left in the private state of a planned create. Where the create is the second half of a replacement, Terraform
 * hands it to the destroy before it too: what is going to be created again is not torn down first, as that could
 * cost a reboot.
 */
export interface Recreated {
  readonly host: string;
  /** Functions that the new binding holds too. */
  readonly addresses?: readonly string[];
}

export function recreated(kept: PrivateState, host: string): Recreated | null {
  const found = kept["recreated"] as Recreated | undefined;
  return found?.host === host ? found : null;
}

interface Hosted {
  readonly host: string | null;
  readonly machine_id: string | null;
}

/**
 * The refresh of a resource: its host is read, or, where that is allowed, the state stands as it is remembered and
 * carries the mark.
 */
export async function refresh<S extends Hosted>(
  { state: values, private: kept }: { state: Values; private: PrivateState },
  hosts: Hosts,
  signal: AbortSignal,
  read: (state: S, sight: Seen) => ReadResult | Promise<ReadResult>,
): Promise<ReadResult> {
  const state = typed<S>(values);
  const name = state.host ?? "";
  const sight = await hosts.look(name, kept["connection"], signal);
  if (sight.kind === "unknown") return { state: values, private: kept };
  if (sight.kind === "assumed") {
    return { state: { ...values, assumed: true }, private: kept, diagnostics: [sight.notice] };
  }
  checkMachine(name, state.machine_id, sight.facts);
  return read(state, sight);
}

/** What a plan goes by: of a create what was just seen, later what the last refresh kept. Null where there is neither. */
export function planObservation(
  before: object | null,
  kept: PrivateState,
  sight: Sight | null,
): Observation | null {
  if (before !== null) return unpackObservation(kept["observation"]);
  return sight?.kind === "seen" ? observe(sight.facts) : null;
}

/** The change of a resource, alone on its host, which has to be the machine that the state knows. */
export async function applyAlone<S extends Hosted>(
  request: { prior: Values | null; planned: Values | null; private: PrivateState },
  hosts: Hosts,
  signal: AbortSignal,
  work: (name: string, before: S | null, target: Planned<S> | null, sight: Seen) => Promise<ApplyResult>,
): Promise<ApplyResult> {
  const before = request.prior === null ? null : typed<S>(request.prior);
  const target = request.planned === null ? null : typed<Planned<S>>(request.planned);
  const name = (target?.host ?? before?.host ?? "") as string;
  return hosts.alone(name, request.private["connection"], signal, (sight) => {
    checkMachine(name, before?.machine_id ?? null, sight.facts);
    return work(name, before, target, sight);
  });
}

/** Another machine at the same address is never touched. */
export function checkMachine(name: string, expected: string | null, facts: HostFacts): void {
  if (expected === null || expected === facts.machineId) return;
  throw new Error(
    `${name} is another machine than the one this state knows\nmachine-id ${facts.machineId} (${facts.hostname}) ` +
      `answers where ${expected} was configured. Nothing was touched. Correct the connection, or remove the host's ` +
      `resources from the state if the machine was replaced.`,
  );
}

/** What became of a change, and the host as it is after it; null where it cannot be read any more. */
export interface Changed {
  readonly outcome: ChangeOutcome;
  readonly facts: HostFacts | null;
}

/**
 * Changes a host and reads it back, also where the change did not come to its end: a host finishes by itself what
 * it was sent, so what a lost connection left behind is looked at, not guessed.
 */
export async function changeAndRead(sight: Seen, change: Change, signal: AbortSignal): Promise<Changed> {
  if (change.steps.length === 0) return { outcome: { ok: true, log: "" }, facts: sight.facts };
  let outcome: ChangeOutcome;
  try {
    outcome = await sight.host.change(change, signal);
  } catch (error) {
    // Stopped before it began: nothing has changed.
    if (signal.aborted && error === signal.reason) throw error;
    outcome = { ok: false, failedStep: -1, reason: "failed", message: wordsOf(error), log: "" };
  }
  try {
    // Not under the signal: whatever was done is to be read back and saved.
    return { outcome, facts: await sight.host.probe() };
  } catch (error) {
    if (outcome.ok)
      outcome = { ok: false, failedStep: -1, reason: "failed", message: wordsOf(error), log: "" };
    return { outcome, facts: null };
  }
}

/** Words for a change that did not come to its end. */
export function changeFailure(
  name: string,
  change: Change,
  outcome: Extract<ChangeOutcome, { ok: false }>,
): Diagnostic {
  const step = outcome.failedStep >= 0 ? change.steps[outcome.failedStep] : undefined;
  const log = outcome.log.trim();
  return failure(
    `Unable to ${change.purpose}: ${advice[outcome.reason].title}`,
    [
      `${name}${step ? `, step ${outcome.failedStep + 1} of ${change.steps.length} (${step.step})` : ""}: ${outcome.message.trim()}`,
      ...(log !== "" && outcome.reason === "failed" ? [`The command's own words:\n${log}`] : []),
      advice[outcome.reason].mend,
    ].join("\n\n"),
  );
}

const advice: Readonly<
  Record<Extract<ChangeOutcome, { ok: false }>["reason"], { title: string; mend: string }>
> = {
  changed: { title: "the host changed since the plan", mend: "Nothing was written. Plan again." },
  critical: { title: "the host needs this device", mend: "The device was not touched." },
  locked: {
    title: "another change of this host is running",
    mend: "Nothing was written. Try again when it has ended.",
  },
  moved: { title: "another device stands at this address", mend: "The device was not touched. Plan again." },
  machine: { title: "another machine answers at this address", mend: "Nothing was written." },
  lost: {
    title: "it was cut off",
    mend: "What stands there was read back where that was possible; the next plan shows what is left to do, and applying it again is safe.",
  },
  failed: {
    title: "the host said no",
    mend: "What was done before stays done and is read back; the next plan shows what is left to do.",
  },
};
