import { parsePlan, PlanError, withoutKeys } from "../../lib/review/plan";
import { recordedText } from "./recorded";

const read = (content: string) => parsePlan("plan.json", content, null);
const plan = (rest: object) => JSON.stringify({ format_version: "1.2", resource_changes: [], ...rest });
const change = (rest: object) =>
  plan({
    resource_changes: [{ address: "a.b", type: "a", name: "b", change: { actions: ["create"] }, ...rest }],
  });

describe("what is no plan is refused with what to do", () => {
  test.each([
    ["nothing", "", /it is empty/],
    ["words", "Error: no plan", /it is no JSON/],
    ["half a plan", recordedText("create").slice(0, 500), /it is no JSON/],
    [
      "a wrapper's words first",
      '[command]/usr/bin/terraform show\n{"format_version":"1.2"}',
      /terraform_wrapper: false/,
    ],
    ["a plan file", "PK\u0003\u0004....", /it is a plan file, not its JSON/],
    ["a list", "[]", /it is no JSON object/],
    ["another JSON", '{"a":1}', /it names no format_version/],
    [
      "a newer format",
      plan({ format_version: "2.0" }),
      /its format_version is 2.0, and this command reads 1.x/,
    ],
    ["an older format", plan({ format_version: "0.2" }), /its format_version is 0.2/],
    ["a version that is none", plan({ format_version: 1 }), /it names no format_version/],
    ["a state", '{"format_version":"1.0","values":{}}', /it is a state, not a plan/],
    ["only a version", '{"format_version":"1.0"}', /neither changes nor a configuration/],
    ["changes that are no list", plan({ resource_changes: {} }), /resource_changes is no list/],
    ["drift that is no list", plan({ resource_drift: "x" }), /resource_drift is no list/],
    ["a change of nothing", plan({ resource_changes: [null] }), /entry 0 of resource_changes is no change/],
    [
      "an unknown action",
      change({ change: { actions: ["explode"] } }),
      /"a.b" has actions that are not known/,
    ],
    ["no actions", change({ change: {} }), /has actions that are not known/],
    [
      "a name of an object's own",
      change({ change: { actions: ["constructor"] } }),
      /actions that are not known/,
    ],
  ])("%s", (_what, content, words) => {
    expect(() => read(content)).toThrow(PlanError);
    expect(() => read(content)).toThrow(/^Unable to read plan\.json: /);
    expect(() => read(content)).toThrow(words);
  });

  test("what it quotes of a broken plan is nothing of the plan: that may hold secrets", () => {
    expect(() => read('{"password":"hunter2"')).not.toThrow(/hunter2/);
  });

  test("nested deeper than the stack", () => {
    const depth = 200_000;
    const deep = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    expect(() => read(change({}).replace('"actions"', `"after":${deep},"actions"`))).toThrow(PlanError);
  });
});

test("data sources are no changes", () => {
  expect(read(change({ mode: "data", change: { actions: ["read"] } })).changes).toEqual([]);
});

test("a plan with a byte order mark is read", () => {
  expect(read(`\uFEFF${plan({})}`).changes).toEqual([]);
});

test.each([
  ["passthrough_vm.a", "passthrough_vm.a"],
  ["passthrough_vm.a[0]", "passthrough_vm.a"],
  ['module.m["x.y[0]"].passthrough_vm.a["\\"]."]', "module.m.passthrough_vm.a"],
])("%s is declared at %s", (address, place) => {
  expect(withoutKeys(address)).toBe(place);
});

describe("dependencies", () => {
  const dependencies = (configuration: object) =>
    Object.fromEntries(
      read(plan({ configuration: { root_module: configuration } })).declared.map((one) => [
        one.address,
        one.dependencies,
      ]),
    );
  const resource = (name: string, references: readonly string[], more: object = {}) => ({
    address: `a.${name}`,
    type: "a",
    expressions: { deep: [{ er: { references } }] },
    ...more,
  });

  test("of expressions at any depth, of depends_on, of for_each", () => {
    const one = resource("one", ["b.c.id", "b.c", "local.x", "each.key", "path.module", 'data.d.e["k"].id']);
    const more = { depends_on: ["f.g"], for_each_expression: { references: ["h.i"] } };
    expect(dependencies({ resources: [{ ...one, ...more }] })).toEqual({
      "a.one": ["b.c", "data.d.e", "h.i", "f.g"],
    });
  });

  test("through a module's variables, outputs and depends_on", () => {
    const module = { resources: [resource("inner", ["var.host", "a.other"])] };
    const expressions = { host: { references: ["b.c.id"] } };
    expect(
      dependencies({
        resources: [resource("outer", ["module.m.out", "module.m"])],
        module_calls: { m: { module, expressions, depends_on: ["d.e"] } },
      }),
    ).toEqual({
      "a.outer": ["module.m"],
      "module.m.a.inner": ["b.c", "module.m.a.other", "d.e"],
    });
  });
});
