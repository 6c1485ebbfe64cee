import {
  formatUsbSlot,
  sameUsbValue,
  usbKey,
  usbSlotProblems,
} from "../../../lib/hypervisors/proxmox/hostusb";
import type { UsbSlot } from "../../../lib/hypervisors/types";
import { usbSlot } from "./node";

describe("formatUsbSlot", () => {
  it.each<[Partial<UsbSlot>, string]>([
    [{ host: "046D:C52B" }, "host=046d:c52b"],
    [{ host: "0x046d:0xc52b" }, "host=046d:c52b"],
    [{ host: "046d:c52b", usb3: true }, "host=046d:c52b,usb3=1"],
    [{ host: "1-4.2", usb3: false }, "host=1-4.2"],
    [{ mapping: "dongle", usb3: true }, "mapping=dongle,usb3=1"],
    [{ spice: true }, "spice"],
    [{ spice: true, usb3: true }, "spice,usb3=1"],
  ])("writes %j as %s", (slot, text) => {
    expect(usbSlotProblems(usbSlot(slot))).toEqual([]);
    expect(formatUsbSlot(usbSlot(slot))).toBe(text);
  });
});

describe("sameUsbValue", () => {
  it.each([
    ["046d:c52b", "host=046D:C52B"],
    ["host=0x046d:0xc52b", "host=046d:c52b,usb3=0"],
    ["usb3=yes,host=1-4", "host=1-4,usb3=1"],
    ["SPICE", "host=spice"],
  ])("takes %s for %s", (a, b) => {
    expect(sameUsbValue(a, b)).toBe(true);
    expect(sameUsbValue(b, a)).toBe(true);
  });

  it.each([
    ["host=046d:c52b", "host=046d:c52c"],
    ["host=046d:c52b", "host=046d:c52b,usb3=1"],
    ["host=1-4", "host=1-4.1"],
    ["mapping=dongle", "host=dongle"],
    ["spice", "host=1-4"],
  ])("tells %s from %s", (a, b) => {
    expect(sameUsbValue(a, b)).toBe(false);
  });
});

describe("usbSlotProblems", () => {
  it.each<[string, Partial<UsbSlot>, RegExp]>([
    ["a controller", { host: "xhci,pcie=1" }, /host "xhci,pcie=1" is not valid/],
    ["an option", { host: "046d:c52b,usb3=1" }, /is not valid/],
    ["a newline", { host: "046d:c52b\n" }, /is not valid/],
    ["spice as a host", { host: "spice" }, /is not valid/],
    ["a mapping with a comma", { mapping: "dongle,usb3=1" }, /mapping "dongle,usb3=1" is not valid/],
    ["nothing", {}, /names no device/],
    ["two devices", { host: "1-4", mapping: "dongle" }, /more than one device/],
    ["spice and a device", { host: "1-4", spice: true }, /more than one device/],
  ])("refuses %s", (_what, slot, words) => {
    expect(usbSlotProblems(usbSlot(slot))[0]).toMatch(words);
  });

  it("takes spice: false for no redirection", () => {
    expect(usbSlotProblems(usbSlot({ host: "1-4", spice: false }))).toEqual([]);
  });
});

it("knows the slots", () => {
  expect(["usb0", "usb9", "usb13"].every((key) => usbKey.test(key))).toBe(true);
  expect(["usb14", "usb", "usb01"].some((key) => usbKey.test(key))).toBe(false);
});
