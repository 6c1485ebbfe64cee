/** A provider that keeps its things as files in TOY_DIRECTORY and does on request whatever can go wrong. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serve } from "../../lib/plugin/serve";
import {
  UNKNOWN,
  type DataSourceType,
  type Diagnostic,
  type PlanResult,
  type Provider,
  type ResourceType,
  type Schema,
  type Value,
  type Values,
} from "../../lib/plugin/types";

interface Toy {
  file(id: string): string;
}

const thingSchema: Schema = {
  typeName: "toy_thing",
  version: 2,
  description: "A file.",
  attributes: {
    id: { type: "string", description: "Derived from the name.", computed: true },
    name: { type: "string", description: "A change replaces the thing.", required: true },
    size: { type: "number", description: "Changes in place.", optional: true },
    tags: { type: ["set", "string"], description: "Words.", optional: true },
    secret: { type: "string", description: "Never shown.", optional: true, sensitive: true },
    slots: {
      nested: {
        nesting: "map",
        attributes: {
          device: { type: "string", description: "Not `bad`.", required: true },
          pcie: { type: "bool", description: "Detected where not set.", optional: true, computed: true },
        },
      },
      description: "By name.",
      optional: true,
    },
    behaviour: { type: "string", description: "What goes wrong.", optional: true },
  },
};

function validateThing(config: Values): readonly Diagnostic[] {
  const slots = config["slots"];
  if (!isObject(slots)) return [];
  return Object.entries(slots)
    .filter(([, slot]) => isObject(slot) && slot["device"] === "bad")
    .map(([name]) => ({
      severity: "error",
      summary: "Bad device",
      detail: `The device of slot ${name} is bad.`,
      path: ["slots", name, "device"],
    }));
}

const thing: ResourceType<Toy> = {
  schema: thingSchema,
  validate: validateThing,

  async read({ state, private: own }, toy) {
    const reads = Number(own["reads"] ?? 0) + 1;
    const file = toy.file(String(state["id"]));
    if (!existsSync(file)) return { state: null, private: own };
    return { state: load(file), private: { ...own, reads } };
  },

  async plan({ prior, proposed, private: own }): Promise<PlanResult> {
    if (proposed === null) {
      const warning: Diagnostic = {
        severity: "warning",
        summary: `${String(prior?.["name"])} will be missed`,
      };
      return { planned: null, private: own, diagnostics: [warning] };
    }
    if (proposed["behaviour"] === "throw in plan") throw new Error("the plan came apart\nin two places");
    const renamed = prior !== null && prior["name"] !== proposed["name"];
    const id: Value = renamed ? UNKNOWN : (prior?.["id"] ?? UNKNOWN);
    return {
      planned: { ...proposed, id, slots: detectSlots(proposed["slots"], UNKNOWN) },
      private: own,
      requiresReplace: renamed ? [["name"]] : [],
    };
  },

  async apply({ prior, planned, private: own }, toy, signal) {
    if (planned === null) {
      const id = String(prior?.["id"]);
      writeFileSync(`${toy.file(id)}.destroyed`, JSON.stringify(own));
      rmSync(toy.file(id));
      return { state: null, private: own };
    }
    const id = `id-${String(planned["name"])}`;
    const state: Values = { ...planned, id, slots: detectSlots(planned["slots"], true) };
    const created = prior === null ? { made: `for ${id}` } : own;
    switch (planned["behaviour"]) {
      case "throw in apply":
        throw new Error("the apply came apart");
      case "fail half way":
        save(toy.file(id), { ...state, size: null });
        return {
          state: { ...state, size: null },
          private: created,
          diagnostics: [{ severity: "error", summary: "Half of it is there", path: ["size"] }],
        };
      case "wait to be stopped":
        writeFileSync(toy.file("waiting"), String(process.pid));
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        save(toy.file(id), state);
        return { state, private: created, diagnostics: [{ severity: "error", summary: "Stopped as asked" }] };
      case "stray error":
        setImmediate(() => {
          throw new Error("nobody waits for this one");
        });
        void Promise.reject(new Error("nor for this one"));
        console.log("a line on stdout");
        await new Promise((resolve) => setImmediate(resolve));
        break;
    }
    save(toy.file(id), state);
    return { state, private: created };
  },

  async import(id, toy) {
    return { state: existsSync(toy.file(id)) ? load(toy.file(id)) : null, private: { made: "by import" } };
  },

  upgrade: (_version, { title, ...rest }) => ({ ...(rest as Values), name: String(title) }),
};

const shout: DataSourceType<Toy> = {
  schema: {
    typeName: "toy_shout",
    version: 0,
    description: "Upper case.",
    attributes: {
      text: { type: "string", description: "Words.", required: true },
      loud: { type: "string", description: "The words, loud.", computed: true },
    },
  },
  read: async (config) => ({ state: { ...config, loud: String(config["text"]).toUpperCase() } }),
};

const toyProvider: Provider<Toy> = {
  schema: {
    typeName: "toy",
    version: 0,
    description: "Things as files.",
    attributes: { broken: { type: "bool", description: "Whether configure fails.", optional: true } },
  },
  async configure({ broken }) {
    if (broken === true) throw new Error("the toy box is locked");
    const directory = process.env["TOY_DIRECTORY"] ?? ".";
    return { configured: { file: (id) => join(directory, id) } };
  },
  resources: [thing],
  dataSources: [shout],
  async close(toy) {
    writeFileSync(toy.file("closed"), "");
  },
};

function detectSlots(slots: Value | undefined, detected: Value): Value {
  if (!isObject(slots)) return slots ?? null;
  return Object.fromEntries(
    Object.entries(slots).map(([name, slot]) => {
      if (!isObject(slot)) return [name, slot];
      const pcie = slot["pcie"];
      return [
        name,
        { ...slot, pcie: pcie === null || pcie === UNKNOWN || pcie === undefined ? detected : pcie },
      ];
    }),
  );
}

function isObject(value: Value | undefined): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function save(file: string, state: Values): void {
  writeFileSync(file, JSON.stringify(state));
}

function load(file: string): Values {
  return JSON.parse(readFileSync(file, "utf8")) as Values;
}

void serve(toyProvider);
