/** Values of a plan with what Terraform hides or does not know yet marked in place. Plans are not trusted: nothing here assumes a shape. */

/** Known only after apply. */
export const UNKNOWN = Symbol("unknown");
/** Marked sensitive: never shown, in no form. */
export const SENSITIVE = Symbol("sensitive");

export type View =
  null | boolean | number | string | typeof UNKNOWN | typeof SENSITIVE | readonly View[] | ViewMap;
export interface ViewMap {
  readonly [key: string]: View;
}

/**
 * The value with the marks of `after_unknown` and `after_sensitive`, or of `before_sensitive`, put into it.
 * @param redact what stands for a string that may hold a secret
 */
export function marked(
  value: unknown,
  unknown: unknown,
  sensitive: unknown,
  redact: (text: string) => string = (text) => text,
): View {
  if (sensitive === true) return SENSITIVE;
  if (unknown === true) return UNKNOWN;
  if (Array.isArray(value) || Array.isArray(unknown)) {
    const length = Math.max(lengthOf(value), lengthOf(unknown));
    return Array.from({ length }, (_, at) =>
      marked(elementOf(value, at), elementOf(unknown, at), elementOf(sensitive, at), redact),
    );
  }
  if (isObject(value) || hasMark(unknown)) {
    const keys = new Set([
      ...keysOf(value),
      ...keysOf(unknown).filter((key) => hasMark(member(unknown, key))),
    ]);
    return Object.fromEntries(
      [...keys].map((key) => [
        redact(key),
        marked(member(value, key), member(unknown, key), member(sensitive, key), redact),
      ]),
    );
  }
  if (typeof value === "string") return redact(value);
  return typeof value === "number" || typeof value === "boolean" ? value : null;
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Own members only: a plan may name `constructor`. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function isMap(view: View | undefined): view is ViewMap {
  return isObject(view);
}

/** Whether anything in an `after_unknown` is unknown. */
function hasMark(marks: unknown): boolean {
  if (marks === true) return true;
  if (Array.isArray(marks)) return marks.some(hasMark);
  return isObject(marks) && Object.values(marks).some(hasMark);
}

function keysOf(value: unknown): string[] {
  return isObject(value) ? Object.keys(value) : [];
}

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function elementOf(value: unknown, at: number): unknown {
  return Array.isArray(value) ? (value as unknown[])[at] : undefined;
}

/** An attribute; null where there is none. */
export function at(view: View | undefined, ...path: readonly string[]): View {
  let found: View = view ?? null;
  for (const key of path) found = isMap(found) && Object.hasOwn(found, key) ? (found[key] ?? null) : null;
  return found;
}

/** A known, public string; null for anything else. */
export function text(view: View): string | null {
  return typeof view === "string" ? view : null;
}

/** The entries of a map; none where it is no map, or not known. */
export function entries(view: View): [string, View][] {
  return isMap(view) ? Object.entries(view) : [];
}

/** The known strings of a list. */
export function strings(view: View): string[] {
  return Array.isArray(view) ? (view as readonly View[]).flatMap((value) => text(value) ?? []) : [];
}

export function isUnknown(view: View): boolean {
  if (view === UNKNOWN) return true;
  if (Array.isArray(view)) return (view as readonly View[]).some(isUnknown);
  return isMap(view) && Object.values(view).some(isUnknown);
}

export function isSensitive(view: View): boolean {
  if (view === SENSITIVE) return true;
  if (Array.isArray(view)) return (view as readonly View[]).some(isSensitive);
  return isMap(view) && Object.values(view).some(isSensitive);
}

export const hidden = { unknown: "(known after apply)", sensitive: "(sensitive)" } as const;

/** A value in words, as far as it may be shown; null where it is not set. */
export function words(view: View): string | null {
  if (view === null) return null;
  if (view === UNKNOWN) return hidden.unknown;
  if (view === SENSITIVE) return hidden.sensitive;
  if (typeof view === "string") return view;
  return JSON.stringify(view, (_key, inner: unknown) =>
    inner === UNKNOWN ? hidden.unknown : inner === SENSITIVE ? hidden.sensitive : inner,
  );
}

/** What two views differ in, down to single values; a value that came or went is null on the other side. */
export interface Difference {
  readonly path: readonly string[];
  readonly before: View;
  readonly after: View;
}

export function differences(before: View, after: View, path: readonly string[] = []): Difference[] {
  if (same(before, after)) return [];
  const maps = (isMap(before) || before === null) && (isMap(after) || after === null);
  if (!maps) return [{ path, before, after }];
  const keys = [...new Set([...entries(before), ...entries(after)].map(([key]) => key))];
  // An empty map that comes or goes has no single value to show.
  return keys.flatMap((key) => differences(at(before, key), at(after, key), [...path, key]));
}

/** Two unknown values are not known to be the same; two secrets are only compared by Terraform. */
export function same(one: View, other: View): boolean {
  if (one === other) return one !== UNKNOWN;
  if (Array.isArray(one) && Array.isArray(other)) {
    const [left, right] = [one as readonly View[], other as readonly View[]];
    return left.length === right.length && left.every((value, index) => same(value, right[index] ?? null));
  }
  if (!isMap(one) || !isMap(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && same(one[key] ?? null, other[key] ?? null))
  );
}
