/** What a provider hands to the plugin server. Nothing here knows of any particular provider. */

/** Stands for a value that is only known after apply. */
export const UNKNOWN: unique symbol = Symbol.for("terraform.unknown");
export type Unknown = typeof UNKNOWN;

export type Value =
  null | string | number | boolean | Unknown | readonly Value[] | { readonly [key: string]: Value };

export type AttributeType =
  | "string"
  | "number"
  | "bool"
  | readonly ["list" | "set" | "map", AttributeType]
  | readonly ["object", { readonly [name: string]: AttributeType }];

export interface AttributeSchema {
  readonly type?: AttributeType;
  readonly nested?: {
    readonly nesting: "single" | "list" | "set" | "map";
    readonly attributes: { readonly [name: string]: AttributeSchema };
  };
  readonly description: string;
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  readonly sensitive?: boolean;
}

export interface Schema {
  readonly typeName: string;
  readonly version: number;
  readonly description: string;
  readonly attributes: { readonly [name: string]: AttributeSchema };
}

export type PathStep = string | number;

export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** One line. */
  readonly summary: string;
  readonly detail?: string;
  /** Where in the configuration: attribute names, map keys, list indexes. */
  readonly path?: readonly PathStep[];
}

/** An object of values as Terraform sends it; every attribute of the schema is present. */
export type Values = { readonly [name: string]: Value };

/** Free for the resource's own use; kept beside the state, never shown. JSON. */
export type PrivateState = Readonly<Record<string, unknown>>;

export interface ReadResult {
  /** null: it is gone. */
  readonly state: Values | null;
  readonly private: PrivateState;
  readonly diagnostics?: readonly Diagnostic[];
}
export interface PlanResult {
  readonly planned: Values | null;
  readonly private: PrivateState;
  /** Attributes whose change needs a replacement. */
  readonly requiresReplace?: readonly (readonly PathStep[])[];
  readonly diagnostics?: readonly Diagnostic[];
}
export interface ApplyResult {
  /** What stands now, also after a failure: null where nothing (or nothing any more) is there. */
  readonly state: Values | null;
  readonly private: PrivateState;
  readonly diagnostics?: readonly Diagnostic[];
}
export interface ImportResult {
  readonly state: Values | null;
  readonly private?: PrivateState;
  readonly diagnostics?: readonly Diagnostic[];
}

/**
 * One resource type. `configured` is what `configure` of the provider returned. `signal` fires when Terraform
 * asks to stop: finish at the next safe point and return what stands. A thrown error becomes an error diagnostic.
 */
export interface ResourceType<Configured> {
  readonly schema: Schema;
  validate?(config: Values): readonly Diagnostic[];
  read(
    request: { state: Values; private: PrivateState },
    configured: Configured,
    signal: AbortSignal,
  ): Promise<ReadResult>;
  /** `prior` is null for a create, `proposed` and `config` are null for a destroy. */
  plan(
    request: { prior: Values | null; proposed: Values | null; config: Values | null; private: PrivateState },
    configured: Configured,
    signal: AbortSignal,
  ): Promise<PlanResult>;
  /** `planned` is null for a destroy. */
  apply(
    request: { prior: Values | null; planned: Values | null; config: Values | null; private: PrivateState },
    configured: Configured,
    signal: AbortSignal,
  ): Promise<ApplyResult>;
  import(id: string, configured: Configured, signal: AbortSignal): Promise<ImportResult>;
  /** Turns a state of an older schema version into today's. */
  upgrade?(version: number, state: Readonly<Record<string, unknown>>): Values;
}

export interface DataSourceType<Configured> {
  readonly schema: Schema;
  validate?(config: Values): readonly Diagnostic[];
  read(
    config: Values,
    configured: Configured,
    signal: AbortSignal,
  ): Promise<{ state: Values; diagnostics?: readonly Diagnostic[] }>;
}

export interface Provider<Configured> {
  readonly schema: Schema;
  validate?(config: Values): readonly Diagnostic[];
  /** Called once per process before anything that needs a host. Unknown values are allowed. */
  configure(
    config: Values,
    terraformVersion: string,
  ): Promise<{ configured: Configured; diagnostics?: readonly Diagnostic[] }>;
  readonly resources: readonly ResourceType<Configured>[];
  readonly dataSources: readonly DataSourceType<Configured>[];
  /** On shutdown, after the last call: close connections. */
  close?(configured: Configured): Promise<void>;
}
