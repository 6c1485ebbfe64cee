import type { ManagedMark } from "../model/manager";
import type { RebootPreparation } from "../model/rebootPreparation";

/** Where progress goes. */
export interface ManagerWatch {
  /** What stays to be read. */
  say(line: string): void;
  /** What is waited for, and for how long. */
  doing(what: string, detail: string): void;
}

export interface Leaving extends ManagerWatch {
  readonly preparation: RebootPreparation;
  /** What an earlier run did and nobody has undone; null: nothing. */
  readonly earlier: ManagedMark | null;
  /** Notes on the host what is about to be done. Called before anything is. */
  readonly record: (mark: ManagedMark) => Promise<void>;
  readonly signal: AbortSignal;
}

/** One host at what manages it from elsewhere. */
export interface Manager {
  /**
   * Takes the host out of service and waits until its guests have left. Somebody else's maintenance is left alone.
   * @throws an Error in the manager's words; what was recorded by then is for `giveBack`
   */
  leave(leaving: Leaving): Promise<void>;
  /**
   * Takes the host into service again and starts what was shut down for it; nothing where that has happened.
   * @throws an Error in the manager's words
   */
  giveBack(mark: ManagedMark, watch: ManagerWatch): Promise<void>;
  close(): Promise<void>;
}
