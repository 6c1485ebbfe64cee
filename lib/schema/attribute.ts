/**
 * A small language for resource schemas. One declaration serves three readers: the construct (what it may
 * write), the provider (what it reads and answers, typed) and Terraform (the schema on the wire).
 */

/** Terraform's type constraint, as it goes over the wire as JSON. */
export type AttributeType =
  | "string"
  | "number"
  | "bool"
  | readonly ["list" | "set" | "map", AttributeType]
  | readonly ["object", { readonly [name: string]: AttributeType }];

export type Nesting = "single" | "list" | "set" | "map";

/** What an attribute looks like to the plugin protocol; `lib/plugin` accepts this by its shape. */
export interface AttributeSchema {
  readonly type?: AttributeType;
  readonly nested?: { readonly nesting: Nesting; readonly attributes: Attributes };
  readonly description: string;
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  readonly sensitive?: boolean;
}

export interface Attributes {
  readonly [name: string]: AttributeSchema;
}

/** Carries the TypeScript type of a Terraform type; exists for the compiler only. */
export interface Typed<T> {
  readonly __type?: T;
}

type TypeOf<A> = A extends Typed<infer T> ? T : never;

export interface Kind<T> extends Typed<T> {
  readonly wire: Pick<AttributeSchema, "type" | "nested">;
}

export const string: Kind<string> = { wire: { type: "string" } };
export const number: Kind<number> = { wire: { type: "number" } };
export const bool: Kind<boolean> = { wire: { type: "bool" } };

export function list<T>(of: Kind<T>): Kind<T[]> {
  return { wire: { type: ["list", plainType(of)] } };
}

export function set<T>(of: Kind<T>): Kind<T[]> {
  return { wire: { type: ["set", plainType(of)] } };
}

export function map<T>(of: Kind<T>): Kind<Record<string, T>> {
  return { wire: { type: ["map", plainType(of)] } };
}

/** A fixed set of attributes, all of them present in a value (null where not set). */
export function object<A extends Attributes>(attributes: A): Kind<StateOf<A>> {
  return { wire: { nested: { nesting: "single", attributes } } };
}

/** Objects keyed by a name that the author chooses, so that adding one moves no other. */
export function mapOf<A extends Attributes>(attributes: A): Kind<Record<string, StateOf<A>>> {
  return { wire: { nested: { nesting: "map", attributes } } };
}

function plainType(kind: Kind<unknown>): AttributeType {
  if (kind.wire.type === undefined)
    throw new Error("a nested object cannot stand inside list, set or map; use mapOf");
  return kind.wire.type;
}

type Required_<T> = AttributeSchema & Typed<T> & { readonly required: true };
type Optional_<T> = AttributeSchema & Typed<T> & { readonly optional: true };
type Computed_<T> = AttributeSchema & Typed<T> & { readonly computed: true };

/** The author must set it. */
export function required<T>(kind: Kind<T>, description: string): Required_<T> {
  return { ...kind.wire, description, required: true };
}

/** The author may set it; null otherwise. */
export function optional<T>(kind: Kind<T>, description: string): Optional_<T> {
  return { ...kind.wire, description, optional: true };
}

/** The provider sets it. */
export function computed<T>(kind: Kind<T>, description: string): Computed_<T> {
  return { ...kind.wire, description, computed: true };
}

/** The author may set it; the provider detects it otherwise. */
export function detected<T>(kind: Kind<T>, description: string): Optional_<T> & { readonly computed: true } {
  return { ...kind.wire, description, optional: true, computed: true };
}

/** The author may set it; Terraform never prints it. */
export function secret(description: string): Optional_<string> {
  return { ...string.wire, description, optional: true, sensitive: true };
}

/** What stands in Terraform's state, or in a configuration with everything known: null where not set. */
export type StateOf<A extends Attributes> = { -readonly [K in keyof A]: TypeOf<A[K]> | null };

type ConfigurableKeys<A extends Attributes> = {
  [K in keyof A]: A[K] extends { required: true } | { optional: true } ? K : never;
}[keyof A];
type RequiredKeys<A extends Attributes> = {
  [K in keyof A]: A[K] extends { required: true } ? K : never;
}[keyof A];

/** What a construct may write: no computed attributes, tokens (`${...}`) allowed by the string types. */
export type ConfigOf<A extends Attributes> = { [K in RequiredKeys<A>]: TypeOf<A[K]> } & {
  [K in Exclude<ConfigurableKeys<A>, RequiredKeys<A>>]?: TypeOf<A[K]> | undefined;
};

export interface ResourceSchema<A extends Attributes = Attributes> {
  /** The Terraform type, `passthrough_...`. */
  readonly typeName: string;
  /** Raised when the shape of the state changes; the provider then upgrades older states. */
  readonly version: number;
  readonly description: string;
  readonly attributes: A;
}

export function resource<const A extends Attributes>(schema: ResourceSchema<A>): ResourceSchema<A> {
  return schema;
}
