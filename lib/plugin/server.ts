/** The twelve methods of the protocol, answered by a provider. Knows nothing of connections and processes. */
import { diagnosticMessages, errorDiagnostic, pathMessage } from "./diagnostics";
import { logError } from "./log";
import type { DiagnosticMessage, DynamicValue, Handlers, SchemaMessage } from "./protocol";
import { schemaMessage } from "./schema";
import type { DataSourceType, Diagnostic, Provider, ResourceType, Schema, Values } from "./types";
import {
  decodeObject,
  decodePrivate,
  decodeValue,
  encodePrivate,
  encodeValue,
  parseJson,
  stateFromJson,
  ValueError,
} from "./values";

interface OfSchema {
  readonly schema: Schema;
}
interface Diagnosed {
  readonly diagnostics: readonly Diagnostic[] | undefined;
}

export class ProviderServer<Configured> {
  readonly #provider: Provider<Configured>;
  readonly #resources: ReadonlyMap<string, ResourceType<Configured>>;
  readonly #dataSources: ReadonlyMap<string, DataSourceType<Configured>>;
  readonly #stop = new AbortController();
  #configuration: { readonly configured: Configured } | { readonly error: unknown } = {
    error: new Error("The provider has not been configured yet"),
  };

  constructor(provider: Provider<Configured>) {
    this.#provider = provider;
    this.#resources = byName(provider.resources);
    this.#dataSources = byName(provider.dataSources);
  }

  /** Asks everything under way to end at its next safe point. */
  stop(): void {
    this.#stop.abort(new Error("Stopped as asked, before anything was begun here"));
  }

  /** Lets the provider close what it has opened. */
  async close(): Promise<void> {
    if ("configured" in this.#configuration) await this.#provider.close?.(this.#configuration.configured);
  }

  readonly handlers: Handlers = {
    GetProviderSchema: async () => ({
      provider: schemaMessage(this.#provider.schema),
      resourceSchemas: schemaMessages(this.#resources),
      dataSourceSchemas: schemaMessages(this.#dataSources),
      serverCapabilities: { planDestroy: true },
    }),

    ValidateProviderConfig: ({ config }) =>
      answer(this.#provider, "provider", {}, async (provider) => validate(provider, config)),

    ValidateResourceConfig: ({ typeName, config }) =>
      answer(this.#resources.get(typeName), typeName, {}, async (type) => validate(type, config)),

    ValidateDataResourceConfig: ({ typeName, config }) =>
      answer(this.#dataSources.get(typeName), typeName, {}, async (type) => validate(type, config)),

    ConfigureProvider: ({ terraformVersion, config }) =>
      answer(this.#provider, "provider", {}, async (provider) => {
        try {
          const values = decodeObject(provider.schema, config);
          const { configured, diagnostics } = await provider.configure(values, terraformVersion);
          this.#configuration = { configured };
          return { diagnostics };
        } catch (error) {
          this.#configuration = { error };
          throw error;
        }
      }),

    UpgradeResourceState: ({ typeName, version, rawState }) =>
      answer(this.#resources.get(typeName), typeName, {}, async (type) => {
        const state = parseJson(rawState?.json ?? new Uint8Array(), "the state");
        return {
          upgradedState: encodeValue(type.schema, upgradeState(type, version, state)),
          diagnostics: [],
        };
      }),

    ReadResource: (request) => {
      const unchanged = { newState: request.currentState, private: request.private };
      return answer(this.#resources.get(request.typeName), request.typeName, unchanged, async (type) => {
        const state = decodeObject(type.schema, request.currentState);
        const result = await type.read(
          { state, private: decodePrivate(request.private) },
          this.#configured(),
          this.#stop.signal,
        );
        return {
          newState: encodeValue(type.schema, result.state),
          private: encodePrivate(result.private),
          diagnostics: result.diagnostics,
        };
      });
    },

    PlanResourceChange: (request) => {
      const unchanged = { plannedState: request.priorState, plannedPrivate: request.priorPrivate };
      return answer(this.#resources.get(request.typeName), request.typeName, unchanged, async (type) => {
        const proposed = decodeValue(type.schema, request.proposedNewState);
        const result = await type.plan(
          {
            prior: decodeValue(type.schema, request.priorState),
            proposed,
            config: proposed && decodeValue(type.schema, request.config),
            private: decodePrivate(request.priorPrivate),
          },
          this.#configured(),
          this.#stop.signal,
        );
        return {
          plannedState: encodeValue(type.schema, result.planned),
          plannedPrivate: encodePrivate(result.private),
          requiresReplace: result.requiresReplace?.map((path) => pathMessage(type.schema, path)) ?? [],
          diagnostics: result.diagnostics,
        };
      });
    },

    ApplyResourceChange: (request) => {
      const unchanged = { newState: request.priorState, private: request.plannedPrivate };
      return answer(this.#resources.get(request.typeName), request.typeName, unchanged, async (type) => {
        const planned = decodeValue(type.schema, request.plannedState);
        const result = await type.apply(
          {
            prior: decodeValue(type.schema, request.priorState),
            planned,
            config: planned && decodeValue(type.schema, request.config),
            private: decodePrivate(request.plannedPrivate),
          },
          this.#configured(),
          this.#stop.signal,
        );
        return {
          newState: encodeValue(type.schema, result.state),
          private: encodePrivate(result.private),
          diagnostics: result.diagnostics,
        };
      });
    },

    ImportResourceState: ({ typeName, id }) =>
      answer(this.#resources.get(typeName), typeName, {}, async (type) => {
        const { state, ...result } = await type.import(id, this.#configured(), this.#stop.signal);
        if (state === null) {
          const diagnostics = result.diagnostics ?? [];
          if (diagnostics.some(({ severity }) => severity === "error")) return { diagnostics };
          throw new Error(`Nothing to import: there is no ${typeName} "${id}"`);
        }
        return {
          importedResources: [
            {
              typeName,
              state: encodeValue(type.schema, state),
              private: encodePrivate(result.private ?? {}),
            },
          ],
          diagnostics: result.diagnostics,
        };
      }),

    ReadDataSource: ({ typeName, config }) =>
      answer(this.#dataSources.get(typeName), typeName, {}, async (type) => {
        const values = decodeObject(type.schema, config);
        const { state, diagnostics } = await type.read(values, this.#configured(), this.#stop.signal);
        return { state: encodeValue(type.schema, state), diagnostics };
      }),

    StopProvider: async () => {
      this.stop();
      return {};
    },
  };

  #configured(): Configured {
    if ("configured" in this.#configuration) return this.#configuration.configured;
    throw this.#configuration.error;
  }
}

/** Whatever is thrown becomes a diagnostic, and the answer is then that nothing has changed. */
async function answer<Type extends OfSchema, Unchanged extends object, Response extends Diagnosed>(
  type: Type | undefined,
  typeName: string,
  unchanged: Unchanged,
  work: (type: Type) => Promise<Response>,
): Promise<(Omit<Response, "diagnostics"> | Unchanged) & { readonly diagnostics: DiagnosticMessage[] }> {
  try {
    if (type === undefined) throw new Error(`This version of the provider does not know ${typeName}`);
    const response = await work(type);
    return { ...response, diagnostics: diagnosticMessages(type.schema, response.diagnostics) };
  } catch (error) {
    logError(typeName, error);
    return { ...unchanged, diagnostics: diagnosticMessages(type?.schema, [errorDiagnostic(error)]) };
  }
}

function validate(
  type: OfSchema & { validate?(config: Values): readonly Diagnostic[] },
  config: DynamicValue | null,
): Diagnosed {
  const values = decodeObject(type.schema, config);
  return { diagnostics: type.validate?.(values) };
}

function upgradeState(
  type: Pick<ResourceType<never>, "schema" | "upgrade">,
  version: number,
  state: unknown,
) {
  const { typeName, version: current } = type.schema;
  if (version === current) return stateFromJson(type.schema, state);
  if (version > current)
    throw new Error(
      `The state of ${typeName} was written by a newer version of this provider ` +
        `(state version ${version}, this one knows ${current}): update the package that brings it`,
    );
  if (type.upgrade === undefined)
    throw new Error(
      `The state of ${typeName} has version ${version}, from which there is no way to ${current}`,
    );
  if (typeof state !== "object" || state === null) throw new ValueError([], "the state is not an object");
  return type.upgrade(version, { ...state });
}

function byName<Type extends OfSchema>(types: readonly Type[]): ReadonlyMap<string, Type> {
  return new Map(types.map((type) => [type.schema.typeName, type]));
}

function schemaMessages(types: ReadonlyMap<string, OfSchema>): Record<string, SchemaMessage> {
  return Object.fromEntries([...types].map(([name, { schema }]) => [name, schemaMessage(schema)]));
}
