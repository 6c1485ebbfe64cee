import { backOff } from "exponential-backoff";
import { execute, NeverStarted } from "./command";
import { dial } from "./dial";
import { aborted, closedEarly, mayPass, noSudo } from "./errors";
import type { Link } from "./link";
import { resolveSettings, type Settings, type Surroundings } from "./settings";
import type { Connection, RunResult, Session } from "./types";

export { HostError, isNotUpYet } from "./errors";

export interface SessionOptions extends Surroundings {
  /** How often dialling is repeated after an error that may pass; 0: one quick attempt. @default 2 */
  readonly retries?: number | undefined;
  /** Milliseconds before the first repetition; each next one waits twice as long. @default 500 */
  readonly retryDelay?: number | undefined;
  /** Seconds after which an unused connection is closed. It never keeps the process alive. @default 10 */
  readonly idleSeconds?: number | undefined;
  /** Seconds between signs of life while a command runs; three missing ones end the connection. @default 15 */
  readonly keepaliveSeconds?: number | undefined;
}

/**
 * The one connection to a host. Nothing is dialled or read before the first command.
 *
 * @param name the host's name in the stack, for messages
 */
export function createSession(name: string, connection: Connection, options: SessionOptions = {}): Session {
  return new SshSession(name, connection, options);
}

type RunOptions = NonNullable<Parameters<Session["run"]>[1]>;

/** Constant command lines: whatever the login shell is, nothing is interpolated but by it. */
const SHELL = "sh -s";
/** sudo drops SSH_CONNECTION, which tells the script which network the session lives on. */
const SUDO_SHELL = 'sudo -n -- env SSH_CONNECTION="$SSH_CONNECTION" sh -s';

class SshSession implements Session {
  private resolved: Settings | undefined;
  private link: Link | undefined;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly hostName: string,
    private readonly connection: Connection,
    private readonly options: SessionOptions,
  ) {}

  get name(): string {
    try {
      return this.settings.peer.address;
    } catch {
      return this.connection.host;
    }
  }

  get isOpen(): boolean {
    return this.link !== undefined && this.link.ended === undefined;
  }

  /**
   * @throws HostError. After one of kind lost, command-timeout or aborted the command may still be running;
   * it is never run again by itself.
   */
  async run(script: string, options: RunOptions = {}): Promise<RunResult> {
    const { peer } = this.settings;
    const { signal } = options;
    if (signal?.aborted) throw aborted(peer, false);
    this.waiting += 1;
    let started = false;
    const turn = this.queue.then(async () => {
      started = true;
      if (signal?.aborted) throw aborted(peer, false);
      return this.runNow(script, options);
    });
    this.queue = turn.catch(() => undefined).then(() => this.rest());
    if (signal === undefined) return turn;
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        // Once started, the command itself answers.
        if (!started) reject(aborted(peer, false));
      };
      signal.addEventListener("abort", cancel, { once: true });
      turn.then(resolve, reject).finally(() => signal.removeEventListener("abort", cancel));
    });
  }

  /** End the connection; a command that is running is lost. A later command dials anew. */
  async close(): Promise<void> {
    clearTimeout(this.idleTimer);
    const { link } = this;
    this.link = undefined;
    await link?.close();
  }

  private get settings(): Settings {
    this.resolved ??= resolveSettings(this.hostName, this.connection, this.options);
    return this.resolved;
  }

  private async runNow(script: string, { timeoutSeconds, signal }: RunOptions): Promise<RunResult> {
    const { peer, sudo, user } = this.settings;
    const limits = { timeoutSeconds, signal, keepaliveSeconds: this.options.keepaliveSeconds ?? 15 };
    const attempt = async (): Promise<RunResult> => {
      const link = await this.connected(signal);
      try {
        return await execute(link, peer, sudo ? SUDO_SHELL : SHELL, script, limits);
      } catch (error) {
        if (error instanceof NeverStarted) link.abandon(error.message);
        throw error;
      }
    };
    const result = await attempt()
      // The connection died unnoticed since the last command.
      .catch((error: unknown) => (error instanceof NeverStarted ? attempt() : Promise.reject(error)))
      .catch((error: unknown) => {
        throw error instanceof NeverStarted ? closedEarly(peer, error.message) : error;
      });
    const refusal = sudo ? sudoRefusal(result) : undefined;
    if (refusal !== undefined) throw noSudo(peer, user, refusal);
    return result;
  }

  private async connected(signal: AbortSignal | undefined): Promise<Link> {
    clearTimeout(this.idleTimer);
    if (this.link === undefined || this.link.ended !== undefined) this.link = await this.dialled(signal);
    this.link.keepProcess(true);
    return this.link;
  }

  private dialled(signal: AbortSignal | undefined): Promise<Link> {
    const { retries = 2, retryDelay = 500 } = this.options;
    return backOff(() => dial(this.settings, this.options, signal), {
      numOfAttempts: retries + 1,
      startingDelay: retryDelay,
      retry: (error: unknown) => mayPass(error) && !signal?.aborted,
    });
  }

  /** After each command; the last one in the queue leaves the connection idle. */
  private rest(): void {
    this.waiting -= 1;
    if (this.waiting > 0 || this.link === undefined) return;
    this.link.keepProcess(false);
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => void this.close(), (this.options.idleSeconds ?? 10) * 1000).unref();
  }
}

/** sudo's own words, where it refused before the script could begin and say anything. */
function sudoRefusal({ code, stdout, stderr }: RunResult): string | undefined {
  const spoke = /^(sudo: |sudo\b.*not found|.*\bsudo: .*not found|Sorry, user |.*sudoers)/m.test(stderr);
  return code !== 0 && stdout === "" && spoke ? stderr : undefined;
}
