import fc from "fast-check";
import type { Declared } from "../../lib/review/plan";
import { waves } from "../../lib/review/waves";

/** `a: b c`: a waits for b and c. */
function graph(...lines: readonly string[]): Declared[] {
  return lines.map((line) => {
    const [address = "", rest = ""] = line.split(":");
    return { address, type: "t", references: {}, dependencies: rest.trim().split(" ").filter(Boolean) };
  });
}

const among = (declared: readonly Declared[], ...marked: readonly string[]) =>
  Object.fromEntries(waves(declared, new Set(marked)));

test.each([
  ["independent", graph("a", "b"), { a: 1, b: 1 }],
  ["a chain", graph("a", "b: a"), { a: 1, b: 2 }],
  ["through what does not reboot", graph("a", "x: a", "y: x", "b: y"), { a: 1, b: 2 }],
  ["a chain from the end", graph("a: b", "b"), { a: 2, b: 1 }],
  ["in a module", graph("module.m.a", "b: module.m"), { "module.m.a": 1, b: 2 }],
  ["not in the configuration", graph("a"), { a: 1, b: 1 }],
  ["what waits for itself has no wave", graph("a: b", "b: a", "c"), { c: 1 }],
])("%s", (_what, declared, expected) => {
  expect(
    among(
      declared,
      ...["module.m.a", "a", "b", "c"].filter(
        (name) => name in expected || declared.some(({ address }) => address === name),
      ),
    ),
  ).toEqual(expected);
});

test("whatever the graph, who waits comes in a later wave", () => {
  const edges = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 30 });
  fc.assert(
    fc.property(edges, fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }), (pairs, reboots) => {
      // From a lower to a higher number only: without a circle.
      const declared = reboots.map((_, node): Declared => ({
        address: `n${node}`,
        type: "t",
        references: {},
        dependencies: pairs.filter(([to, from]) => to === node && from < node).map(([, from]) => `n${from}`),
      }));
      const marked = new Set(reboots.flatMap((reboot, node) => (reboot ? [`n${node}`] : [])));
      const found = waves(declared, marked);
      expect(found.size).toBe(marked.size);
      for (const { address, dependencies } of declared)
        for (const before of dependencies)
          if (marked.has(address) && marked.has(before))
            expect(found.get(before)).toBeLessThan(found.get(address) ?? 0);
      // And no later than it must: some host of the wave before is waited for, at whatever distance.
      const numbers = new Set(found.values());
      for (const wave of numbers) if (wave > 1) expect(numbers.has(wave - 1)).toBe(true);
    }),
  );
});

test("a chain of thousands does not end the program", () => {
  const names = Array.from({ length: 20_000 }, (_, at) => `n${at}`);
  const declared = graph(...names.map((name, at) => (at === 0 ? name : `${name}: n${at - 1}`)));
  expect(waves(declared, new Set(names)).get("n19999")).toBe(20_000);
});
