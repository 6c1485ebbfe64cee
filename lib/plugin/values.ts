/** Values on the wire (msgpack or JSON) <-> values as a provider handles them, held against the schema. */
import { decode, encode, ExtData } from "@msgpack/msgpack";
import type { DynamicValue } from "./protocol";
import { shapeOf, type ObjectShape, type Shape } from "./schema";
import { UNKNOWN, type PathStep, type PrivateState, type Schema, type Value, type Values } from "./types";

/** A value that does not fit its schema. */
export class ValueError extends Error {
  constructor(
    readonly path: readonly PathStep[],
    problem: string,
  ) {
    super(path.length === 0 ? problem : `${formatPath(path)}: ${problem}`);
    this.name = "ValueError";
  }
}

/** `slots["gpu"].functions[0]`, as one writes it in a configuration. */
export function formatPath(path: readonly PathStep[]): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (/^[A-Za-z_][\w-]*$/.test(step)) return index === 0 ? step : `.${step}`;
      return `[${JSON.stringify(step)}]`;
    })
    .join("");
}

/** The symbol reaches the codec because msgpack has no form for it; what Terraform sends back may be refined. */
const extensionCodec = {
  tryToEncode: (value: unknown) => (value === UNKNOWN ? new ExtData(0, new Uint8Array(1)) : null),
  decode: () => UNKNOWN,
};

/** @throws {ValueError} for what is malformed or does not fit the schema */
export function decodeValue(schema: Schema, message: DynamicValue | null): Values | null {
  if (message === null) return null;
  const value = conform(shapeOf(schema), unpack(message), [], DECODING);
  return value === null ? null : object(value);
}

/** As decodeValue, where null has no meaning. @throws {ValueError} */
export function decodeObject(schema: Schema, message: DynamicValue | null): Values {
  const values = decodeValue(schema, message);
  if (values === null) throw new ValueError([], `a value for ${schema.typeName} is missing`);
  return values;
}

/** @throws {ValueError} where the provider's value does not fit its own schema */
export function encodeValue(schema: Schema, values: Values | null): DynamicValue {
  return { msgpack: encode(conform(shapeOf(schema), values, [], ENCODING), { extensionCodec }) };
}

/**
 * Reads a state as it stands in the state file. Attributes it lacks become null, those that the schema no longer
 * has are dropped. @throws {ValueError}
 */
export function stateFromJson(schema: Schema, state: unknown): Values {
  return object(conform(shapeOf(schema), state, [], UPGRADING));
}

/** @throws {ValueError} */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    // The parser's own words would quote what may be secret.
    throw new ValueError([], `${what} is not JSON (${bytes.length} bytes)`);
  }
}

/** @throws {ValueError} */
export function decodePrivate(bytes: Uint8Array): PrivateState {
  if (bytes.length === 0) return {};
  const value = parseJson(bytes, "the private state");
  if (!isRecord(value)) throw new ValueError([], "the private state is not a JSON object");
  return value;
}

export function encodePrivate(state: PrivateState): Uint8Array {
  return Buffer.from(JSON.stringify(state));
}

function unpack({ msgpack, json }: DynamicValue): unknown {
  if (msgpack === undefined || msgpack.length === 0) return parseJson(json ?? new Uint8Array(), "the value");
  try {
    return decode(msgpack, { extensionCodec });
  } catch (error) {
    throw new ValueError([], `malformed msgpack: ${error instanceof Error ? error.message : String(error)}`);
  }
}

interface Rules {
  /** What happens to an attribute that the schema does not have. */
  readonly foreign: "refuse" | "drop";
  readonly number: (value: unknown) => number | string | undefined;
}

const DECODING: Rules = { foreign: "refuse", number: exactNumber };
const UPGRADING: Rules = { foreign: "drop", number: exactNumber };
const ENCODING: Rules = { foreign: "refuse", number: decimal };

/** Returns the value in the form that the rules ask for, every attribute of an object present. */
function conform(shape: Shape, raw: unknown, path: readonly PathStep[], rules: Rules): unknown {
  if (raw === null || raw === undefined) return null;
  if (raw === UNKNOWN) return UNKNOWN;
  const misfit = (expected: string) => new ValueError(path, `expected ${expected}, got ${describe(raw)}`);
  switch (shape.kind) {
    case "string":
      if (typeof raw !== "string") throw misfit("a string");
      return raw;
    case "bool":
      if (typeof raw !== "boolean") throw misfit("true or false");
      return raw;
    case "number": {
      const number = rules.number(raw);
      if (number === undefined) throw misfit("a number that can be held exactly");
      return number;
    }
    case "list":
    case "set":
      if (!Array.isArray(raw)) throw misfit(`a ${shape.kind}`);
      return raw.map((element, index) => conform(shape.of, element, [...path, index], rules));
    case "map":
      if (!isRecord(raw)) throw misfit("a map");
      return Object.fromEntries(
        Object.entries(raw).map(([key, element]) => [key, conform(shape.of, element, [...path, key], rules)]),
      );
    case "object":
      if (!isRecord(raw)) throw misfit("an object");
      return conformObject(shape, raw, path, rules);
  }
}

function conformObject(
  shape: ObjectShape,
  raw: Record<string, unknown>,
  path: readonly PathStep[],
  rules: Rules,
): unknown {
  const foreign = Object.keys(raw).find((name) => !Object.hasOwn(shape.attributes, name));
  if (foreign !== undefined && rules.foreign === "refuse")
    throw new ValueError([...path, foreign], "there is no such attribute");
  return Object.fromEntries(
    Object.entries(shape.attributes).map(([name, attribute]) => [
      name,
      conform(attribute, Object.hasOwn(raw, name) ? raw[name] : null, [...path, name], rules),
    ]),
  );
}

/** Terraform's numbers are decimals of any length; beyond these a JavaScript number would be another one. */
function exactNumber(raw: unknown): number | undefined {
  if (typeof raw === "string" && !/^-?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(raw)) return undefined;
  if (typeof raw !== "number" && typeof raw !== "string") return undefined;
  const number = Number(raw);
  const exact = Number.isSafeInteger(number) || (Number.isFinite(number) && !Number.isInteger(number));
  return exact ? number : undefined;
}

/** As a float, 0.1 would be the binary number next to it, which Terraform takes for a change. */
function decimal(raw: unknown): number | string | undefined {
  const number = typeof raw === "number" ? exactNumber(raw) : undefined;
  return number === undefined || Number.isInteger(number) ? number : String(number);
}

function describe(raw: unknown): string {
  if (typeof raw === "number") return `the number ${raw}`;
  if (Array.isArray(raw)) return "a list";
  if (raw instanceof Uint8Array) return "bytes";
  return typeof raw === "object" ? "an object" : `a ${typeof raw}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** What conforms to an object's shape is one, unless it is unknown as a whole. */
function object(value: unknown): Values {
  if (!isRecord(value)) throw new ValueError([], "the value as a whole is unknown or missing");
  return value as { readonly [name: string]: Value };
}
