import { UNKNOWN } from "../../lib/plugin/types";
import { hasUnknown, inputsChanged, same } from "../../lib/provider/values";

test.each<[unknown, boolean]>([
  [UNKNOWN, true],
  [{ a: [1, { b: UNKNOWN }] }, true],
  [{ a: [1, { b: null }], c: "x" }, false],
  [null, false],
])("something unknown in %p: %p", (value, expected) => {
  expect(hasUnknown(value)).toBe(expected);
});

test.each<[unknown, unknown, boolean]>([
  [{ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, true],
  [[1, 2], [2, 1], false],
  [[], {}, false],
  [null, {}, false],
  [{ a: null }, {}, false],
  ["1", 1, false],
])("%j equals %j: %p", (a, b, expected) => {
  expect(same(a, b)).toBe(expected);
});

test("only the author's part counts as changed", () => {
  const prior = { host: "pve1", files: { a: "1" } };
  expect(inputsChanged(["host"], prior, { host: "pve1", files: UNKNOWN })).toBe(false);
  expect(inputsChanged(["host"], prior, { host: UNKNOWN, files: prior.files })).toBe(true);
});
