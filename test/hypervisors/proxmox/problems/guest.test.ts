import { golden, node, pciSlot, usbSlot } from "../node";
import { found, nothing, vm100 } from "./found";

const gpu = { pci: { hostpci0: pciSlot({ device: "02:00.0" }) } };

describe("the boot order", () => {
  it("may name what the VM has after the change", () => {
    const declaration = {
      ...gpu,
      usb: { usb0: usbSlot({ host: "1-4" }) },
      bootOrder: ["hostpci0", "usb0", "net0"],
    };
    expect(found(vm100(""), declaration)).toMatchObject(nothing);
  });

  it("may not name what it does not have", () => {
    const { errors, words, keys } = found(vm100(""), { ...gpu, bootOrder: ["hostpci1", "net0"] });
    expect(errors).toEqual([
      "The boot order of VM 100 (ws) on pve1 names hostpci1, which the VM does not have",
    ]);
    expect(words).toContain("It has: hostpci0, net0, scsi0.");
    expect(keys).toEqual(["boot"]);
  });
});

describe("another machine", () => {
  it.each([
    ["machine: pc-i440fx-8.1", "q35", true],
    ["", "q35", true],
    ["machine: q35", "pc", true],
    ["machine: pc-q35-8.1", "pc-q35-9.0", false],
    ["machine: pc-q35-8.1", "q35", false],
    ["", "pc", false],
  ])("is said: from %p to %s: %s", (lines, machine, said) => {
    const { warnings, words } = found(vm100(lines), { machine });
    expect(warnings).toEqual(said ? [`The machine of VM 100 (ws) on pve1 changes to ${machine}`] : []);
    if (said) expect(words).toContain("network interfaces get other names");
  });
});

describe("another firmware", () => {
  it("is said, with the disk that OVMF needs", () => {
    expect(found(vm100(""), { bios: "ovmf" }).words).toMatch(/may not boot with it\. The VM has no efidisk0/);
    const { warnings, words } = found(vm100("efidisk0: local:1"), { bios: "ovmf" });
    expect(warnings).toEqual(["The firmware of VM 100 (ws) on pve1 changes to ovmf"]);
    expect(words).not.toContain("efidisk0");
  });

  it("is not said where it stays", () => {
    expect(found(vm100("bios: ovmf"), { bios: "ovmf" })).toMatchObject(nothing);
    expect(found(vm100(""), { bios: "seabios" })).toMatchObject(nothing);
  });
});

describe("ballooning", () => {
  it.each([
    ["memory: 8192\nballoon: 2048", true],
    ["memory: current=8192\nballoon: 2048", true],
    ["memory: 8192\nballoon: 8192", false],
    ["memory: 8192\nballoon: 0", false],
    ["memory: 8192", false],
  ])("%p is warned of: %s", (lines, warned) => {
    const { warnings } = found(vm100(lines), gpu);
    expect(warnings).toEqual(warned ? ["Ballooning of VM 100 (ws) on pve1 has no effect"] : []);
  });

  it("is none of our business without a device", () => {
    expect(
      found(vm100("memory: 8192\nballoon: 2048"), { usb: { usb0: usbSlot({ host: "1-4" }) } }),
    ).toMatchObject(nothing);
  });
});

it("names snapshots that hold memory", () => {
  const facts = node({ "100": { config: golden("workstation").replace("onboot: 1\n", "") } });
  const { warnings, words } = found(facts, { pci: { hostpci3: pciSlot({ device: "03:00.1" }) } });
  expect(warnings).toEqual(["VM 100 (workstation) on pve1 has snapshots with memory"]);
  expect(words).toContain("Snapshots before-update hold");
});

describe("a running VM", () => {
  it("takes the change at its next start", () => {
    const { warnings, words } = found(vm100("", true), gpu);
    expect(warnings).toEqual(["VM 100 (ws) on pve1 takes the change at its next start"]);
    expect(words).toContain("hostpci0 stays pending");
  });

  it("is restarted where that is asked for", () => {
    const summary = "VM 100 (ws) on pve1 is restarted";
    expect(found(vm100("", true), { ...gpu, restart: true }).warnings).toEqual([summary]);
    const pending = vm100("name: ws\n\n[PENDING]\nhostpci0: 02:00.0", true);
    expect(found(pending, { ...gpu, restart: true }).warnings).toEqual([summary]);
  });

  it.each([
    ["is stopped", vm100(""), gpu],
    ["has it already", vm100("hostpci0: 02:00.0", true), gpu],
    ["takes USB live", vm100("", true), { usb: { usb0: usbSlot({ host: "1-4" }) } }],
  ])("is not mentioned if it %s", (_why, facts, declaration) => {
    expect(found(facts, declaration)).toMatchObject(nothing);
    expect(found(facts, { ...declaration, restart: true })).toMatchObject(nothing);
  });

  it("is a matter of the plan", () => {
    expect(found(vm100("", true), { ...gpu, restart: true }, "apply")).toMatchObject(nothing);
  });
});
