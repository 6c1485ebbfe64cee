import fc from "fast-check";
import {
  formatPciAddress,
  functionsOf,
  isPciAddress,
  namesFunction,
  parsePciAddress,
  slotOf,
} from "../../lib/model/pciAddress";
import { pciDevice } from "./devices";

const anyAddress = fc.record({
  domain: fc.integer({ min: 0, max: 0xfffff }),
  bus: fc.integer({ min: 0, max: 0xff }),
  device: fc.integer({ min: 0, max: 0x1f }),
  function: fc.option(fc.integer({ min: 0, max: 7 })),
});

describe("parsePciAddress", () => {
  it.each([
    ["0000:01:00.0", { domain: 0, bus: 1, device: 0, function: 0 }],
    ["0000:01:00", { domain: 0, bus: 1, device: 0, function: null }],
    ["01:00.1", { domain: 0, bus: 1, device: 0, function: 1 }],
    ["C1:1F.7", { domain: 0, bus: 0xc1, device: 0x1f, function: 7 }],
    ["10000:e1:00.0", { domain: 0x10000, bus: 0xe1, device: 0, function: 0 }],
  ])("reads %s", (text, address) => {
    expect(parsePciAddress(text)).toEqual(address);
  });

  it.each([
    ["01:20.0", /device 20 is above 1f/],
    ["01:00.8", /function 8 is above 7/],
    ["01:00.a", /function a is above 7/],
    ["", /"" is not a PCI address/],
    ["1:0.0", /Expected \[dddd:\]bb:dd\.f/],
    ["000:01:00.0", /not a PCI address/],
    ["0000:01:00.0 ", /not a PCI address/],
    ["0000:01:00.0\n", /not a PCI address/],
    ["10de:2204", /not a PCI address/],
    ["0000-01-00.0", /lspci -D/],
  ])("refuses %j", (text, message) => {
    expect(() => parsePciAddress(text)).toThrow(message);
    expect(isPciAddress(text)).toBe(false);
  });

  it("reads back whatever it prints", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        const text = formatPciAddress(address);
        expect(parsePciAddress(text)).toEqual(address);
        expect(formatPciAddress(parsePciAddress(text.toUpperCase()))).toBe(text);
      }),
    );
  });
});

describe("slotOf", () => {
  it("leaves the function out", () => {
    expect(slotOf("0000:01:00.0")).toBe("0000:01:00");
    expect(slotOf("0a:1F.3")).toBe("0000:0a:1f");
  });
});

describe("functionsOf", () => {
  const devices = ["0000:01:00.0", "0000:01:00.1", "0000:11:00.0", "0001:01:00.0"].map((at) => pciDevice(at));
  const at = (addressOrSlot: string) => functionsOf(devices, addressOrSlot).map(({ address }) => address);

  it.each([
    ["0000:01:00", ["0000:01:00.0", "0000:01:00.1"]],
    ["01:00", ["0000:01:00.0", "0000:01:00.1"]],
    ["01:00.1", ["0000:01:00.1"]],
    ["0001:01:00", ["0001:01:00.0"]],
    ["0000:02:00", []],
  ])("finds at %s", (addressOrSlot, addresses) => {
    expect(at(addressOrSlot)).toEqual(addresses);
  });
});

describe("namesFunction", () => {
  it("takes a slot for each of its functions, and a function for itself alone", () => {
    expect(namesFunction("01:00", "0000:01:00.1")).toBe(true);
    expect(namesFunction("0000:01:00.1", "0000:01:00.1")).toBe(true);
    expect(namesFunction("0000:01:00.0", "0000:01:00.1")).toBe(false);
  });
});
