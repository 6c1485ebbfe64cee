import fc from "fast-check";
import {
  matchesPciFilter,
  parsePciFilter,
  parsePciPattern,
  printPciPattern,
  samePciFilter,
  shortPciAddress,
  type PciPattern,
} from "../../lib/model/openNebulaFilter";

const grid = { vendor: "10de", device: "11bf", class: "030000" };
const nic = { vendor: "8086", device: "10d3", class: "0200" };
const usb = { vendor: "8086", device: "9c31", class: "0c0330" };
const devices = { grid, nic, usb };

describe("what a filter matches", () => {
  const cases: readonly [string, readonly (keyof typeof devices)[]][] = [
    ["10de:*", ["grid"]],
    ["10de:", ["grid"]],
    ["10DE:11BF", ["grid"]],
    ["*:10d3", ["nic"]],
    [":10d3", ["nic"]],
    ["8086::0c03", ["usb"]],
    ["8086:*:c03", ["usb"]],
    ["::0200", ["nic"]],
    ["*:*", ["grid", "nic", "usb"]],
    [":", ["grid", "nic", "usb"]],
    ["*:*:*", ["grid", "nic", "usb"]],
    ["0:0", []],
    ["10de:*,8086::0c03", ["grid", "usb"]],
    ["10de:11bf, *:10d3", ["grid", "nic"]],
    ["10de:11bf:0302", []],
  ];
  test.each(cases)("%s", (text, matched) => {
    const filter = parsePciFilter(text);
    const found = Object.entries(devices).filter(([, device]) => matchesPciFilter(filter, device));
    expect(found.map(([name]) => name)).toEqual(matched);
  });
});

test.each([
  "",
  "10de",
  "10de:11bf:0300:00",
  "10de:11bfx",
  "0x10de:*",
  "10de:*,",
  "10de;*",
  "12345:*",
  "1:2\n",
])("%j is refused with the form that is expected", (text) => {
  expect(() => parsePciFilter(text)).toThrow(/is not a PCI filter\. Expected vendor:device\[:class\] in hex/);
});

const id = fc.option(fc.integer({ min: 0, max: 0xffff }));
const pattern: fc.Arbitrary<PciPattern> = fc.record({ vendor: id, device: id, class: id });

test("what is printed is read as the same", () => {
  fc.assert(
    fc.property(pattern, (one) => {
      expect(parsePciPattern(printPciPattern(one))).toEqual(one);
    }),
  );
});

test("whatever is read is printed in one way", () => {
  const field = fc.oneof(fc.constantFrom("", "*"), fc.stringMatching(/^[0-9a-fA-F]{1,4}$/));
  fc.assert(
    fc.property(fc.array(field, { minLength: 2, maxLength: 3 }), (fields) => {
      const once = printPciPattern(parsePciPattern(fields.join(":")));
      expect(printPciPattern(parsePciPattern(once))).toBe(once);
    }),
  );
});

test("any other text is an error and never a pattern", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      fc.pre(!/^(\*|[0-9a-f]{0,4})(:(\*|[0-9a-f]{0,4})){1,2}$/i.test(text));
      expect(() => parsePciPattern(text)).toThrow("is not a PCI filter");
    }),
  );
});

test("two filters are the same by what they match", () => {
  const same = (one: string, other: string) => samePciFilter(parsePciFilter(one), parsePciFilter(other));
  expect(same("10DE:*,8086::c03", "8086:*:0C03,10de:,10de:*")).toBe(true);
  expect(same("10de:*", "10de:11bf")).toBe(false);
  expect(same("0:0", "0:")).toBe(false);
});

describe("addresses", () => {
  test.each([
    ["07:00.0", "07:00.0"],
    ["0000:0A:1F.7", "0a:1f.7"],
  ])("%s", (address, short) => {
    expect(shortPciAddress(address)).toBe(short);
  });
  test.each(["0001:07:00.0", "0000:07:00", "07:00", "07:00.8", "07:20.0", "", "07:00.0\n"])(
    "%j is refused",
    (address) => {
      expect(() => shortPciAddress(address)).toThrow("it knows PCI domain 0000 alone");
    },
  );
});
