import type { Values } from "../plugin/types";

interface Attributes {
  readonly [name: string]: unknown;
}

/**
 * A state with nothing in it but what the import id says. An id is either `fields` joined by `/`, or a JSON object
 * of declared attributes, as the constructs write it: then a host that is already right is adopted without a change.
 */
export function importedState(id: string, fields: readonly string[], attributes: Attributes): Values {
  const empty = Object.fromEntries(Object.keys(attributes).map((name) => [name, null]));
  return {
    ...empty,
    ...(id.trimStart().startsWith("{") ? parseJson(id, attributes) : parseFields(id, fields)),
  };
}

function parseFields(id: string, fields: readonly string[]): Values {
  const [first = "", ...rest] = id.split("/");
  const values = fields.length === 1 ? [id] : [first, rest.join("/")];
  if (values.length !== fields.length || values.some((value) => value === "")) {
    throw new Error(
      `The import id is ${id}; expected ${fields.join("/")}, or a JSON object of the declared attributes.`,
    );
  }
  return Object.fromEntries(fields.map((field, index) => [field, values[index] ?? null]));
}

function parseJson(id: string, attributes: Attributes): Values {
  let parsed: unknown;
  try {
    parsed = JSON.parse(id);
  } catch (error) {
    throw new Error(`The import id is not valid JSON: ${String(error)}`);
  }
  const unknown = Object.keys(parsed as object).filter((name) => !(name in attributes));
  if (unknown.length > 0) {
    throw new Error(
      `The import id names ${unknown.join(", ")}; known are ${Object.keys(attributes).join(", ")}.`,
    );
  }
  return parsed as Values;
}
