/** Answers with our schemas and touches no host: what a stack declares is what stands. */
import { serve } from "../../lib/plugin/serve";
import {
  UNKNOWN,
  type AttributeSchema,
  type ResourceType,
  type Value,
  type Values,
} from "../../lib/plugin/types";
import {
  iommuHostSchema,
  pciDevicesSchema,
  providerSchema,
  vfioBindingSchema,
  vmSchema,
  type Attributes,
  type ResourceSchema,
} from "../../lib/schema";

function standIn<A extends Attributes>(schema: ResourceSchema<A>): ResourceType<null> {
  const computed = Object.entries<AttributeSchema>(schema.attributes).filter(
    ([, attribute]) => attribute.computed,
  );
  const fill = (values: Values, missing: (name: string, attribute: AttributeSchema) => Value): Values => ({
    ...values,
    ...Object.fromEntries(
      computed.flatMap(([name, attribute]) =>
        values[name] === null || values[name] === UNKNOWN ? [[name, missing(name, attribute)]] : [],
      ),
    ),
  });
  const known = (values: Values): Values => fill(values, (name, { type }) => valueOf(name, type, values));
  return {
    schema,
    read: async ({ state, private: own }) => ({ state: known(state), private: own }),
    plan: async ({ prior, proposed, private: own }) => ({
      planned: proposed === null || prior !== null ? proposed : fill(proposed, () => UNKNOWN),
      private: own,
    }),
    apply: async ({ planned, private: own }) => ({ state: planned && known(planned), private: own }),
    import: async (id) => ({
      state: {
        ...Object.fromEntries(Object.keys(schema.attributes).map((name) => [name, null])),
        ...(JSON.parse(id) as Values),
      },
    }),
  };
}

function valueOf(name: string, type: AttributeSchema["type"], values: Values): Value {
  if (name === "addresses") return addressesOf(values["devices"]);
  if (type === "string") return `${name} of $(the host)`;
  if (type === "bool") return false;
  return Array.isArray(type) && type[0] === "list" ? [] : {};
}

function addressesOf(devices: Value | undefined): Value {
  const entries = Object.entries((devices ?? {}) as Record<string, { address: string | null }>);
  return Object.fromEntries(entries.map(([key, { address }]) => [key, address ?? "0000:09:00.0"]));
}

void serve<null>({
  schema: providerSchema,
  configure: async () => ({ configured: null }),
  resources: [standIn(iommuHostSchema), standIn(vfioBindingSchema), standIn(vmSchema)],
  dataSources: [
    {
      schema: pciDevicesSchema,
      read: async (config) => ({ state: { ...config, id: "x", devices: {}, iommu: true } }),
    },
  ],
});
