import { constants } from "node:os";
import type { ClientChannel } from "ssh2";
import { aborted, commandTimeout, type HostError, lostConnection, type Peer, refusedCommand } from "./errors";
import type { Link } from "./link";
import { reason } from "./settings";
import type { RunResult } from "./types";

/** The connection proved dead before the command was sent: nothing ran, and it may be dialled anew. */
export class NeverStarted extends Error {}

export interface CommandLimits {
  readonly timeoutSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How often a silent host is asked whether it is still there. */
  readonly keepaliveSeconds: number;
}

/** Unanswered questions after which the host is taken for gone. */
const KEEPALIVES = 3;

/**
 * Run one command with `input` on its standard input.
 *
 * After a time-out or a cancellation the connection is dropped but nothing on the host is killed: it may be
 * in the middle of writing what it boots from.
 *
 * @throws NeverStarted, HostError
 */
export function execute(
  link: Link,
  peer: Peer,
  command: string,
  input: string,
  limits: CommandLimits,
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const { timeoutSeconds, signal, keepaliveSeconds } = limits;
    const timers: NodeJS.Timeout[] = [];
    const settle = (): void => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    };
    const fail = (error: HostError | NeverStarted): void => {
      settle();
      reject(error);
    };
    const giveUp = (error: HostError): void => {
      fail(error);
      link.abandon("it was dropped here");
    };
    const cancel = (): void => giveUp(aborted(peer, true));

    if (signal?.aborted) return reject(aborted(peer, false));
    signal?.addEventListener("abort", cancel, { once: true });
    timers.push(watch(link, keepaliveSeconds));
    if (timeoutSeconds !== undefined)
      timers.push(setTimeout(() => giveUp(commandTimeout(peer, timeoutSeconds)), timeoutSeconds * 1000));

    const begun = (error: Error | undefined, channel: ClientChannel): void => {
      if (error) {
        // A refusal leaves the connection open; its end reaches us a moment later than this.
        const alive = setTimeout(() => fail(refusedCommand(peer, error.message)), 100);
        timers.push(alive);
        void link.whenEnded.then((words) => fail(new NeverStarted(words)));
        return;
      }
      collect(link, peer, channel, input).then((result) => {
        settle();
        resolve(result);
      }, fail);
    };
    try {
      link.client.exec(command, begun);
    } catch (error) {
      fail(new NeverStarted(reason(error)));
    }
  });
}

function collect(link: Link, peer: Peer, channel: ClientChannel, input: string): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let code: number | undefined;
    // The end of a lost connection looks like that of the output.
    let complete = 0;
    const onEnd = (): void => void (complete += link.ended === undefined ? 1 : 0);
    const finish = (): void => {
      if (code === undefined || complete < 2)
        reject(lostConnection(peer, link.ended ?? "the host closed it without an exit status", text(stdout)));
      else resolve({ stdout: text(stdout), stderr: text(stderr), code });
    };
    channel
      .on("data", (chunk: Buffer) => stdout.push(chunk))
      .on("end", onEnd)
      .on("exit", (status: number | null, signal?: string) => (code = status ?? signalCode(signal)))
      .on("close", () => setImmediate(finish));
    channel.stderr.on("data", (chunk: Buffer) => stderr.push(chunk)).on("end", onEnd);
    void link.whenEnded.then(() => setImmediate(finish));
    channel.end(input);
  });
}

/** Decoded as a whole: a character may be split between two chunks. */
const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString("utf8");

/** As a shell tells it. */
function signalCode(signal: string | undefined): number {
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);
}

/**
 * Ask the host at intervals whether it is still there. ssh2's own keepalive has a timer that keeps the process
 * alive, idle connections too; the question here is one every server has an answer to, and the answer is no.
 */
function watch(link: Link, seconds: number): NodeJS.Timeout {
  let unanswered = 0;
  return setInterval(() => {
    if (link.ended !== undefined) return;
    if (unanswered >= KEEPALIVES) {
      link.abandon(`no sign of life for ${KEEPALIVES * seconds} s`);
      return;
    }
    unanswered += 1;
    try {
      link.client.unforwardIn("127.0.0.1", 0, () => (unanswered = 0));
    } catch (error) {
      link.abandon(reason(error));
    }
  }, seconds * 1000);
}
