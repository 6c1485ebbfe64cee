import { diagnosticMessages, errorDiagnostic, pathMessage } from "../../lib/plugin/diagnostics";
import type { PathStep, Schema } from "../../lib/plugin/types";
import { ValueError } from "../../lib/plugin/values";

const device = { type: "string", description: "", required: true } as const;
const schema: Schema = {
  typeName: "test_thing",
  version: 0,
  description: "",
  attributes: {
    name: { type: "string", description: "", required: true },
    slots: { nested: { nesting: "map", attributes: { device } }, description: "", optional: true },
    boot: { nested: { nesting: "single", attributes: { device } }, description: "", optional: true },
    disks: { type: ["list", ["object", { size: "number" }]], description: "", optional: true },
    tags: { type: ["set", "string"], description: "", optional: true },
  },
};

test.each<[PathStep[], object[]]>([
  [["name"], [{ attributeName: "name" }]],
  [
    ["slots", "gpu"],
    [{ attributeName: "slots" }, { elementKeyString: "gpu" }],
  ],
  [
    ["slots", "gpu", "device"],
    [{ attributeName: "slots" }, { elementKeyString: "gpu" }, { attributeName: "device" }],
  ],
  [
    ["disks", 1, "size"],
    [{ attributeName: "disks" }, { elementKeyInt: 1 }, { attributeName: "size" }],
  ],
  [
    ["boot", "device"],
    [{ attributeName: "boot" }, { attributeName: "device" }],
  ],
  [["tags", 0], [{ attributeName: "tags" }]],
  [["name", "deeper"], [{ attributeName: "name" }]],
  [["disks", "one"], [{ attributeName: "disks" }]],
  [["constructor"], []],
])("given the path %j, then its steps are as the schema says", (path, steps) => {
  expect(pathMessage(schema, path)).toEqual({ steps });
});

test.each<[PathStep[], object[]]>([
  [
    ["slots", "gpu", "device"],
    [{ attributeName: "slots" }, { elementKeyString: "gpu" }],
  ],
  [
    ["disks", 1, "size"],
    [{ attributeName: "disks" }, { elementKeyInt: 1 }],
  ],
  [["boot", "device"], [{ attributeName: "boot" }]],
])("given a diagnostic at %j, then it blames what Terraform can find a line for", (path, steps) => {
  expect(diagnosticMessages(schema, [{ severity: "warning", summary: "Odd", path }])).toEqual([
    { severity: 2, summary: "Odd", detail: "", attribute: { steps } },
  ]);
});

test.each([
  [new Error("it broke\n\nbadly\nand twice"), { summary: "it broke", detail: "badly\nand twice" }],
  [new TypeError(""), { summary: "TypeError", detail: "" }],
  ["a string", { summary: "a string", detail: "" }],
  [undefined, { summary: "undefined", detail: "" }],
  [
    new ValueError(["slots", "gpu"], "expected a map"),
    { summary: "slots.gpu: expected a map", path: ["slots", "gpu"] },
  ],
])("given %p thrown, then its words are the diagnostic", (thrown, expected) => {
  const diagnostic = errorDiagnostic(thrown);
  expect(diagnostic).toMatchObject({ severity: "error", ...expected });
  expect(JSON.stringify(diagnostic)).not.toContain("diagnostics.test");
});

test("given an error with a title and a detail, then they are the diagnostic's", () => {
  const error = Object.assign(new Error("both: in one line"), {
    title: "Unable to dial",
    detail: "Nobody\nthere.",
  });
  expect(errorDiagnostic(error)).toEqual({
    severity: "error",
    summary: "Unable to dial",
    detail: "Nobody\nthere.",
  });
});
