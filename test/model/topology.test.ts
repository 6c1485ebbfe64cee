import fc from "fast-check";
import {
  bootTableLine,
  deviceAtBoot,
  formatBootTableLine,
  parseBootTableLine,
  topologyOf,
} from "../../lib/model/topology";
import { pciDevice } from "./devices";

const gpu = pciDevice("0000:01:00.0");

describe("topologyOf", () => {
  it.each([
    ["below a root port", ["0000:00:03.1", "0000:01:00.0"], "0000:00/03.1/00.0"],
    ["on the root bus", ["0000:00:1f.3"], "0000:00/1f.3"],
    ["of another root complex", ["0000:80:01.0", "0000:81:00.0"], "0000:80/01.0/00.0"],
    [
      "behind a domain of its own",
      ["0000:00:0e.0", "10000:e0:06.0", "10000:e1:00.0"],
      "0000:00/0e.0/06.0/00.0",
    ],
  ])("names the way to a device %s", (_, path, topology) => {
    expect(topologyOf({ address: path[path.length - 1] ?? "", path })).toBe(topology);
  });

  it("refuses to guess where the way is not known", () => {
    expect(() => topologyOf({ address: "0000:01:00.0", path: [] })).toThrow(/0000:01:00.0 is not known/);
    expect(() => topologyOf({ address: "0000:01:00.0", path: ["0000:00:03.1"] })).toThrow(/not known/);
  });
});

describe("the line of the boot-time table", () => {
  it("has the topology, the id and the subsystem id", () => {
    expect(bootTableLine(gpu)).toBe("0000:00/03.1/00.0 10de:2204 1462:3881");
  });

  it("is the same after a renumbering of buses", () => {
    const renumbered = pciDevice("0000:07:00.0", { path: ["0000:00:03.1", "0000:07:00.0"] });
    expect(bootTableLine(renumbered)).toBe(bootTableLine(gpu));
  });

  it("is refused for a virtual function, which does not exist at boot", () => {
    expect(() => bootTableLine(pciDevice("0000:01:10.0", { physicalFunction: "0000:01:00.0" }))).toThrow(
      /virtual function.*0000:01:00.0/,
    );
  });

  it.each([
    "",
    "# comment",
    "0000:01:00.0 10de:2204 1462:3881",
    "0000:00/03.1/00.0 10de:2204",
    "0000:00 1:2 3:4",
  ])("is not %j", (line) => {
    expect(parseBootTableLine(line)).toBeNull();
  });

  it("reads back as it was written", () => {
    const hex = (digits: number, max: number) =>
      fc.integer({ min: 0, max }).map((value) => value.toString(16).padStart(digits, "0"));
    const step = fc.tuple(hex(2, 0x1f), hex(1, 7)).map((parts) => parts.join("."));
    const entry = fc.record({
      topology: fc
        .tuple(hex(4, 0xfffff), hex(2, 0xff), fc.array(step, { minLength: 1, maxLength: 6 }))
        .map(([domain, bus, steps]) => [`${domain}:${bus}`, ...steps].join("/")),
      vendor: hex(4, 0xffff),
      device: hex(4, 0xffff),
      subsystemVendor: hex(4, 0xffff),
      subsystemDevice: hex(4, 0xffff),
    });
    fc.assert(fc.property(entry, (it) => expect(parseBootTableLine(formatBootTableLine(it))).toEqual(it)));
  });
});

describe("deviceAtBoot", () => {
  const entry = parseBootTableLine(bootTableLine(gpu));

  it("finds the device where it went, and no other card in its place", () => {
    const moved = pciDevice("0000:07:00.0", { path: ["0000:00:03.1", "0000:07:00.0"] });
    expect(deviceAtBoot([pciDevice("0000:01:00.0", { device: "1234" }), moved], entry!)).toBe(moved);
    expect(deviceAtBoot([pciDevice("0000:01:00.0", { subsystemDevice: "0001" })], entry!)).toBeNull();
  });

  it("takes neither of two", () => {
    expect(deviceAtBoot([gpu, { ...gpu }], entry!)).toBeNull();
  });
});
