import type { PciSlot, VmDeclaration } from "../../../../lib/hypervisors/types";
import { pciSlot } from "../node";
import { found, nothing, vm100 } from "./found";

describe("pcie", () => {
  const pci = { hostpci0: pciSlot({ device: "02:00.0", pcie: true }) };

  it.each([
    ["", /machine is pc \(i440fx, the default\)/],
    ["machine: pc-i440fx-8.1", /machine is pc-i440fx-8\.1/],
  ])("without q35 is an error: %p", (lines, words) => {
    const { errors, words: said, keys } = found(vm100(lines), { pci });
    expect(errors).toEqual(["hostpci0 of VM 100 (ws) on pve1 needs machine q35"]);
    expect(said).toMatch(words);
    expect(keys).toEqual(["hostpci0"]);
  });

  it("with q35 is none, declared or there", () => {
    expect(found(vm100("machine: pc-q35-8.1"), { pci }).errors).toEqual([]);
    expect(found(vm100("machine: pc"), { pci, machine: "q35" }).errors).toEqual([]);
  });

  it("of somebody else's slot counts when the machine changes", () => {
    const facts = vm100("hostpci7: 02:00.0,pcie=1\nmachine: q35");
    expect(found(facts, { machine: "pc" }).errors).toEqual([
      "hostpci7 of VM 100 (ws) on pve1 needs machine q35",
    ]);
  });
});

it("allows one primary display", () => {
  const pci = {
    hostpci0: pciSlot({ device: "02:00.0", x_vga: true }),
    hostpci1: pciSlot({ device: "01:00", x_vga: true }),
  };
  expect(found(vm100(""), { pci })).toMatchObject({
    errors: ["VM 100 (ws) on pve1 has more than one primary display"],
    keys: ["hostpci1"],
  });
  expect(found(vm100(""), { pci: { hostpci0: pci.hostpci0 } })).toMatchObject(nothing);
});

it("makes mediated devices of one function", () => {
  const { errors, words } = found(vm100(""), {
    pci: { hostpci0: pciSlot({ device: "01:00", mdev: "nvidia-63" }) },
  });
  expect(errors).toEqual(["hostpci0 of VM 100 (ws) on pve1 is a mediated device of several functions"]);
  expect(words).toContain("0000:01:00.0, 0000:01:00.1");
  const one = { pci: { hostpci0: pciSlot({ device: "02:00", mdev: "nvidia-63" }) } };
  expect(found(vm100(""), one)).toMatchObject(nothing);
});

describe("legacy IGD mode", () => {
  const igd = (slot: Partial<PciSlot> = {}) => ({
    hostpci0: pciSlot({ device: "00:02.0", legacy_igd: true, ...slot }),
  });

  it("takes what it needs", () => {
    expect(found(vm100("vga: none"), { pci: igd() }).errors).toEqual([]);
    expect(found(vm100(""), { pci: igd(), vga: "none", machine: "pc" }).errors).toEqual([]);
  });

  it.each<[string, string, Partial<VmDeclaration>, RegExp]>([
    ["q35", "vga: none\nmachine: q35", { pci: igd() }, /needs machine pc \(i440fx\), and the VM's is q35/],
    ["a display", "", { pci: igd() }, /needs vga none, and the VM's is the default/],
    ["no option ROM", "vga: none", { pci: igd({ rombar: false }) }, /needs the option ROM/],
    ["x-vga", "vga: none", { pci: igd({ x_vga: true }) }, /without x-vga/],
    ["mdev", "vga: none", { pci: igd({ mdev: "i915-GVTg_V5_4" }) }, /without mdev/],
    ["several functions", "vga: none", { pci: igd({ device: "01:00" }) }, /needs one function/],
    ["another device", "vga: none", { pci: igd({ device: "02:00.0" }) }, /needs the graphics at 00:02\.0/],
    [
      "two of them",
      "vga: none",
      { pci: { ...igd(), hostpci1: pciSlot({ device: "02:00.0", legacy_igd: true }) } },
      /to be the only one, and hostpci0 has it too/,
    ],
  ])("refuses %s", (_what, lines, declaration, words) => {
    const { errors, words: said } = found(vm100(lines), declaration);
    expect(new Set(errors.map((summary) => summary.replace(/hostpci\d/, "")))).toEqual(
      new Set([" of VM 100 (ws) on pve1 cannot be in legacy IGD mode"]),
    );
    expect(said).toMatch(words);
  });
});
