import fc from "fast-check";
import { addressOf, findDevices, resolveDevices } from "../../lib/model/selection";
import { checkSelector, selectorKey, type DeviceSelector } from "../../lib/model/selector";
import { pciDevice } from "./devices";

const devices = [
  pciDevice("0000:00:03.1", {
    bridge: true,
    vendor: "1022",
    device: "1483",
    name: "AMD root port",
    class: "060400",
  }),
  pciDevice("0000:01:00.0", { name: "NVIDIA GA102" }),
  pciDevice("0000:01:00.1", { device: "1aef", class: "040300", name: "NVIDIA GA102 High Definition Audio" }),
  pciDevice("0000:02:00.0", {
    name: "NVIDIA GA102",
    path: ["0000:00:01.1", "0000:02:00.0"],
    subsystemVendor: "1043",
  }),
  pciDevice("0000:03:00.0", {
    ...{ vendor: "8086", device: "1521", class: "020000", name: "Intel I350", driver: "igb" },
    ...{ macs: ["a0:36:9f:00:00:01"], pcieSerial: "a0-36-9f-ff-ff-00-00-01" },
  }),
  pciDevice("0000:03:00.1", {
    ...{ vendor: "8086", device: "1521", class: "020000", name: "Intel I350", driver: "igb" },
    ...{ macs: ["a0:36:9f:00:00:02"], pcieSerial: "a0-36-9f-ff-ff-00-00-01" },
  }),
  pciDevice("0000:04:00.0", {
    vendor: "144d",
    device: "a808",
    class: "010802",
    name: "Samsung PM981",
    serial: "S4EVNX0R1",
  }),
  pciDevice("0000:05:10.0", {
    vendor: "8086",
    device: "1520",
    class: "020000",
    physicalFunction: "0000:03:00.0",
  }),
  pciDevice("0000:05:10.1", {
    vendor: "8086",
    device: "1520",
    class: "020000",
    physicalFunction: "0000:03:00.0",
  }),
];
const addresses = (selector: DeviceSelector) =>
  resolveDevices(devices, selector).map(({ address }) => address);

describe("resolveDevices", () => {
  it.each<[what: string, selector: DeviceSelector, expected: string[]]>([
    ["every function of a slot", { address: "01:00" }, ["0000:01:00.0", "0000:01:00.1"]],
    ["one function", { address: "0000:01:00.1", id: null }, ["0000:01:00.1"]],
    [
      "every device of an id, not the rest of its card",
      { id: "10DE:2204" },
      ["0000:01:00.0", "0000:02:00.0"],
    ],
    ["what is at the address and has the id", { address: "01:00", id: "10de:1aef" }, ["0000:01:00.1"]],
    ["vendor and subsystem", { vendor: "10DE", subsystem: "1043:3881" }, ["0000:02:00.0"]],
    ["a device id", { device: "1aef" }, ["0000:01:00.1"]],
    ["a class", { class: "0108" }, ["0000:04:00.0"]],
    ["a class with its programming interface", { class: "010802" }, ["0000:04:00.0"]],
    ["a drive's serial number", { serial: "s4evnx0r1" }, ["0000:04:00.0"]],
    [
      "a card's serial number: its ports",
      { serial: "A0:36:9F:FF:FF:00:00:01" },
      ["0000:03:00.0", "0000:03:00.1"],
    ],
    ["a MAC address: that port", { mac: "A0-36-9F-00-00-02" }, ["0000:03:00.1"]],
    ["a name, whatever the case", { name: "i3[0-9]0$" }, ["0000:03:00.0", "0000:03:00.1"]],
    ["a filter of OpenNebula", { filter: "144d:*" }, ["0000:04:00.0"]],
    ["a list of filters", { filter: "144d:*, *:1aef", count: "2" }, ["0000:01:00.1", "0000:04:00.0"]],
    ["a filter with empty parts", { filter: "::0108" }, ["0000:04:00.0"]],
    ["the first by the way from the root, not by bus", { vendor: "10de", nth: 1 }, ["0000:02:00.0"]],
    ["the second", { vendor: "10de", nth: 2 }, ["0000:01:00.0", "0000:01:00.1"]],
    ["one of as many as there must be", { class: "03", nth: 2, count: "2" }, ["0000:01:00.0"]],
    [
      "all functions of a card that matches by one",
      { class: "0403", whole: true },
      ["0000:01:00.0", "0000:01:00.1"],
    ],
    ["as many as it says", { vendor: "10de", count: "2" }, ["0000:01:00.0", "0000:01:00.1", "0000:02:00.0"]],
    ["a virtual function as one card", { id: "8086:1520", nth: 2 }, ["0000:05:10.1"]],
    ["a bridge that is named", { address: "00:03.1" }, ["0000:00:03.1"]],
  ])("takes %s", (_what, selector, expected) => {
    expect(addresses(selector)).toEqual(expected);
  });

  it("says what is there instead, without the bridges", () => {
    expect(() => resolveDevices(devices.slice(0, 4), { address: "03:00" })).toThrow(
      "There is no PCI device at 0000:03:00. There is:\n" +
        "  0000:01:00.0 10de:2204 NVIDIA GA102\n" +
        "  0000:01:00.1 10de:1aef NVIDIA GA102 High Definition Audio\n" +
        "  0000:02:00.0 10de:2204 NVIDIA GA102",
    );
  });

  it("says which device stands at an address instead of the one with the id", () => {
    expect(() => addresses({ address: "02:00.0", id: "10de:1aef" })).toThrow(
      "There is no PCI device at 0000:02:00.0 with id 10de:1aef. There is:\n  0000:02:00.0 10de:2204 NVIDIA GA102",
    );
  });

  it.each<[DeviceSelector, RegExp]>([
    [
      { class: "03" },
      /says 1, and it matches 2 cards of class 03: \n {2}0000:02:00\.0 .*\n {2}0000:01:00\.0 .*\n.*serial, mac, address or nth/,
    ],
    [{ class: "03", count: "3" }, /says 3, and it matches 2 cards/],
    [
      { vendor: "8086", class: "02" },
      /matches 3 cards .*serial a0-36-9f-ff-ff-00-00-01, MAC a0:36:9f:00:00:01/s,
    ],
    [{ class: "03", nth: 3 }, /There are 2 cards of class 03, and the selector means number 3/],
    [{ class: "03", nth: 1, count: "1" }, /says 1, and it matches 2 cards/],
    [{ class: "06" }, /There is no PCI device of class 06/],
  ])("refuses what does not say which card: %j", (selector, words) => {
    expect(() => addresses(selector)).toThrow(words);
  });

  it("says what hides a MAC address", () => {
    const held = pciDevice("0000:03:00.0", { class: "020000", driver: "vfio-pci" });
    expect(() => resolveDevices([held], { mac: "a0:36:9f:00:00:01" })).toThrow(
      /no MAC address and no drive's serial number: 0000:03:00\.0\. Select one of these by its address/,
    );
  });

  it("does not list hundreds of devices", () => {
    const many = Array.from({ length: 32 }, (_, at) =>
      pciDevice(`0000:01:${at.toString(16).padStart(2, "0")}.0`),
    );
    expect(() => resolveDevices(many, { id: "8086:0000" })).toThrow(/and 20 more$/);
    expect(() => resolveDevices(many, { vendor: "10de" })).toThrow(/and 20 more\n/);
  });
});

