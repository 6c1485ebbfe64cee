/**
 * OpenNebula's templates: attributes that are text or hold attributes themselves, each name as often as wanted. Read
 * from what the commands print with `-j`, written in the syntax that they read.
 */

/** The inner attributes of one like `PCI = [ ... ]`. */
export type Section = Readonly<Record<string, string>>;

export interface TemplateAttribute {
  readonly name: string;
  readonly value: string | Section;
}

/** In OpenNebula's order: attributes of one name stay in the order they were given. */
export type Template = readonly TemplateAttribute[];

/**
 * The template in what a command printed with `-j`: an array where a name stands several times, `{}` where a value
 * is empty.
 * @throws an Error where it holds what no template can
 */
export function templateOf(json: unknown): Template {
  return Object.entries(objectOf(json)).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => ({ name, value: valueOf(one, name) })),
  );
}

function valueOf(json: unknown, name: string): string | Section {
  const text = textOf(json);
  if (text !== null) return text;
  const inner = Object.entries(objectOf(json)).map(([key, value]) => {
    const words = textOf(value);
    if (words === null) throw new Error(`Its attribute ${name}.${key} holds more than text.`);
    return [key, words] as const;
  });
  return Object.fromEntries(inner);
}

/** null where it is no text; an empty element of the XML that the JSON is made from is `{}`. */
function textOf(json: unknown): string | null {
  if (typeof json === "string") return json;
  if (typeof json === "number" || typeof json === "boolean") return String(json);
  if (json === null || (typeof json === "object" && Object.keys(json).length === 0)) return "";
  return null;
}

function objectOf(json: unknown): object {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  return {};
}

/** The sections of a name, in their order. */
export function sectionsOf(template: Template, name: string): Section[] {
  return template.flatMap((attribute) =>
    attribute.name === name && typeof attribute.value !== "string" ? [attribute.value] : [],
  );
}

/** The text of an attribute; null where there is none. */
export function attributeOf(template: Template, name: string): string | null {
  const found = template.find((attribute) => attribute.name === name);
  return typeof found?.value === "string" ? found.value : null;
}

/** `attributes` in place of all of that name; the others stay as and where they are. */
export function withAttributes(
  template: Template,
  name: string,
  attributes: readonly (string | Section)[],
): Template {
  const first = template.findIndex((attribute) => attribute.name === name);
  const made = attributes.map((value) => ({ name, value }));
  const others = template.filter((attribute) => attribute.name !== name);
  if (first < 0) return [...others, ...made];
  return [...others.slice(0, first), ...made, ...others.slice(first)];
}

/**
 * A template in OpenNebula's syntax, an attribute a line.
 * @throws an Error naming the attribute whose name or value that syntax cannot carry
 */
export function printTemplate(template: Template): string {
  return template
    .map(({ name, value }) =>
      typeof value === "string" ? `${printPair(name, name, value)}\n` : `${printSection(name, value)}\n`,
    )
    .join("");
}

/** `PCI=[VENDOR="8086",CLASS="0c03"]` */
export function printSection(name: string, section: Section): string {
  const pairs = Object.entries(section).map(([key, value]) => printPair(`${name}.${key}`, key, value));
  checkName(name, name);
  return `${name}=[${pairs.join(",")}]`;
}

function printPair(where: string, name: string, value: string): string {
  checkName(where, name);
  const problem = valueProblem(value);
  if (problem !== null) throw new Error(`${where} is ${JSON.stringify(value)}, and ${problem}.`);
  return `${name}="${value.replaceAll('"', '\\"')}"`;
}

function checkName(where: string, name: string): void {
  if (!/^\w+$/.test(name))
    throw new Error(`${JSON.stringify(where)} cannot name an attribute of a template.`);
}

/**
 * Why OpenNebula's template syntax cannot carry a value; null where it can. A quotation mark is escaped, and nothing
 * else is: a backslash at the end would escape the closing one.
 */
export function valueProblem(value: string): string | null {
  if (value.endsWith("\\")) return "a value that ends with a backslash cannot be written to a template";
  if (value.includes("]]>")) return "]]> would end the XML that OpenNebula keeps it in";
  // Exactly these cannot stand in XML.
  if (/[\0-\x08\x0b\x0c\x0e-\x1f]/.test(value)) return "a control character cannot stand in a template";
  return null;
}
