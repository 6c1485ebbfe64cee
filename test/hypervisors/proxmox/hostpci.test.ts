import * as fc from "fast-check";
import {
  formatPciSlot,
  parsePciValue,
  pciAddresses,
  pciKey,
  pciSlotProblems,
  samePciValue,
} from "../../../lib/hypervisors/proxmox/hostpci";
import type { PciSlot } from "../../../lib/hypervisors/types";
import { pciSlot } from "./node";

describe("formatPciSlot", () => {
  it.each<[Partial<PciSlot>, string]>([
    [{ device: "01:00" }, "0000:01:00"],
    [{ device: "0000:0A:00.1" }, "0000:0a:00.1"],
    [{ device: "10000:e1:00.0" }, "10000:e1:00.0"],
    [{ device: "01:00.1;01:00.0" }, "0000:01:00.1;0000:01:00.0"],
    [{ mapping: "gpu" }, "mapping=gpu"],
    [{ mapping: "gpu", pcie: true }, "mapping=gpu,pcie=1"],
    [{ pcie: true, x_vga: true }, "0000:01:00,pcie=1,x-vga=1"],
    [{ pcie: false, x_vga: false, rombar: true, legacy_igd: false, driver: "vfio" }, "0000:01:00"],
    [{ rombar: false }, "0000:01:00,rombar=0"],
    [{ romfile: "vbios.bin" }, "0000:01:00,romfile=vbios.bin"],
    [{ mdev: "nvidia-63" }, "0000:01:00,mdev=nvidia-63"],
    [{ legacy_igd: true }, "0000:01:00,legacy-igd=1"],
    [{ driver: "keep" }, "0000:01:00,driver=keep"],
    [
      { vendor_id: "0x10DE", device_id: "0x2204", sub_vendor_id: "0x1043", sub_device_id: "0x87b3" },
      "0000:01:00,vendor-id=0x10de,device-id=0x2204,sub-vendor-id=0x1043,sub-device-id=0x87b3",
    ],
  ])("writes %j as %s", (slot, text) => {
    expect(formatPciSlot(pciSlot(slot))).toBe(text);
  });
});

describe("samePciValue", () => {
  it.each([
    ["01:00.0", "0000:01:00.0"],
    ["0000:0A:00", "0a:00"],
    ["host=01:00", "0000:01:00"],
    ["pcie=1,host=01:00", "01:00,pcie=1"],
    ["01:00,pcie=true", "01:00,pcie=1"],
    ["01:00,pcie=on,x-vga=yes", "01:00,x-vga=1,pcie=1"],
    ["01:00,pcie=0", "01:00"],
    ["01:00,x-vga=off", "01:00"],
    ["01:00,rombar=1", "01:00"],
    ["01:00,rombar=no", "01:00,rombar=0"],
    ["01:00,legacy-igd=0,driver=vfio", "01:00"],
    ["01:00,vendor-id=0x10DE", "01:00,vendor-id=0x10de"],
    ["mapping=gpu,pcie=1", "pcie=1,mapping=gpu"],
  ])("takes %s for %s", (a, b) => {
    expect(samePciValue(a, b)).toBe(true);
    expect(samePciValue(b, a)).toBe(true);
  });

  it.each([
    ["01:00.0", "01:00"],
    ["01:00", "02:00"],
    ["0001:01:00", "01:00"],
    ["01:00,pcie=1", "01:00"],
    ["01:00,rombar=0", "01:00"],
    ["01:00,driver=keep", "01:00"],
    ["01:00.0;01:00.1", "01:00.1;01:00.0"],
    ["01:00,romfile=a.bin", "01:00,romfile=A.bin"],
    ["mapping=gpu", "gpu"],
    ["01:00,new-option=1", "01:00"],
    ["01:00,pcie=maybe", "01:00"],
  ])("tells %s from %s", (a, b) => {
    expect(samePciValue(a, b)).toBe(false);
    expect(samePciValue(b, a)).toBe(false);
  });

  it("compares what it cannot read as text", () => {
    expect(samePciValue("01:00,02:00", "01:00,02:00")).toBe(true);
    expect(samePciValue("01:00,02:00", "02:00,01:00")).toBe(false);
  });
});

