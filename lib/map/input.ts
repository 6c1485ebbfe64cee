import Ajv, { type AnySchema } from "ajv";

/**
 * The content of a JSON file that is as its schema says.
 * @param file its name, for messages
 * @param expected what the file should hold, for messages
 * @throws an Error that says what in it is not as expected
 */
export function checked<T>(content: string, schema: AnySchema, file: string, expected: string): T {
  const refuse = (found: string): never => {
    throw new Error(`Unable to read ${file}: it is not ${expected}: ${found}.`);
  };
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    return refuse(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const valid = new Ajv({ allowUnionTypes: true }).compile(schema);
  if (valid(value)) return value as T;
  const [problem] = valid.errors ?? [];
  return refuse(`${problem?.instancePath || "the whole"} ${problem?.message ?? "is something else"}`);
}
