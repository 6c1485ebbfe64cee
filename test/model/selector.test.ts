import { resolveDevices } from "../../lib/model/selector";
import { pciDevice } from "./devices";

const devices = [
  pciDevice("0000:00:03.1", { bridge: true, vendor: "1022", device: "1483", name: "AMD root port" }),
  pciDevice("0000:01:00.0", { name: "NVIDIA GA102" }),
  pciDevice("0000:01:00.1", { device: "1aef" }),
  pciDevice("0000:02:00.0", { name: "NVIDIA GA102" }),
];
const addresses = (selector: Parameters<typeof resolveDevices>[1]) =>
  resolveDevices(devices, selector).map(({ address }) => address);

describe("resolveDevices", () => {
  it("takes every function of a slot", () => {
    expect(addresses({ address: "01:00" })).toEqual(["0000:01:00.0", "0000:01:00.1"]);
  });

  it("takes one function", () => {
    expect(addresses({ address: "0000:01:00.1", id: null })).toEqual(["0000:01:00.1"]);
  });

  it("takes every device of an id, and not the other functions of its card", () => {
    expect(addresses({ id: "10DE:2204" })).toEqual(["0000:01:00.0", "0000:02:00.0"]);
  });

  it("takes what is at the address and has the id", () => {
    expect(addresses({ address: "01:00", id: "10de:1aef" })).toEqual(["0000:01:00.1"]);
  });

  it("says what is there instead, without the bridges", () => {
    expect(() => addresses({ address: "03:00" })).toThrow(
      "There is no PCI device at 0000:03:00. There is:\n" +
        "  0000:01:00.0 10de:2204 NVIDIA GA102\n" +
        "  0000:01:00.1 10de:1aef\n" +
        "  0000:02:00.0 10de:2204 NVIDIA GA102",
    );
  });

  it("says which device stands at an address instead of the one with the id", () => {
    expect(() => addresses({ address: "02:00.0", id: "10de:1aef" })).toThrow(
      "There is no PCI device at 0000:02:00.0 with id 10de:1aef. There is:\n  0000:02:00.0 10de:2204 NVIDIA GA102",
    );
  });

  it("does not list hundreds of devices", () => {
    const many = Array.from({ length: 32 }, (_, at) =>
      pciDevice(`0000:01:${at.toString(16).padStart(2, "0")}.0`),
    );
    expect(() => resolveDevices(many, { id: "8086:0000" })).toThrow(/and 20 more$/);
  });

  it("wants an address or an id", () => {
    expect(() => addresses({})).toThrow(/neither is given/);
    expect(() => addresses({ address: "", id: null })).toThrow(/neither is given/);
  });

  it("passes a malformed selector's own error on", () => {
    expect(() => addresses({ address: "1:0" })).toThrow(/is not a PCI address/);
    expect(() => addresses({ id: "gpu" })).toThrow(/is not a device id/);
  });
});
