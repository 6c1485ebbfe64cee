/** Our schemas: as Terraform reads them, and as the shape that values and paths are held against. */
import { NESTING, type AttributeMessage, type SchemaMessage } from "./protocol";
import type { AttributeSchema, AttributeType, Schema } from "./types";

type Attributes = Schema["attributes"];

export function schemaMessage(schema: Schema): SchemaMessage {
  return {
    version: schema.version,
    block: {
      version: schema.version,
      attributes: attributeMessages(schema.attributes),
      description: schema.description,
    },
  };
}

function attributeMessages(attributes: Attributes): AttributeMessage[] {
  return Object.entries(attributes).map(([name, attribute]) => ({
    name,
    ...typeMessage(name, attribute),
    description: attribute.description,
    required: attribute.required ?? false,
    optional: attribute.optional ?? false,
    computed: attribute.computed ?? false,
    sensitive: attribute.sensitive ?? false,
  }));
}

function typeMessage(name: string, { type, nested }: AttributeSchema) {
  if (nested !== undefined)
    return {
      nestedType: { attributes: attributeMessages(nested.attributes), nesting: NESTING[nested.nesting] },
    };
  if (type === undefined) throw new Error(`attribute ${name} has neither a type nor nested attributes`);
  return { type: Buffer.from(JSON.stringify(type)) };
}

/** What a value must look like, whether it is declared by a type or by nested attributes. */
export type Shape =
  | { readonly kind: "string" | "number" | "bool" }
  | { readonly kind: "list" | "set" | "map"; readonly of: Shape }
  | ObjectShape;

export interface ObjectShape {
  readonly kind: "object";
  readonly attributes: Readonly<Record<string, Shape>>;
}

const shapes = new WeakMap<Schema, ObjectShape>();

export function shapeOf(schema: Schema): ObjectShape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const shape = objectShape(schema.attributes);
  shapes.set(schema, shape);
  return shape;
}

function objectShape(attributes: Attributes): ObjectShape {
  return { kind: "object", attributes: mapValues(attributes, attributeShape) };
}

function attributeShape({ type, nested }: AttributeSchema): Shape {
  if (nested === undefined) return typeShape(type ?? "string");
  const object = objectShape(nested.attributes);
  return nested.nesting === "single" ? object : { kind: nested.nesting, of: object };
}

function typeShape(type: AttributeType): Shape {
  if (typeof type === "string") return { kind: type };
  return type[0] === "object"
    ? { kind: "object", attributes: mapValues(type[1], typeShape) }
    : { kind: type[0], of: typeShape(type[1]) };
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
