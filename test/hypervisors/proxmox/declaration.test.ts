import { declarationProblems, desiredSettings } from "../../../lib/hypervisors/proxmox/declaration";
import type { VmDeclaration } from "../../../lib/hypervisors/types";
import { declare, pciSlot, usbSlot } from "./node";

describe("desiredSettings", () => {
  it("has a key for everything that is declared, and no other", () => {
    const declaration = declare({
      pci: {
        hostpci0: pciSlot({ device: "01:00", pcie: true, x_vga: true }),
        hostpci1: pciSlot({ mapping: "nic" }),
      },
      usb: { usb0: usbSlot({ host: "046D:C52B", usb3: true }) },
      machine: "q35",
      cpu: "host",
      bios: "ovmf",
      vga: "none",
      bootOrder: ["hostpci0", "net0"],
    });
    expect(desiredSettings(declaration)).toEqual({
      hostpci0: "0000:01:00,pcie=1,x-vga=1",
      hostpci1: "mapping=nic",
      usb0: "host=046d:c52b,usb3=1",
      machine: "q35",
      cpu: "host",
      bios: "ovmf",
      vga: "none",
      boot: "order=hostpci0;net0",
    });
    expect(desiredSettings(declare())).toEqual({});
  });

  it("does not write what is malformed", () => {
    const declaration = declare({ pci: { hostpci0: pciSlot({ romfile: "/tmp/a.rom" }) } });
    expect(() => desiredSettings(declaration)).toThrow(
      /hostpci0 of VM 100 is malformed: romfile "\/tmp\/a\.rom" is not valid\. Expected the name of a file in \/usr\/share\/kvm/,
    );
  });
});

describe("declarationProblems", () => {
  it.each<Partial<VmDeclaration>>([
    { machine: "q35" },
    { machine: "pc" },
    { machine: "pc-q35-8.1" },
    { machine: "pc-i440fx-9.2+pve1" },
    { machine: "q35,viommu=intel" },
    { cpu: "host" },
    { cpu: "x86-64-v2-AES" },
    { cpu: "custom-mine" },
    { cpu: "host,flags=+aes;-pcid" },
    { vga: "virtio,memory=64" },
    { vga: "serial0" },
    { bootOrder: ["scsi0", "hostpci1"] },
    { bootOrder: [] },
    { vmId: "999999999" },
  ])("takes %j", (declaration) => {
    expect(declarationProblems(declare(declaration))).toEqual([]);
  });

  it.each<[Partial<VmDeclaration>, string]>([
    [{ machine: "q36" }, "machine"],
    [{ machine: "q35\nargs: -x" }, "machine"],
    [{ machine: "--delete" }, "machine"],
    [{ cpu: "-host" }, "cpu"],
    [{ cpu: "host,flags=+aes\n" }, "cpu"],
    [{ cpu: "host kvm" }, "cpu"],
    [{ bios: "uefi" }, "bios"],
    [{ vga: "off" }, "vga"],
    [{ bootOrder: ["c"] }, "boot"],
    [{ bootOrder: ["scsi0;net0"] }, "boot"],
    [{ bootOrder: ["scsi0,legacy=c"] }, "boot"],
    [{ bootOrder: ["scsi0", "scsi0"] }, "boot"],
    [{ vmId: "1" }, "vm_id"],
    [{ vmId: "100 --force" }, "vm_id"],
    [{ pci: { hostpci16: pciSlot() } }, "hostpci16"],
    [{ pci: { usb0: pciSlot() } }, "usb0"],
    [{ usb: { usb14: usbSlot({ host: "1-4" }) } }, "usb14"],
    [{ usb: { usb0: usbSlot() } }, "usb0"],
  ])("refuses %j", (declaration, key) => {
    const found = declarationProblems(declare(declaration));
    expect(found.map((problem) => [problem.severity, problem.key])).toContainEqual(["error", key]);
  });
});
