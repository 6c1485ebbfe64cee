/**
 * Text of SVG and HTML, put together so that nothing which came from a host or a plan can become markup: whatever is
 * not Markup itself is escaped.
 */
export class Markup {
  constructor(readonly text: string) {}
}

type Value = Markup | string | number | null | readonly Markup[];

/** `markup\`<b>${name}</b>\``: strings are escaped, in text and in quoted attributes alike; null is nothing. */
export function markup(literals: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(literals.reduce((text, literal, at) => text + written(values[at - 1] ?? null) + literal));
}

function written(value: Value): string {
  if (value === null) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "string") return escape(value);
  if (typeof value === "number") return String(value);
  return value.map(({ text }) => text).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * What XML cannot carry (control characters, halves of surrogate pairs), and what turns the direction of the text
 * around and so shows another name than is there.
 */
const unprintable =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]|\p{Surrogate}/gu;

/** Text for SVG and HTML, in an element or in a quoted attribute. */
export function escape(text: string): string {
  return text.replace(unprintable, "\ufffd").replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
