import { UNKNOWN, type Unknown, type Values } from "../plugin/types";

/** A planned state: every attribute may still be unknown. */
export type Planned<S> = { [K in keyof S]: S[K] | Unknown };

/** Terraform's values have the shape of the schema that they were decoded with. */
export function typed<S>(values: Values): S {
  return values as unknown as S;
}

export function untyped<S>(state: S | Planned<S>): Values {
  return state as unknown as Values;
}

/** Something in it is only known after apply. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnknown);
}

/** Equal as Terraform sees it: by content, an absent map like an empty one is not equal to null. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) =>
    same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

/** The author's part of a state changed. */
export function inputsChanged<S>(inputs: readonly (keyof S)[], prior: S, proposed: Planned<S>): boolean {
  return inputs.some((name) => !same(prior[name], proposed[name]));
}
