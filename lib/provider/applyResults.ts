import type { SettingChange } from "../hypervisors/types";
import type { ApplyResult, Diagnostic, PrivateState } from "../plugin/types";
import { failure } from "./diagnostics";
import { untyped } from "./values";

/** The answer of an apply that touched nothing: what the state knew before stays. */
export function stateStays(
  before: object | null,
  kept: PrivateState,
): (diagnostics: readonly Diagnostic[]) => ApplyResult {
  return (diagnostics) => ({ state: before === null ? null : untyped(before), private: kept, diagnostics });
}

/** Settings that somebody changed between plan and apply, in words. */
export function changedSincePlan(title: string, edited: readonly SettingChange[]): Diagnostic {
  const words = edited.map(
    ({ key, before, after }) => `${key} was ${before ?? "not set"} and is ${after ?? "not set"}`,
  );
  return failure(`${title} changed since the plan`, `${words.join("; ")}. Nothing was touched. Plan again.`, [
    "settings",
  ]);
}
