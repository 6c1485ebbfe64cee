import fc from "fast-check";
import {
  parsePciConf,
  pciConfKeys,
  printPciConfEntry,
  samePciConf,
  withPciConf,
  type PciConfKey,
} from "../../lib/model/openNebulaPciConf";

const delivered = `# This option specifies the main filters for PCI card monitoring.
# For example:
#   :filter:
#     - '10de:*'      # all NVIDIA VGA cards
:filter: '*:*'  # everything

:short_address:   
  - '00:1f.3'
  # not '07:00.0'

:device_name:
- 'Ethernet'
- 'Audio Controller'

# Ours to keep
:nvidia_vendors:
  - '10de'
`;

const sources = (text: string) =>
  Object.fromEntries(Object.entries(parsePciConf(text)).map(([key, entry]) => [key, entry?.source ?? null]));
const values = (text: string) =>
  Object.fromEntries(Object.entries(parsePciConf(text)).map(([key, entry]) => [key, entry && entry.values]));

test("the guide's settings are read", () => {
  expect(values(delivered)).toEqual({
    ":filter": ["*:*"],
    ":short_address": ["00:1f.3"],
    ":device_name": ["Ethernet", "Audio Controller"],
  });
});

test.each([
  ["", { ":filter": null }],
  ["# nothing\n", { ":filter": null }],
  [":filter:\n", { ":filter": null }],
  [":filter: ~\n:device_name: x", { ":filter": null, ":device_name": ["x"] }],
  [":filter: [a,\n  'b']\n", { ":filter": ["a", "b"] }],
  [":short_address: [00:1f.3, 07]\n", { ":short_address": ["00:1f.3", "07"] }],
])("%j", (text, expected) => {
  expect(values(text)).toMatchObject(expected);
});

test("one key is replaced, and every other byte stays", () => {
  const text = withPciConf(delivered, { ":filter": ":filter: ['10de:*']" });
  expect(text).toBe(delivered.replace("'*:*'", "['10de:*']"));
  expect(withPciConf(text, { ":filter": ":filter: '*:*'" })).toBe(delivered);
});

test("a list of lines is replaced by one line, and comes back as it was", () => {
  const base = sources(delivered);
  const changed = withPciConf(delivered, {
    ":short_address": ":short_address: []",
    ":device_name": ":device_name: []",
  });
  expect(values(changed)).toMatchObject({ ":short_address": [], ":device_name": [] });
  expect(changed).toContain("# Ours to keep\n:nvidia_vendors:\n  - '10de'\n");
  expect(withPciConf(changed, base)).toBe(delivered);
});

test.each([":nvidia_vendors: ['10de']\n", ":nvidia_vendors: ['10de']", "", "# only a comment\n"])(
  "what %j lacked is taken out again",
  (text) => {
    const changed = withPciConf(text, { ":filter": ":filter: ['10de:*']" });
    expect(values(changed)).toMatchObject({ ":filter": ["10de:*"] });
    expect(withPciConf(changed, { ":filter": null })).toBe(text);
  },
);

test.each([
  [":filter: a\n:filter: b\n", "is not valid YAML: Map keys must be unique"],
  ["- a\n", "is no list of settings"],
  ["{:filter: 'x'}\n", "is no list of settings"],
  ["? :filter\n: a\n", "cannot be replaced safely"],
  [":x: &a b\n:filter: *a\n", "cannot be replaced safely"],
  [":filter: &a b\n", "cannot be replaced safely"],
  [":filter: {a: b}\n", "cannot be replaced safely"],
  [":filter: [[a]]\n", "cannot be replaced safely"],
  [":filter: 'a\n", "is not valid YAML"],
])("%j is refused", (text, words) => {
  expect(() => parsePciConf(text)).toThrow(words);
});

describe("the same to the probe", () => {
  const same = (key: PciConfKey, text: string, wanted: readonly string[]) =>
    samePciConf(key, parsePciConf(text)[key], wanted);
  test.each<[PciConfKey, string, readonly string[], boolean]>([
    [":filter", ":filter: '8086::c03,10DE:'", ["10de:*", "8086:*:0c03"], true],
    [":filter", ":filter: '10de:*'", ["10de:11bf"], false],
    [":filter", "", ["0:0"], true],
    [":filter", "", ["*:*"], false],
    [":filter", ":filter:", ["*:*"], true],
    [":filter", ":filter: nonsense", ["10de:*"], false],
    [":short_address", ":short_address: ['0A:00.0', '0a:00.0']", ["0a:00.0"], true],
    [":short_address", "", [], true],
    [":device_name", ":device_name: [b, a]", ["a", "b"], true],
    [":device_name", ":device_name: [A]", ["a"], false],
  ])("%s %j and %j: %s", (key, text, wanted, expected) => {
    expect(same(key, text, wanted)).toBe(expected);
  });
});

const word = fc.stringMatching(/^[ -~]{0,12}$/);
const key = fc.constantFrom(...pciConfKeys);

test("what is written is read as it was meant", () => {
  fc.assert(
    fc.property(key, fc.array(word), fc.constantFrom(delivered, "", ":a: 1"), (name, words, text) => {
      const changed = withPciConf(text, { [name]: printPciConfEntry(name, words) });
      expect(parsePciConf(changed)[name]?.values).toEqual(words);
    }),
  );
});

test("foreign lines survive, and the base comes back byte for byte", () => {
  const line = fc.constantFrom("# comment", "", ":other: [1, 2]  # why", ":nvidia_vendors:\n  - '10de'");
  const entry = fc.constantFrom(
    ":filter: '0:0'",
    ":filter:\n  - '10de:*'  # all\n  - 'a:b'",
    ":device_name: [ 'x' ] # end",
    ":short_address: []",
  );
  const nameOf = (one: string) => /^:\w+/.exec(one)?.[0];
  const text = fc.array(fc.oneof(line, entry)).map((lines) => {
    const first = (one: string) => lines.find((other) => nameOf(other) === nameOf(one));
    return `${lines.filter((one, at) => nameOf(one) === undefined || lines.indexOf(first(one) ?? "") === at).join("\n")}\n`;
  });
  fc.assert(
    fc.property(text, key, fc.array(word, { minLength: 1 }), (before, name, words) => {
      const base = parsePciConf(before)[name]?.source ?? null;
      const changed = withPciConf(before, { [name]: printPciConfEntry(name, words) });
      for (const foreign of before
        .split("\n")
        .filter((one) => one.startsWith("#") || one.startsWith(":other")))
        expect(changed).toContain(foreign);
      expect(withPciConf(changed, { [name]: printPciConfEntry(name, words) })).toBe(changed);
      expect(withPciConf(changed, { [name]: base })).toBe(before);
    }),
  );
});
