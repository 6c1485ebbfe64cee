/** Stands in for the registry's `hashicorp/null` where a test has no network: `null_resource` with `triggers`. */
import { randomInt } from "node:crypto";
import { serve } from "../../lib/plugin/serve";
import { UNKNOWN, type ResourceType } from "../../lib/plugin/types";

const nullResource: ResourceType<null> = {
  schema: {
    typeName: "null_resource",
    version: 0,
    description: "A resource that does nothing; it is replaced when a trigger changes.",
    attributes: {
      id: { type: "string", description: "Set once.", computed: true },
      triggers: { type: ["map", "string"], description: "A change replaces the resource.", optional: true },
    },
  },
  read: async ({ state, private: own }) => ({ state, private: own }),
  plan: async ({ prior, proposed, private: own }) => {
    if (proposed === null || prior === null)
      return { planned: proposed && { ...proposed, id: UNKNOWN }, private: own };
    const changed = !sameTriggers(prior["triggers"], proposed["triggers"]);
    return { planned: proposed, private: own, requiresReplace: changed ? [["triggers"]] : [] };
  },
  apply: async ({ planned, private: own }) => ({
    state: planned?.["id"] === UNKNOWN ? { ...planned, id: newId() } : planned,
    private: own,
  }),
  import: async () => {
    throw new Error("null_resource cannot be imported");
  },
};

function sameTriggers(a: unknown, b: unknown): boolean {
  const text = (triggers: unknown) =>
    triggers === UNKNOWN || triggers === null || triggers === undefined
      ? String(triggers)
      : JSON.stringify(
          Object.entries(triggers)
            .map(([key, value]) => [key, String(value)])
            .sort(),
        );
  return text(a) === text(b);
}

function newId(): string {
  return String(randomInt(1e12));
}

void serve<null>({
  schema: { typeName: "null", version: 0, description: "Does nothing.", attributes: {} },
  configure: async () => ({ configured: null }),
  resources: [nullResource],
  dataSources: [],
});
