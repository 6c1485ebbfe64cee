import { decode, encode } from "@msgpack/msgpack";
import { ProviderServer } from "../../lib/plugin/server";
import type { Provider, ResourceType } from "../../lib/plugin/types";

const msgpack = (value: unknown) => ({ msgpack: encode(value) });
const PRIVATE = Buffer.from('{"base":"as it was"}');
const BEFORE = msgpack({ name: "before", size: 1 });
const AFTER = msgpack({ name: "after", size: 2 });
const configure = { terraformVersion: "1.11.4", config: msgpack({}) };

/** A class, so that a method called without its object would show. */
class Thing implements ResourceType<string> {
  readonly schema = {
    typeName: "test_thing",
    version: 2,
    description: "",
    attributes: {
      name: { type: "string", description: "", required: true },
      size: { type: "number", description: "", optional: true },
    },
  } as const;
  readonly seen: unknown[] = [];

  read: ResourceType<string>["read"] = async ({ state, private: own }) => ({ state, private: own });
  plan: ResourceType<string>["plan"] = async (request, configured) => {
    this.seen.push(request, configured);
    return { planned: request.proposed, private: request.private };
  };
  apply: ResourceType<string>["apply"] = async ({ planned, private: own }) => ({
    state: planned,
    private: own,
  });
  import: ResourceType<string>["import"] = async () => ({ state: null });
  upgrade?: ResourceType<string>["upgrade"] = (version, { title }) => ({
    name: `${String(title)} of ${version}`,
  });
}

let thing: Thing;
let provider: Provider<string>;
let server: ProviderServer<string>;
let logged: jest.SpyInstance;

beforeEach(() => {
  logged = jest.spyOn(process.stderr, "write").mockReturnValue(true);
  thing = new Thing();
  provider = {
    schema: { typeName: "test", version: 0, description: "", attributes: {} },
    configure: async () => ({ configured: "configured" }),
    resources: [thing],
    dataSources: [],
  };
  server = new ProviderServer(provider);
});
afterEach(() => logged.mockRestore());

const plan = (proposedNewState = AFTER) =>
  server.handlers.PlanResourceChange({
    typeName: "test_thing",
    priorState: BEFORE,
    proposedNewState,
    config: AFTER,
    priorPrivate: PRIVATE,
  });
const apply = () =>
  server.handlers.ApplyResourceChange({
    typeName: "test_thing",
    priorState: BEFORE,
    plannedState: AFTER,
    config: AFTER,
    plannedPrivate: PRIVATE,
  });
const upgrade = (version: number, state: unknown) =>
  server.handlers.UpgradeResourceState({
    typeName: "test_thing",
    version,
    rawState: { json: Buffer.from(JSON.stringify(state)) },
  });

describe("given a provider that was not configured", () => {
  test("then a call says so", async () => {
    expect(await plan()).toMatchObject({
      diagnostics: [{ summary: "The provider has not been configured yet" }],
    });
  });

  test("because that failed, then it says so at once and at every call after it", async () => {
    provider.configure = async () => {
      throw new Error("no key to be found");
    };
    const message = { severity: 1, summary: "no key to be found" };
    expect(await server.handlers.ConfigureProvider(configure)).toMatchObject({ diagnostics: [message] });
    expect(await plan()).toMatchObject({ diagnostics: [message] });
    await expect(server.close()).resolves.toBeUndefined();
  });
});

