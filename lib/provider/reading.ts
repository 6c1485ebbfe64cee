import type { Diagnostic } from "../plugin/types";
import { warning, wordsOf } from "./diagnostics";

/**
 * Milliseconds for which an apply believes what was read: Terraform plans a resource once more right before it applies
 * it.
 */
export const JUST_READ = 2000;

export function notDialled(name: string): Diagnostic {
  return warning(
    `${name} was not dialled`,
    "PASSTHROUGH_OFFLINE is set: this plan stands on what the state remembers of it.",
  );
}

export function notReached(name: string, error: unknown): Diagnostic {
  return warning(
    `${name} was not reached`,
    `This plan stands on what the state remembers of it. ${wordsOf(error)}`,
  );
}
