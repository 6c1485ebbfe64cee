import { schemaMessage, shapeOf } from "../../lib/plugin/schema";
import type { Schema } from "../../lib/plugin/types";

const schema: Schema = {
  typeName: "test_thing",
  version: 3,
  description: "A thing.",
  attributes: {
    name: { type: "string", description: "Its name.", required: true },
    key: { type: ["map", ["list", "number"]], description: "Secret.", optional: true, sensitive: true },
    parts: {
      nested: { nesting: "map", attributes: { on: { type: "bool", description: "Is it?", computed: true } } },
      description: "Its parts.",
      optional: true,
      computed: true,
    },
    one: { nested: { nesting: "single", attributes: {} }, description: "", optional: true },
  },
};

test("given a schema, then Terraform gets types as JSON, and nested attributes as such", () => {
  const flags = { required: false, optional: false, computed: false, sensitive: false };
  expect(schemaMessage(schema)).toEqual({
    version: 3,
    block: {
      version: 3,
      description: "A thing.",
      attributes: [
        { ...flags, name: "name", type: Buffer.from('"string"'), description: "Its name.", required: true },
        {
          ...flags,
          name: "key",
          type: Buffer.from('["map",["list","number"]]'),
          description: "Secret.",
          optional: true,
          sensitive: true,
        },
        {
          ...flags,
          name: "parts",
          nestedType: {
            nesting: 4,
            attributes: [
              { ...flags, name: "on", type: Buffer.from('"bool"'), description: "Is it?", computed: true },
            ],
          },
          description: "Its parts.",
          optional: true,
          computed: true,
        },
        {
          ...flags,
          name: "one",
          nestedType: { nesting: 1, attributes: [] },
          description: "",
          optional: true,
        },
      ],
    },
  });
});

test("given an attribute of no type, then the schema is refused", () => {
  const broken = { ...schema, attributes: { odd: { description: "" } } };
  expect(() => schemaMessage(broken)).toThrow("attribute odd has neither a type nor nested attributes");
});

test("given types and nested attributes, then their shapes are alike", () => {
  expect(shapeOf(schema)).toMatchObject({
    attributes: {
      key: { kind: "map", of: { kind: "list", of: { kind: "number" } } },
      parts: { kind: "map", of: { kind: "object", attributes: { on: { kind: "bool" } } } },
      one: { kind: "object", attributes: {} },
    },
  });
});
