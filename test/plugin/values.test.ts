import { decode, encode, ExtData } from "@msgpack/msgpack";
import fc from "fast-check";
import {
  UNKNOWN,
  type AttributeSchema,
  type AttributeType,
  type Schema,
  type Value,
} from "../../lib/plugin/types";
import {
  decodeObject,
  decodePrivate,
  decodeValue,
  encodePrivate,
  encodeValue,
  formatPath,
  stateFromJson,
} from "../../lib/plugin/values";

const schemaOf = (attributes: Schema["attributes"]): Schema => ({
  typeName: "test_thing",
  version: 0,
  description: "",
  attributes,
});
const typed = (type: AttributeType): AttributeSchema => ({ type, description: "", optional: true });
const one = (type: AttributeType) => schemaOf({ v: typed(type) });
const msgpack = (value: unknown) => ({ msgpack: encode(value) });
const json = (text: string) => ({ json: Buffer.from(text) });

type Case = readonly [schema: AttributeSchema, value: Value];

const text = fc.string({ unit: "binary" });
const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/);
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, noInteger: true }),
);

const { type } = fc.letrec<{ type: AttributeType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<AttributeType>("string", "number", "bool"),
    fc.tuple(fc.constantFrom("list" as const, "set" as const, "map" as const), tie("type")),
    fc
      .dictionary(name, tie("type"), { maxKeys: 3, noNullPrototype: true })
      .map((of) => ["object", of] as const),
  ),
}));

function valueOf(of: AttributeType): fc.Arbitrary<Value> {
  return fc.oneof({ weight: 8, arbitrary: known(of) }, fc.constantFrom<Value>(null, UNKNOWN));
}

function known(of: AttributeType): fc.Arbitrary<Value> {
  if (of === "string") return text;
  if (of === "number") return number;
  if (of === "bool") return fc.boolean();
  if (of[0] === "object") return record(of[1], valueOf);
  if (of[0] === "map")
    return fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      valueOf(of[1]),
      { maxKeys: 3, noNullPrototype: true },
    );
  return fc.array(valueOf(of[1]), { maxLength: 3 });
}

function record<T>(of: Readonly<Record<string, T>>, value: (of: T) => fc.Arbitrary<Value>) {
  return fc.record(Object.fromEntries(Object.entries(of).map(([key, element]) => [key, value(element)])), {
    noNullPrototype: true,
  });
}

const plainCase: fc.Arbitrary<Case> = type.chain((of) =>
  valueOf(of).map((value) => [typed(of), value] as const),
);

const nestedCase: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom("single" as const, "list" as const, "set" as const, "map" as const), name, type)
  .chain(([nesting, attribute, of]) => {
    const object = record({ [attribute]: of }, valueOf);
    const value: fc.Arbitrary<Value> =
      nesting === "single"
        ? object
        : nesting === "map"
          ? fc.dictionary(name, object, { noNullPrototype: true })
          : fc.array(object, { maxLength: 3 });
    const nested = { nesting, attributes: { [attribute]: typed(of) } };
    return value.map((v) => [{ nested, description: "" }, v] as const);
  });

describe("given any schema and a value that fits it", () => {
  test("when encoded and decoded, then it is the same", () => {
    fc.assert(
      fc.property(fc.oneof(plainCase, nestedCase), ([attribute, value]) => {
        const schema = schemaOf({ v: attribute });
        expect(decodeValue(schema, encodeValue(schema, { v: value }))).toEqual({ v: value });
      }),
    );
  });

  test("when it comes as JSON, then it is the same", () => {
    fc.assert(
      fc.property(fc.oneof(plainCase, nestedCase), ([attribute, value]) => {
        const schema = schemaOf({ v: attribute });
        const written = JSON.stringify({ v: value }, (_key, v: unknown) => (v === UNKNOWN ? null : v));
        const read = stateFromJson(schema, JSON.parse(written));
        expect(decodeValue(schema, json(written))).toEqual(read);
        expect(JSON.stringify(read)).toBe(written.replaceAll("-0,", "0,"));
      }),
    );
  });
});

test("given any bytes, when decoded, then it is a value or an error with a message", () => {
  const schema = schemaOf({ v: typed(["map", ["list", "number"]]) });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodeValue(schema, { msgpack: bytes });
      } catch (error) {
        expect(error).toMatchObject({ name: "ValueError", message: expect.stringMatching(/./) });
      }
    }),
  );
});

test.each<[string, unknown, Value]>([
  ["a small integer", 5, 5],
  ["a 64-bit integer", 9007199254740991n, 9007199254740991],
  ["a negative 64-bit integer", -9007199254740991n, -9007199254740991],
  ["a float", 0.5, 0.5],
  ["an integer as a string", "42", 42],
  ["a decimal as a string", "0.1", 0.1],
  ["a small one as a string", "1.5e-07", 1.5e-7],
])("given %s on the wire, then it is that number", (_title, wire, value) => {
  const bytes = encode({ v: wire }, { useBigInt64: typeof wire === "bigint" });
  expect(decodeObject(one("number"), { msgpack: bytes })).toEqual({ v: value });
});

