import type { Change, ChangeOutcome } from "../model/change";
import type { HostFacts } from "../model/facts";
import type { RebootSurvey } from "../model/survey";

/** How to reach one host, everything known. Fields not set come from the OpenSSH config file, then from defaults. */
export interface Connection {
  /** Name, address or OpenSSH config alias. */
  readonly host: string;
  /** @default 22 */
  readonly port?: number | undefined;
  /** @default the OpenSSH config file's, else root */
  readonly user?: string | undefined;
  /** Run everything through `sudo -n`. @default true for every user but root */
  readonly sudo?: boolean | undefined;
  readonly identityFile?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly passphrase?: string | undefined;
  /** Ask the agent of SSH_AUTH_SOCK. @default true */
  readonly agent?: boolean | undefined;
  /** `ssh-ed25519 AAAA...` or `SHA256:...`; then no known_hosts file is read. */
  readonly hostKey?: string | undefined;
  readonly knownHostsFile?: string | undefined;
  /** `none` reads none. @default ~/.ssh/config */
  readonly configFile?: string | undefined;
  readonly jump?: JumpHost | undefined;
  /** Seconds. @default 20 */
  readonly connectTimeout?: number | undefined;
}

export interface JumpHost {
  readonly host: string;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly identityFile?: string | undefined;
  readonly hostKey?: string | undefined;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** One SSH connection, dialled at first use, redialled after a loss, closed when idle. */
export interface Session {
  /** For messages: `root@10.0.0.11:22`. */
  readonly name: string;
  /** The connection of the last command still stands: the host has not rebooted since. */
  readonly isOpen: boolean;
  /** Run `script` with `sh` (through sudo where needed): one executed command. Commands never overlap. */
  run(script: string, options?: { timeoutSeconds?: number; signal?: AbortSignal }): Promise<RunResult>;
  close(): Promise<void>;
}

/** A Linux host over SSH. */
export interface Host {
  readonly name: string;
  /** Everything in one round trip. The same answer for all who ask until a change drops it. */
  probe(signal?: AbortSignal): Promise<HostFacts>;
  /** What stands between this host and its reboot, in one round trip; asked anew each time. */
  survey(signal?: AbortSignal): Promise<RebootSurvey>;
  /**
   * Forget the last probe: somebody else, or a reboot, may have changed the host since. One that ended within the
   * last `maxAge` milliseconds, and whose connection still stands, is kept. @default 0
   */
  refresh(maxAge?: number): void;
  /** Apply a change and read the host back in one round trip. Changes of one host run one after another. */
  change(change: Change, signal?: AbortSignal): Promise<ChangeOutcome>;
  close(): Promise<void>;
}
