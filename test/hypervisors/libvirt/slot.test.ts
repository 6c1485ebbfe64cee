import * as fc from "fast-check";
import { declarationProblems, desiredSettings } from "../../../lib/hypervisors/libvirt/declaration";
import {
  formatSlot,
  parseSlot,
  pciSlotOf,
  slotProblems,
  usbSlotOf,
} from "../../../lib/hypervisors/libvirt/slot";
import type { VmDeclaration } from "../../../lib/hypervisors/types";
import { declare } from "../proxmox/node";
import { pciSlot, usbSlot } from "./host";

const web = (declaration: Partial<VmDeclaration>) => declare({ vmId: "web", ...declaration });

describe("a slot in libvirt's words", () => {
  it.each([
    ["a card", pciSlot(), "pci 0000:01:00 managed=yes"],
    ["an address in short", pciSlot({ device: "01:00.0" }), "pci 0000:01:00.0 managed=yes"],
    ["functions", pciSlot({ device: "01:00.0;01:00.1" }), "pci 0000:01:00.0;0000:01:00.1 managed=yes"],
    ["not managed", pciSlot({ managed: false }), "pci 0000:01:00"],
    [
      "a ROM file",
      pciSlot({ romfile: "/rom/a.bin", rombar: true }),
      "pci 0000:01:00 managed=yes rom.file=/rom/a.bin",
    ],
    [
      "no ROM",
      pciSlot({ rom: false, rombar: false }),
      "pci 0000:01:00 managed=yes rom.enabled=no rom.bar=off",
    ],
    ["a place to boot", pciSlot({ boot_order: 2 }), "pci 0000:01:00 managed=yes boot.order=2"],
    ["a guest address", pciSlot({ guest_address: "05:00" }), "pci 0000:01:00 managed=yes address=0000:05:00"],
    ["hidden", pciSlot({ unassigned: true }), "pci 0000:01:00 managed=yes address=unassigned"],
    [
      "teaming",
      pciSlot({ teaming: "ua-backup0" }),
      "pci 0000:01:00 managed=yes teaming.persistent=ua-backup0",
    ],
    [
      "the driver that it is anyway",
      pciSlot({ driver: "vfio", live: true }),
      "pci 0000:01:00 managed=yes live",
    ],
    [
      "a mediated device",
      pciSlot({ mdev: "C2177883-F1BB-47F0-914D-32A22E3A8804" }),
      "mdev c2177883-f1bb-47f0-914d-32a22e3a8804",
    ],
  ])("is written: %s", (_what, slot, text) => {
    expect(formatSlot(pciSlotOf(slot))).toBe(text);
    expect(formatSlot(parseSlot(text))).toBe(text);
  });

  it.each([
    ["an id", usbSlot({ host: "0x046D:0xC52B" }), "usb 046d:c52b"],
    [
      "a port",
      usbSlot({ host: "1-4.2", startup_policy: "optional" }),
      "usb 1-4.2 source.startupPolicy=optional",
    ],
    [
      "what is the default",
      usbSlot({ host: "1-4", startup_policy: "mandatory", live: true }),
      "usb 1-4 live",
    ],
  ])("is written: USB by %s", (_what, slot, text) => {
    expect(formatSlot(usbSlotOf(slot))).toBe(text);
    expect(formatSlot(parseSlot(text))).toBe(text);
  });

  it("is read as it was written, whatever is declared", () => {
    const slots = fc.record({
      managed: fc.option(fc.boolean()),
      rombar: fc.option(fc.boolean()),
      rom: fc.option(fc.boolean()),
      romfile: fc.option(fc.stringMatching(/^\/[\w.+@:,/-]{1,20}$/)),
      boot_order: fc.option(fc.integer({ min: 1, max: 9999 })),
      teaming: fc.option(fc.stringMatching(/^ua-[A-Za-z0-9_-]{1,9}$/)),
      live: fc.option(fc.boolean()),
    });
    fc.assert(
      fc.property(slots, (slot) => {
        const declared = pciSlot(slot);
        expect(slotProblems(declared, "pci")).toEqual([]);
        expect(parseSlot(formatSlot(pciSlotOf(declared)))).toEqual(pciSlotOf(declared));
      }),
    );
  });
});

describe("what cannot be meant", () => {
  it.each([
    ["no device", pciSlot({ device: null }), "names no device"],
    [
      "a device and a mediated one",
      { ...pciSlot(), mdev: "c2177883-f1bb-47f0-914d-32a22e3a8804" },
      "more than one",
    ],
    ["an address with more behind it", pciSlot({ device: "01:00.0'/><evil" }), "is not valid"],
    ["a ROM file by name", pciSlot({ romfile: "a.rom" }), "absolute path"],
    ["a ROM file with a quote", pciSlot({ romfile: "/a'b" }), "absolute path"],
    ["a ROM file with a line feed", pciSlot({ romfile: "/a\n" }), "absolute path"],
    ["a ROM file with a space", pciSlot({ romfile: "/a live" }), "absolute path"],
    ["place 0", pciSlot({ boot_order: 0 }), "whole number"],
    ["half a place", pciSlot({ boot_order: 1.5 }), "whole number"],
    ["hidden and shown", pciSlot({ unassigned: true, guest_address: "05:00" }), "Give one of them"],
    ["a malformed guest address", pciSlot({ guest_address: "5" }), "address"],
    ["another driver", pciSlot({ driver: "keep" }), "Expected vfio"],
    ["an alias of libvirt's own", pciSlot({ teaming: "net0" }), "ua-backup0"],
    ["a type instead of a UUID", pciSlot({ mdev: "nvidia-63" }), "UUID"],
    [
      "a ROM of a mediated device",
      pciSlot({ mdev: "c2177883-f1bb-47f0-914d-32a22e3a8804", romfile: "/a" }),
      "rom.file",
    ],
  ])("is said: %s", (_what, slot, words) => {
    expect(slotProblems(slot, "pci").join(" ")).toContain(words);
    const declaration = web({ pci: { gpu: slot } });
    expect(declarationProblems(declaration)[0]).toMatchObject({ severity: "error", key: "gpu" });
    expect(() => desiredSettings(declaration)).toThrow('gpu of domain "web" is malformed');
  });

  it.each(["xhci", "046d", "046d:c52b;rm", "1-4\n", "1-4 live", ""])("is said: USB device %j", (host) => {
    expect(slotProblems(usbSlot({ host }), "usb").join()).toContain("host");
  });

  it.each(["", " ", "a/b", "a\nb", "a\0", "\u001b[2J", "a".repeat(201)])(
    "is said: domain name %j",
    (vmId) => {
      expect(declarationProblems(web({ vmId }))[0]).toMatchObject({ key: "vm_id" });
    },
  );

  it.each(["it's", 'a "b"', "$(reboot)", "; reboot", "-r", "100", "a&b<c>", "__proto__", "é"])(
    "is not a strange name: %j",
    (vmId) => {
      expect(declarationProblems(web({ vmId }))).toEqual([]);
    },
  );

  it("is said: one name for two slots", () => {
    const both = web({ pci: { key: pciSlot() }, usb: { key: usbSlot({ host: "1-4" }) } });
    expect(declarationProblems(both)[0]?.detail).toContain("Rename one of them");
  });
});
