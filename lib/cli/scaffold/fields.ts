import type { Fields, Value } from "./typescript";

/** What is set of an object's properties. */
export function record(values: Readonly<Record<string, Value | null | undefined>>): Fields {
  return {
    fields: Object.entries(values).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [{ name, value }],
    ),
  };
}

/** As properties of a larger object. */
export const set = (values: Parameters<typeof record>[0]): Fields["fields"] => record(values).fields;