test.each([
  ["too large", "9007199254740993"],
  ["too large, in 64 bits", 9007199254740993n],
  ["too large for any float", "1e400"],
  ["infinite", Infinity],
  ["not a number", NaN],
  ["hexadecimal", "0x10"],
  ["empty", ""],
  ["a word", "many"],
  ["true", true],
])("given a number that is %s, then it is refused", (_title, wire) => {
  const bytes = encode({ v: wire }, { useBigInt64: typeof wire === "bigint" });
  expect(() => decodeObject(one("number"), { msgpack: bytes })).toThrow(/^v: expected a number/);
});

test("given a fraction, then it goes out as the decimal that the author wrote", () => {
  expect(decode(encodeValue(one("number"), { v: 0.1 }).msgpack!)).toEqual({ v: "0.1" });
});

test.each([
  ["plain", [0xd4, 0x00, 0x00]],
  ["refined", [0xc7, 0x03, 0x0c, 0x81, 0x01, 0xc2]],
  ["of a future kind", [0xd5, 0x7f, 0x01, 0x02]],
])("given an unknown value, %s, then it is read as unknown", (_title, bytes) => {
  const message = { msgpack: Buffer.from([0x81, 0xa1, 0x76, ...bytes]) };
  expect(decodeObject(one(["list", "string"]), message)).toEqual({ v: UNKNOWN });
});

test("given an unknown value, then it goes out as extension 0", () => {
  const { msgpack: bytes } = encodeValue(one("string"), { v: UNKNOWN });
  expect(Buffer.from(bytes!).toString("hex")).toBe("81a176" + "d40000");
  expect(decode(bytes!)).toEqual({ v: new ExtData(0, new Uint8Array(1)) });
});

test("given attributes left out, then they are null, in objects within too", () => {
  const schema = schemaOf({
    a: typed("string"),
    b: { nested: { nesting: "map", attributes: { c: typed("bool"), d: typed("bool") } }, description: "" },
  });
  expect(decodeValue(schema, msgpack({ b: { x: { c: true } } }))).toEqual({
    a: null,
    b: { x: { c: true, d: null } },
  });
  expect(decode(encodeValue(schema, { b: { x: { c: true } } }).msgpack!)).toEqual({
    a: null,
    b: { x: { c: true, d: null } },
  });
});

test("given an attribute named as a method of every object, then only its own value counts", () => {
  const schema = schemaOf({ constructor: typed("string") });
  expect(decodeValue(schema, msgpack({}))).toEqual({ constructor: null });
});

test("given null as a whole, then it is null both ways", () => {
  expect(decodeValue(one("string"), msgpack(null))).toBeNull();
  expect(decodeValue(one("string"), null)).toBeNull();
  expect(decode(encodeValue(one("string"), null).msgpack!)).toBeNull();
  expect(() => decodeObject(one("string"), msgpack(null))).toThrow("a value for test_thing is missing");
});

test.each<[string, AttributeType, unknown, string]>([
  ["string", "string", 5, "v: expected a string, got the number 5"],
  ["bool", "bool", "true", "v: expected true or false, got a string"],
  ["list", ["list", "string"], { a: "b" }, "v: expected a list, got an object"],
  ["set", ["set", "string"], "a", "v: expected a set, got a string"],
  ["map", ["map", "string"], ["a"], "v: expected a map, got a list"],
  ["object", ["object", {}], ["a"], "v: expected an object, got a list"],
  ["element", ["map", ["list", "bool"]], { "a b": [true, 1] }, 'v["a b"][1]: expected true or false'],
  ["foreign attribute", ["object", { a: "bool" }], { b: true }, "v.b: there is no such attribute"],
])("given a misfit in a %s, then the error has its path, in and out", (_title, of, value, message) => {
  expect(() => decodeValue(one(of), msgpack({ v: value }))).toThrow(message);
  expect(() => encodeValue(one(of), { v: value as Value })).toThrow(message);
});

test("given a state of an older release, then what it lacks is null and what is no more is dropped", () => {
  const schema = schemaOf({ a: typed("string"), b: typed(["map", ["object", { c: "bool" }]]) });
  expect(stateFromJson(schema, { gone: 1, b: { x: { c: true, gone: 2 } } })).toEqual({
    a: null,
    b: { x: { c: true } },
  });
});

test("given private state, when written and read, then it is the same; none is empty", () => {
  fc.assert(
    fc.property(fc.dictionary(name, fc.jsonValue()), (state) => {
      const written = encodePrivate(state);
      expect(decodePrivate(written)).toEqual(JSON.parse(JSON.stringify(state)));
    }),
  );
  expect(decodePrivate(new Uint8Array())).toEqual({});
});

test("given a path, then it is written as in a configuration", () => {
  expect(formatPath(["slots", "gpu", "functions", 0])).toBe("slots.gpu.functions[0]");
  expect(formatPath(["slots", "the gpu"])).toBe('slots["the gpu"]');
  expect(formatPath([])).toBe("");
});
