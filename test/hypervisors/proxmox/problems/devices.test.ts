import type { PciSlot, VmDeclaration } from "../../../../lib/hypervisors/types";
import { node, pciSlot, usbSlot } from "../node";
import { found, nothing, vm100 } from "./found";

const slot = (device: string) => ({ pci: { hostpci0: pciSlot({ device }) } });

describe("a device that the host does not have", () => {
  it("is an error that lists what it has", () => {
    const { errors, words, keys } = found(vm100(""), slot("09:00"));
    expect(errors).toEqual(["There is no PCI device 0000:09:00 on pve1"]);
    expect(words).toContain("\n  0000:01:00.1 10de:1aef");
    expect(keys).toEqual(["hostpci0"]);
  });

  it("is an error for one function too", () => {
    expect(found(vm100(""), slot("02:00.1")).errors).toHaveLength(1);
    expect(found(vm100(""), slot("02:00.0;02:00.1")).errors).toHaveLength(1);
  });

  it("is not asked about where the VM has it already", () => {
    expect(found(vm100("hostpci0: 09:00"), slot("09:00"))).toMatchObject(nothing);
  });
});

describe("a mapping", () => {
  it.each<[Partial<VmDeclaration>, RegExp]>([
    [
      { pci: { hostpci0: pciSlot({ mapping: "gpus" }) } },
      /no PCI resource mapping gpus[^]*The cluster has: gpu, nic\./,
    ],
    [
      { usb: { usb0: usbSlot({ mapping: "gpu" }) } },
      /no USB resource mapping gpu[^]*The cluster has: dongle\./,
    ],
  ])("%j that the cluster does not have is an error", (declaration, words) => {
    expect(found(vm100(""), declaration).words).toMatch(words);
  });

  it("that it has is none", () => {
    const declaration = {
      pci: { hostpci0: pciSlot({ mapping: "gpu" }) },
      usb: { usb0: usbSlot({ mapping: "dongle" }) },
    };
    expect(found(vm100(""), declaration)).toMatchObject(nothing);
  });
});

describe("a ROM file of the stack", () => {
  const named = (ids: string, more: Partial<PciSlot> = {}) => ({
    pci: { hostpci0: pciSlot({ romfile: "vbios.bin", device: "0000:01:00", ...more }) },
    provided: ["rom/vbios.bin"],
    romIds: { "vbios.bin": ids },
  });

  it("is for the card that gets it", () => {
    expect(found(vm100(""), named("10de:1234 10de:2204"))).toMatchObject(nothing);
    expect(found(vm100(""), named("10de:1111", { device_id: "0x1111" }))).toMatchObject(nothing);
  });

  it("is told to be another card's, also where only the file changed", () => {
    const summary =
      "The ROM file vbios.bin is for 10de:1234, and hostpci0 of VM 100 (ws) on pve1 is 10de:2204";
    expect(found(vm100(""), named("10de:1234"))).toMatchObject({ errors: [], warnings: [summary] });
    const same = vm100("hostpci0: 0000:01:00,romfile=vbios.bin");
    expect(found(same, named("10de:1234"))).toMatchObject({ warnings: [summary], keys: ["hostpci0"] });
  });

  it("is nothing to say of where the card is not known", () => {
    const { words } = found(vm100(""), named("10de:1234", { device: null, mapping: "gpu" }));
    expect(words).not.toContain("The ROM file");
  });
});

describe("a ROM file", () => {
  const rom = (romfile: string) => ({ pci: { hostpci0: pciSlot({ device: "02:00.0", romfile }) } });

  it("has to be there", () => {
    expect(found(vm100(""), rom("vbios.bin"))).toMatchObject(nothing);
    const { errors, words } = found(vm100(""), rom("other.bin"));
    expect(errors).toEqual(["There is no ROM file other.bin in /usr/share/kvm on pve1"]);
    expect(words).toContain("The folder has: vbios.bin.");
  });
});

describe("a function in two slots of one VM", () => {
  it.each([
    [
      "two declared slots",
      "",
      { hostpci0: pciSlot({ device: "01:00" }), hostpci1: pciSlot({ device: "01:00.1" }) },
    ],
    ["somebody else's slot", "hostpci1: 01:00.1", { hostpci0: pciSlot({ device: "01:00" }) }],
    ["one slot", "", { hostpci0: pciSlot({ device: "01:00;01:00.1" }) }],
  ])("is an error: %s", (_where, lines, pci) => {
    const { errors } = found(vm100(lines), { pci });
    expect(errors).toEqual(["VM 100 (ws) on pve1 has 0000:01:00.1 twice"]);
  });

  it("is none where the other slot goes", () => {
    const facts = vm100("hostpci1: 01:00.1\n\n[PENDING]\ndelete: hostpci1");
    expect(found(facts, slot("01:00"))).toMatchObject(nothing);
  });

  it("is none for mediated devices", () => {
    const vgpu = pciSlot({ device: "02:00.0", mdev: "nvidia-63" });
    expect(found(vm100(""), { pci: { hostpci0: vgpu, hostpci1: vgpu } })).toMatchObject(nothing);
  });
});

describe("one slot", () => {
  it("shows the guest one card, not all that an id matches", () => {
    const { errors, words } = found(vm100(""), slot("01:00.0;02:00.0"));
    expect(errors).toEqual(["hostpci0 of VM 100 (ws) on pve1 names several cards"]);
    expect(words).toMatch(/0000:01:00\.0 .*\n.*0000:02:00\.0 /);
  });

  it("may join functions of one card, and virtual functions", () => {
    const card = node({ "100": { config: "name: ws\n" } });
    const virtual = card.devices.map((device) => ({ ...device, physicalFunction: "0000:03:00.0" }));
    expect(found(vm100(""), slot("01:00.0;01:00.1"))).toMatchObject(nothing);
    expect(found({ ...card, devices: virtual }, slot("01:00.0;01:00.1;02:00.0"))).toMatchObject(nothing);
  });
});

describe("usb5 and later", () => {
  const usb = { usb: { usb5: usbSlot({ host: "1-4" }) } };

  it.each([
    ["ostype: l26\nmachine: q35"],
    ["ostype: l26"],
    ["ostype: win11\nmachine: pc-q35-8.1"],
    ["ostype: win8\nmachine: pc-i440fx-7.1"],
    ["ostype: l26\nmachine: pc-q35-10.0+pve1"],
  ])("are there with %p", (lines) => {
    expect(found(withLines(lines), usb)).toMatchObject(nothing);
  });

  it.each([
    ["ostype: win7", /its OS type is win7/],
    ["ostype: w2k8", /its OS type is w2k8/],
    ["cores: 1", /its OS type is other/],
    ["ostype: l26\nmachine: pc-q35-7.0", /its machine is pc-q35-7\.0/],
    ["ostype: l26\nmachine: pc-i440fx-6.2", /its machine is pc-i440fx-6\.2/],
  ])("are not with %p", (lines, words) => {
    const { errors, words: said } = found(withLines(lines), usb);
    expect(errors).toEqual(["VM 100 (ws) on pve1 has no slot usb5"]);
    expect(said).toMatch(words);
  });

  it("are none of our business below", () => {
    expect(found(withLines("ostype: win7"), { usb: { usb4: usbSlot({ host: "1-4" }) } })).toMatchObject(
      nothing,
    );
  });
});

function withLines(lines: string) {
  const facts = vm100("");
  const config = `name: ws\n${lines}\n`;
  const vm = { node: "pve1", config, digest: "0", running: false };
  return { ...facts, proxmox: facts.proxmox && { ...facts.proxmox, vms: { "100": vm } } };
}