describe("pciSlotProblems", () => {
  it("finds nothing in a slot that uses everything", () => {
    const slot = pciSlot({
      device: "0000:01:00.0;01:00.1",
      romfile: "GTX-1080_v2+fix.rom",
      mdev: "i915-GVTg_V5_4",
      driver: "keep",
      vendor_id: "0x10de",
    });
    expect(pciSlotProblems(slot)).toEqual([]);
  });

  it.each<[string, Partial<PciSlot>]>([
    ["an option in the device", { device: "01:00,pcie=1" }],
    ["a newline in the device", { device: "01:00\nargs: -x" }],
    ["an empty part of the device", { device: "01:00;" }],
    ["no device", { device: "" }],
    ["a path", { romfile: "/var/lib/vz/template/efi-nvidia.bin" }],
    ["a way up", { romfile: "../../etc/shadow" }],
    ["a comma", { romfile: "a.bin,x-vga=1" }],
    ["a semicolon", { romfile: "a.bin;b" }],
    ["an option", { romfile: "-a" }],
    ["nothing", { romfile: "" }],
    ["a comma in a mapping", { mapping: "gpu,pcie=1" }],
    ["a mapping of one letter", { mapping: "g" }],
    ["a mapping with a newline", { mapping: "gpu\n" }],
    ["a dot in an mdev type", { mdev: "nvidia.63" }],
    ["a comma in an mdev type", { mdev: "nvidia-63,x-vga=1" }],
    ["an id without 0x", { vendor_id: "10de" }],
    ["an id of five digits", { device_id: "0x12345" }],
    ["an id with more", { sub_vendor_id: "0x10de,x-vga=1" }],
    ["a newline after an id", { sub_device_id: "0x10de\n" }],
    ["another driver", { driver: "nouveau" }],
  ])("refuses %s", (_what, slot) => {
    const [problem] = pciSlotProblems(pciSlot(slot));
    expect(problem).toMatch(/is not valid\. Expected /);
  });

  it("wants one of device and mapping", () => {
    expect(pciSlotProblems(pciSlot({ device: null }))[0]).toMatch(/names no device/);
    expect(pciSlotProblems(pciSlot({ device: "01:00", mapping: "gpu" }))[0]).toMatch(
      /both device 01:00 and mapping gpu/,
    );
  });
});

describe("reading and writing", () => {
  const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
  const address = fc
    .tuple(hex(4), hex(2), fc.integer({ min: 0, max: 31 }), fc.option(fc.integer({ min: 0, max: 7 })))
    .map(
      ([domain, bus, device, fn]) =>
        `${domain}:${bus}:${device.toString(16).padStart(2, "0")}${fn === null ? "" : `.${fn}`}`,
    );
  const flag = fc.option(fc.boolean());
  const id = fc.option(hex(4).map((digits) => `0x${digits}`));
  const anySlot = fc
    .record({
      devices: fc.array(address, { minLength: 1, maxLength: 3 }),
      mapping: fc.option(fc.stringMatching(/^[a-z][a-z0-9_-]{1,8}$/)),
      pcie: flag,
      rombar: flag,
      romfile: fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9._+-]{0,8}$/)),
      x_vga: flag,
      mdev: fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,8}$/)),
      legacy_igd: flag,
      driver: fc.option(fc.constantFrom("vfio", "keep")),
      vendor_id: id,
      device_id: id,
      sub_vendor_id: id,
      sub_device_id: id,
    })
    .map(({ devices, ...slot }) =>
      pciSlot({ ...slot, device: slot.mapping === null ? devices.join(";") : null }),
    );

  it("takes every slot that is written so, and reads it as the same", () => {
    fc.assert(
      fc.property(anySlot, (slot) => {
        expect(pciSlotProblems(slot)).toEqual([]);
        const text = formatPciSlot(slot);
        expect(pciAddresses(text)).toEqual(slot.device === null ? [] : slot.device.split(";"));
        const shuffled = Object.entries(parsePciValue(text) ?? {}).reverse();
        expect(samePciValue(shuffled.map(([key, value]) => `${key}=${value}`).join(","), text)).toBe(true);
      }),
    );
  });

  it("tells two slots apart that mean different things", () => {
    const meaning = (slot: PciSlot) => [
      slot.device,
      slot.mapping,
      slot.pcie ?? false,
      slot.rombar ?? true,
      slot.romfile,
      slot.x_vga ?? false,
      slot.mdev,
      slot.legacy_igd ?? false,
      slot.driver ?? "vfio",
      slot.vendor_id,
      slot.device_id,
      slot.sub_vendor_id,
      slot.sub_device_id,
    ];
    fc.assert(
      fc.property(anySlot, anySlot, (a, b) => {
        const same = JSON.stringify(meaning(a)) === JSON.stringify(meaning(b));
        expect(samePciValue(formatPciSlot(a), formatPciSlot(b))).toBe(same);
      }),
    );
  });

  it("writes nothing that reaches beyond its option, whatever is declared", () => {
    const hostile = fc.string({
      unit: fc.constantFrom(",", "=", ";", "\n", "-", "0", "a", ":", ".", "/", " "),
    });
    fc.assert(
      fc.property(
        hostile,
        fc.constantFrom("device", "mapping", "romfile", "mdev", "vendor_id", "driver"),
        (text, key) => {
          const slot = pciSlot({ ...(key === "mapping" ? { device: null } : {}), [key]: text });
          if (pciSlotProblems(slot).length > 0) return;
          expect(formatPciSlot(slot)).not.toMatch(/\n/);
          expect(Object.keys(parsePciValue(formatPciSlot(slot)) ?? {}).length).toBeLessThanOrEqual(2);
        },
      ),
    );
  });
});

it("knows the slots", () => {
  expect(["hostpci0", "hostpci9", "hostpci10", "hostpci15"].every((key) => pciKey.test(key))).toBe(true);
  expect(
    ["hostpci16", "hostpci00", "hostpci", "hostpci-1", "xhostpci0"].some((key) => pciKey.test(key)),
  ).toBe(false);
});