describe("given a configured provider", () => {
  beforeEach(() => server.handlers.ConfigureProvider(configure));

  test("when a change is planned, then the resource gets it with what configure returned", async () => {
    expect(await plan()).toMatchObject({ plannedPrivate: PRIVATE, diagnostics: [] });
    expect(thing.seen).toEqual([
      {
        prior: { name: "before", size: 1 },
        proposed: { name: "after", size: 2 },
        config: { name: "after", size: 2 },
        private: { base: "as it was" },
      },
      "configured",
    ]);
  });

  test("when a destroy is planned, then proposed and config are null", async () => {
    await plan(msgpack(null));
    expect(thing.seen[0]).toMatchObject({ prior: { name: "before" }, proposed: null, config: null });
  });

  test("when a plan asks for a replacement, then its paths are told", async () => {
    thing.plan = async ({ proposed }) => ({ planned: proposed, private: {}, requiresReplace: [["name"]] });
    expect(await plan()).toMatchObject({ requiresReplace: [{ steps: [{ attributeName: "name" }] }] });
  });

  test.each([
    ["throws", () => Promise.reject(new Error("it broke"))],
    ["answers what does not fit", async () => ({ planned: { nmae: 1 }, state: { nmae: 1 }, private: {} })],
    [
      "answers a private state that is no JSON",
      async () => ({ planned: null, state: null, private: { n: 1n } }),
    ],
  ])(
    "when a handler %s, then state and private state go back as they were, with an error",
    async (_title, broken) => {
      thing.plan = broken as Thing["plan"];
      thing.apply = broken as Thing["apply"];
      expect(await plan()).toMatchObject({
        plannedState: BEFORE,
        plannedPrivate: PRIVATE,
        diagnostics: [{ severity: 1 }],
      });
      expect(await apply()).toMatchObject({
        newState: BEFORE,
        private: PRIVATE,
        diagnostics: [{ severity: 1 }],
      });
    },
  );

  test("when a handler throws, then the stack goes to the log and not to the user", async () => {
    thing.apply = () => Promise.reject(new Error("it broke"));
    expect(JSON.stringify(await apply())).not.toContain("server.test");
    const entry = JSON.parse(String(logged.mock.calls.at(-1)?.[0])) as Record<string, string>;
    expect(entry["@level"]).toBe("error");
    expect(entry["@message"]).toMatch(/^test_thing: Error: it broke\n.*server\.test/s);
    expect(entry["@timestamp"]).toMatch(/\.\d{6}Z$/);
  });

  test("when an apply fails half way, then what stands goes back beside the error", async () => {
    thing.apply = async () => ({
      state: { name: "half" },
      private: { half: true },
      diagnostics: [{ severity: "error", summary: "half of it" }],
    });
    const { newState, private: bytes, diagnostics } = await apply();
    expect(decode(newState!.msgpack!)).toEqual({ name: "half", size: null });
    expect(JSON.parse(String(bytes))).toEqual({ half: true });
    expect(diagnostics).toMatchObject([{ summary: "half of it" }]);
  });

  test("when it is stopped, then what is under way learns of it", async () => {
    thing.apply = (_request, _configured, signal) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve({ state: { name: "stopped" }, private: {} })),
      );
    const applied = apply();
    expect(await server.handlers.StopProvider({})).toEqual({});
    expect(decode((await applied).newState!.msgpack!)).toMatchObject({ name: "stopped" });
  });

  test("when nothing is there to import, then that is an error, the resource's own if it has one", async () => {
    const importing = () => server.handlers.ImportResourceState({ typeName: "test_thing", id: "x" });
    expect(await importing()).toMatchObject({
      diagnostics: [{ severity: 1, summary: 'Nothing to import: there is no test_thing "x"' }],
    });
    thing.import = async () => ({ state: null, diagnostics: [{ severity: "error", summary: "x is no id" }] });
    expect(await importing()).toMatchObject({ diagnostics: [{ summary: "x is no id" }] });
  });

  test("when closed, then the provider is, with what configure returned", async () => {
    const close = jest.fn();
    provider.close = close;
    await server.close();
    expect(close).toHaveBeenCalledWith("configured");
  });
});

describe("given a state", () => {
  test("of this version, then it passes, foreign attributes dropped and missing ones null", async () => {
    const { upgradedState, diagnostics } = await upgrade(2, { name: "a", gone: 1 });
    expect(diagnostics).toEqual([]);
    expect(decode(upgradedState!.msgpack!)).toEqual({ name: "a", size: null });
  });

  test("of an older version, then the resource upgrades it", async () => {
    const { upgradedState } = await upgrade(1, { title: "a" });
    expect(decode(upgradedState!.msgpack!)).toEqual({ name: "a of 1", size: null });
  });

  test.each<[string, number, unknown, string]>([
    ["of a newer version", 3, {}, "was written by a newer version of this provider"],
    ["that does not fit", 2, { name: 5 }, "name: expected a string"],
    ["that is no object", 1, "text", "the state is not an object"],
  ])("%s, then the error says so", async (_title, version, state, message) => {
    const response = await upgrade(version, state);
    expect(response).toMatchObject({
      diagnostics: [{ severity: 1, summary: expect.stringContaining(message) }],
    });
    expect(response.upgradedState).toBeUndefined();
  });

  test("of an older version with no way from it, then the error says so", async () => {
    delete thing.upgrade;
    expect(await upgrade(1, {})).toMatchObject({
      diagnostics: [{ summary: "The state of test_thing has version 1, from which there is no way to 2" }],
    });
  });
});
