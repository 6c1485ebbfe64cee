/** The messages and services of tfplugin6.proto and controller.proto, as TypeScript sees them. */
import type { ServiceDefinition } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import controllerProto from "./controller.proto";
import providerProto from "./tfplugin6.proto";

export interface DynamicValue {
  readonly msgpack?: Uint8Array;
  readonly json?: Uint8Array;
}

export type PathStepMessage =
  | { readonly attributeName: string }
  | { readonly elementKeyString: string }
  | { readonly elementKeyInt: number };

export interface AttributePathMessage {
  readonly steps: readonly PathStepMessage[];
}

export const SEVERITY = { error: 1, warning: 2 } as const;

export interface DiagnosticMessage {
  readonly severity: (typeof SEVERITY)[keyof typeof SEVERITY];
  readonly summary: string;
  readonly detail: string;
  readonly attribute?: AttributePathMessage;
}

export const NESTING = { single: 1, list: 2, set: 3, map: 4 } as const;

export interface AttributeMessage {
  readonly name: string;
  readonly type?: Uint8Array;
  readonly nestedType?: {
    readonly attributes: readonly AttributeMessage[];
    readonly nesting: (typeof NESTING)[keyof typeof NESTING];
  };
  readonly description: string;
  readonly required: boolean;
  readonly optional: boolean;
  readonly computed: boolean;
  readonly sensitive: boolean;
}

export interface SchemaMessage {
  readonly version: number;
  readonly block: {
    readonly version: number;
    readonly attributes: readonly AttributeMessage[];
    readonly description: string;
  };
}

interface Answer {
  readonly diagnostics?: readonly DiagnosticMessage[];
}

interface OfType {
  readonly typeName: string;
}

/** Request and response of every method of the service `Provider`. A message field left out arrives as null. */
export interface Methods {
  GetProviderSchema: {
    request: object;
    response: Answer & {
      readonly provider: SchemaMessage;
      readonly resourceSchemas: Readonly<Record<string, SchemaMessage>>;
      readonly dataSourceSchemas: Readonly<Record<string, SchemaMessage>>;
      readonly serverCapabilities: { readonly planDestroy: boolean };
    };
  };
  ValidateProviderConfig: { request: { readonly config: DynamicValue | null }; response: Answer };
  ValidateResourceConfig: { request: OfType & { readonly config: DynamicValue | null }; response: Answer };
  ValidateDataResourceConfig: {
    request: OfType & { readonly config: DynamicValue | null };
    response: Answer;
  };
  UpgradeResourceState: {
    request: OfType & { readonly version: number; readonly rawState: { readonly json: Uint8Array } | null };
    response: Answer & { readonly upgradedState?: DynamicValue };
  };
  ConfigureProvider: {
    request: { readonly terraformVersion: string; readonly config: DynamicValue | null };
    response: Answer;
  };
  ReadResource: {
    request: OfType & { readonly currentState: DynamicValue | null; readonly private: Uint8Array };
    response: Answer & { readonly newState: DynamicValue | null; readonly private: Uint8Array };
  };
  PlanResourceChange: {
    request: OfType & {
      readonly priorState: DynamicValue | null;
      readonly proposedNewState: DynamicValue | null;
      readonly config: DynamicValue | null;
      readonly priorPrivate: Uint8Array;
    };
    response: Answer & {
      readonly plannedState: DynamicValue | null;
      readonly requiresReplace?: readonly AttributePathMessage[];
      readonly plannedPrivate: Uint8Array;
    };
  };
  ApplyResourceChange: {
    request: OfType & {
      readonly priorState: DynamicValue | null;
      readonly plannedState: DynamicValue | null;
      readonly config: DynamicValue | null;
      readonly plannedPrivate: Uint8Array;
    };
    response: Answer & { readonly newState: DynamicValue | null; readonly private: Uint8Array };
  };
  ImportResourceState: {
    request: OfType & { readonly id: string };
    response: Answer & {
      readonly importedResources?: readonly (OfType & {
        readonly state: DynamicValue;
        readonly private: Uint8Array;
      })[];
    };
  };
  ReadDataSource: {
    request: OfType & { readonly config: DynamicValue | null };
    response: Answer & { readonly state?: DynamicValue };
  };
  StopProvider: { request: object; response: { readonly Error?: string } };
}

export type Handlers = {
  readonly [M in keyof Methods]: (request: Methods[M]["request"]) => Promise<Methods[M]["response"]>;
};

/** Every field is present in a decoded message, so that a handler meets no `undefined`. */
const DECODED: protobuf.IConversionOptions = { defaults: true, longs: Number };

function service(proto: string, name: string): ServiceDefinition {
  const { root } = protobuf.parse(proto);
  const { methodsArray } = root.resolveAll().lookupService(name);
  const codec = (type: protobuf.Type | null) => {
    if (type === null) throw new Error(`${name} is not resolved`);
    return {
      serialize: (message: object) => Buffer.from(type.encode(message).finish()),
      deserialize: (bytes: Buffer): unknown => type.toObject(type.decode(bytes), DECODED),
    };
  };
  return Object.fromEntries(
    methodsArray.map((method) => {
      const request = codec(method.resolvedRequestType);
      const response = codec(method.resolvedResponseType);
      return [
        method.name,
        {
          path: `/${name}/${method.name}`,
          requestStream: false,
          responseStream: false,
          requestSerialize: request.serialize,
          requestDeserialize: request.deserialize,
          responseSerialize: response.serialize,
          responseDeserialize: response.deserialize,
        },
      ];
    }),
  );
}

export const providerService = service(providerProto, "tfplugin6.Provider");
export const controllerService = service(controllerProto, "plugin.GRPCController");
