import type { Answer, Call } from "../callGate";
import type { Machine } from "../machine";

/** What one of the host's programs does to the machine. */
export type Program = (call: Call, machine: Machine) => Answer | Promise<Answer>;

export const failed = (errors: string, code = 1): Answer => ({ errors: `${errors}\n`, code });
