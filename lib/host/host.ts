import type { Change, ChangeOutcome } from "../model/change";
import type { HostFacts } from "../model/facts";
import type { RebootSurvey } from "../model/survey";
import { changeTimeout, lostChange, parseChange, renderChange } from "./change";
import { HostError } from "./errors";
import { parseProbe, probeScript } from "./probe";
import { parseSurvey, surveyScript } from "./survey";
import type { Host, RunResult, Session } from "./types";

/** Seconds; a probe takes less than one on a healthy host. */
const PROBE_TIMEOUT = 120;

/** A host on top of its one connection. */
export function createHost(name: string, session: Session): Host {
  return new SessionHost(name, session);
}

/** A probe that is under way or done, and who still waits for it. */
interface Probe {
  readonly facts: Promise<HostFacts>;
  readonly abandon: AbortController;
  waiting: number;
  /** When it ended (performance.now()); undefined while it is under way. */
  endedAt?: number;
}

class SessionHost implements Host {
  private probed: Probe | undefined;
  private changes: Promise<unknown> = Promise.resolve();

  constructor(
    readonly name: string,
    private readonly session: Session,
  ) {}

  /** @throws HostError; an Error where the answer is cut off, or the user is not root. */
  async probe(signal?: AbortSignal): Promise<HostFacts> {
    signal?.throwIfAborted();
    const probe = (this.probed ??= this.startProbe());
    probe.waiting += 1;
    try {
      return await abortable(probe.facts, signal);
    } finally {
      probe.waiting -= 1;
      // It is stopped only when nobody is left who asked for it.
      if (signal?.aborted && probe.waiting === 0) {
        this.forget(probe);
        probe.abandon.abort();
      }
    }
  }

  /** @throws HostError, but for a connection lost on the way: that is an outcome. */
  async change(change: Change, signal?: AbortSignal): Promise<ChangeOutcome> {
    const reboots = change.steps.some(({ step }) => step === "reboot");
    // The change runs in a shell of its own, so that the host is read back in the same round trip however it ends.
    const script = reboots ? renderChange(change) : `(\n${renderChange(change)})\n${probeScript}`;
    const turn = this.changes.then(async () => {
      signal?.throwIfAborted();
      this.forget();
      try {
        const timeoutSeconds = changeTimeout(change) + PROBE_TIMEOUT;
        // Not under the signal: whoever has to stop waits for the end of what has begun, and knows what it came to.
        const result = await this.session.run(script, { timeoutSeconds });
        // Whoever asked meanwhile may have been answered from before it.
        this.forget();
        this.rememberAfter(result);
        return parseChange(result, change);
      } catch (error) {
        this.forget();
        const cut = error instanceof HostError ? error.cut : undefined;
        if (cut === undefined) throw error;
        return lostChange(cut.words, cut.stdout, change);
      }
    });
    this.changes = turn.catch(() => undefined);
    return turn;
  }

  async survey(signal?: AbortSignal): Promise<RebootSurvey> {
    const { stdout, stderr } = await this.session.run(surveyScript, {
      timeoutSeconds: PROBE_TIMEOUT,
      ...(signal && { signal }),
    });
    return parseSurvey(stdout, this.name, stderr);
  }

  refresh(maxAge = 0): void {
    const endedAt = this.probed?.endedAt ?? -Infinity;
    const isFresh = this.session.isOpen && performance.now() - endedAt < maxAge;
    if (!isFresh) this.forget();
  }

  close(): Promise<void> {
    this.forget();
    return this.session.close();
  }

  private startProbe(): Probe {
    const abandon = new AbortController();
    const run = async (): Promise<HostFacts> => {
      const { stdout, stderr } = await this.session.run(probeScript, {
        timeoutSeconds: PROBE_TIMEOUT,
        signal: abandon.signal,
      });
      return parseProbe(stdout, this.name, stderr);
    };
    const probe: Probe = { facts: run(), abandon, waiting: 0 };
    probe.facts.then(
      () => (probe.endedAt = performance.now()),
      () => this.forget(probe),
    );
    return probe;
  }

  /** What the probe behind a change read answers the next who asks; where it was cut off, they ask the host. */
  private rememberAfter({ stdout, stderr }: RunResult): void {
    try {
      const facts = Promise.resolve(parseProbe(stdout, this.name, stderr));
      this.probed = { facts, abandon: new AbortController(), waiting: 0, endedAt: performance.now() };
    } catch {
      this.forget();
    }
  }

  private forget(probe: Probe | undefined = this.probed): void {
    if (this.probed === probe) this.probed = undefined;
  }
}

/** `work`, or the end of waiting for it. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