describe("checkSelector", () => {
  it.each<[DeviceSelector, RegExp]>([
    [{}, /none is given/],
    [{ nth: 2, count: "all", whole: true }, /none is given/],
    // An empty variable must not widen what is meant.
    [{ vendor: "10de", serial: "" }, /The serial of a device is empty/],
    [{ vendor: "10de", name: " " }, /The name of a device is empty/],
    [{ address: "1:0" }, /is not a PCI address/],
    [{ id: "gpu" }, /is not a device id/],
    [{ vendor: "0x10de" }, /is not a vendor id/],
    [{ class: "030" }, /is not a PCI class/],
    [{ subsystem: "1043" }, /is not a device id/],
    [{ mac: "a0:36" }, /is not a MAC address/],
    [{ name: "(" }, /is not a regular expression/],
    [{ filter: "10de" }, /is not a PCI filter/],
    [{ vendor: "10de", nth: 1.5 }, /counts no card/],
    [{ vendor: "10de", count: "0" }, /is no number of cards/],
    [{ vendor: "10de", count: "-1" }, /is no number of cards/],
  ])("refuses %j", (selector, words) => {
    expect(() => checkSelector(selector)).toThrow(words);
  });

  it("tells the same words in other writing", () => {
    expect(selectorKey({ address: "01:00", mac: "A0-36-9F-00-00-02" })).toBe(
      selectorKey({ mac: "a0:36:9f:00:00:02", address: "0000:01:00", id: null }),
    );
    expect(selectorKey({ vendor: "10de" })).not.toBe(selectorKey({ vendor: "10de", nth: 1 }));
  });

  it("finds a device by any name that is taken as it stands", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (name) => {
        fc.pre(name.trim() !== "");
        const device = pciDevice("0000:01:00.0", { name });
        const literally = name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
        expect(resolveDevices([device], { name: literally })).toEqual([device]);
      }),
    );
  });
});

describe("findDevices", () => {
  it("lists as many as match, bridges too", () => {
    expect(findDevices(devices, { class: "06" })).toHaveLength(1);
    expect(findDevices(devices, { vendor: "10de" })).toHaveLength(3);
  });

  it("counts where it is asked to", () => {
    expect(() => findDevices(devices, { class: "03", count: "1" })).toThrow(/matches 2 cards/);
  });
});

describe("addressOf", () => {
  it.each<[DeviceSelector, string]>([
    [{ address: "01:00" }, "0000:01:00"],
    [{ address: "01:00.0" }, "0000:01:00.0"],
    // Not the function that was left out.
    [{ address: "01:00", id: "10de:2204" }, "0000:01:00.0"],
    [{ class: "0403", whole: true }, "0000:01:00"],
    [{ class: "03", count: "2" }, "0000:01:00.0;0000:02:00.0"],
    [{ id: "8086:1520", whole: true }, "0000:05:10.0;0000:05:10.1"],
  ])("%j", (selector, expected) => {
    expect(addressOf(resolveDevices(devices, selector), devices, selector)).toBe(expected);
  });
});
