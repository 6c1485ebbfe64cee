import { hidden, isObject, member } from "./views";

export type Redact = (text: string) => string;

/**
 * Shorter ones are not looked for in other values: replacing every `on` or `1` would hide the plan and tell what the
 * secret is.
 */
const shortest = 4;

/**
 * The values that the plan marks as sensitive. Terraform does not carry the mark through a provider: a secret in
 * `modprobe_options` stands unmarked in `files`.
 */
export function secretsIn(plan: unknown): string[] {
  const found = new Set<string>();
  for (const key of ["resource_changes", "resource_drift"]) {
    for (const entry of arrayOf(member(plan, key))) {
      const change = member(entry, "change");
      collect(member(change, "before"), member(change, "before_sensitive"), found);
      collect(member(change, "after"), member(change, "after_sensitive"), found);
    }
  }
  const declared = member(member(member(plan, "configuration"), "root_module"), "variables");
  for (const name of Object.keys(isObject(declared) ? declared : {})) {
    const value = member(member(member(plan, "variables"), name), "value");
    collect(value, member(member(declared, name), "sensitive"), found);
  }
  return [...found].flatMap((secret) => [secret, ...secret.split("\n").map((line) => line.trim())]);
}

export function redactor(secrets: readonly string[]): Redact {
  const whole = [...new Set(secrets)].filter((secret) => secret.length >= shortest);
  // The longest first, so that no part of it stays where another secret begins it.
  whole.sort((one, other) => other.length - one.length);
  return (text) => whole.reduce((rest, secret) => rest.replaceAll(secret, () => hidden.sensitive), text);
}

function collect(value: unknown, sensitive: unknown, into: Set<string>): void {
  if (sensitive === true) {
    if (typeof value === "string") into.add(value);
    else if (typeof value === "number") into.add(String(value));
    else if (Array.isArray(value)) for (const inner of value as unknown[]) collect(inner, true, into);
    else if (isObject(value)) for (const inner of Object.values(value)) collect(inner, true, into);
    return;
  }
  if (Array.isArray(sensitive)) {
    (sensitive as unknown[]).forEach((mark, at) => collect(arrayOf(value)[at], mark, into));
  } else if (isObject(sensitive)) {
    for (const key of Object.keys(sensitive)) collect(member(value, key), member(sensitive, key), into);
  }
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
