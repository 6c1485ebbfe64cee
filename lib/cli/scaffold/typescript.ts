/** Writes TypeScript values in Prettier's default style. */

/** Text that is code already, on one line. */
export interface Raw {
  readonly raw: string;
}

export interface Field {
  readonly name: string;
  readonly value: Value;
  /** A line above it; untrusted text is fine. */
  readonly comment?: string | undefined;
}

/** An object; `expanded` ones are never joined to one line. */
export interface Fields {
  readonly fields: readonly Field[];
  readonly expanded?: boolean;
}

export type Value = string | number | boolean | Raw | Fields | readonly Value[];

const width = 80;

/**
 * A value as it stands in a line of code.
 * @param before what stands before it on its first line, indentation included
 * @param after what follows it on its last line
 */
export function print(value: Value, before: string, after: string): string {
  const oneLine = flat(value);
  if (oneLine !== null && before.length + oneLine.length + after.length <= width)
    return before + oneLine + after;
  const indent = /^ */.exec(before)?.[0] ?? "";
  if (isList(value)) {
    const items = value.map((item) => `${print(item, `${indent}  `, ",")}\n`);
    return `${before}[\n${items.join("")}${indent}]${after}`;
  }
  if (typeof value === "object" && "fields" in value) {
    const lines = value.fields.map((field) => `${printField(field, `${indent}  `)}\n`);
    return `${before}{\n${lines.join("")}${indent}}${after}`;
  }
  // A text that does not fit behind its name gets a line of its own, unless that would win next to nothing.
  return oneLine !== null && typeof value === "string" && /[^ ]{5,}: $/.test(before)
    ? `${before.trimEnd()}\n${indent}  ${oneLine}${after}`
    : `${before}${oneLine ?? ""}${after}`;
}

function printField({ name, value, comment }: Field, indent: string): string {
  const above = comment === undefined ? "" : `${commentLine(comment, indent)}\n`;
  return (
    above +
    (isShorthand(name, value) ? `${indent}${name},` : print(value, `${indent}${propertyName(name)}: `, ","))
  );
}

/** null where it must stand on several lines. */
function flat(value: Value): string | null {
  if (typeof value === "string") return literal(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (isList(value)) {
    const items = value.map(flat);
    return items.includes(null) ? null : `[${items.join(", ")}]`;
  }
  if ("raw" in value) return value.raw;
  if (value.fields.length === 0) return "{}";
  if (value.expanded === true) return null;
  const fields = value.fields.map(({ name, value: inner, comment }) => {
    const text = flat(inner);
    return text === null || comment !== undefined ? null : `${propertyName(name)}: ${text}`;
  });
  return fields.includes(null) ? null : `{ ${fields.join(", ")} }`;
}

/** `host` for `host: host`. */
function isShorthand(name: string, value: Value): boolean {
  return typeof value === "object" && "raw" in value && value.raw === name;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name);
}

/**
 * A string literal that holds any text as data.
 * @throws an Error for text that Terraform would read as a template, and run.
 */
export function literal(text: string): string {
  if (isTemplate(text))
    throw new Error(
      `${JSON.stringify(text)} cannot be put into a stack: Terraform would evaluate what stands in braces.`,
    );
  const [double, single] = [count(text, '"'), count(text, "'")];
  const quote = double > single ? "'" : '"';
  const escaped = text.replace(/[\\"']/g, (character) =>
    character === "\\" || character === quote ? `\\${character}` : character,
  );
  return `${quote}${ascii(escaped)}${quote}`;
}

/** Whether Terraform would evaluate a part of the text. */
export function isTemplate(text: string): boolean {
  return /[$%]\{/.test(text);
}

/** A comment of one line, whatever is in the text. */
export function commentLine(text: string, indent = ""): string {
  return `${indent}// ${ascii(text)}`.trimEnd();
}

/** Whatever could end a line, turn it around or look like something else is written as an escape. */
function ascii(text: string): string {
  return text.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
