import { isQ35, merged, satisfies } from "../../../lib/hypervisors/proxmox/vmSettings";

describe("satisfies", () => {
  it.each([
    ["hostpci0", "pcie=1,host=01:00", "0000:01:00,pcie=1"],
    ["usb0", "046D:C52B", "host=046d:c52b"],
    ["machine", "pc-q35-8.1", "q35"],
    ["machine", "q35,viommu=virtio", "q35"],
    ["machine", "type=q35", "q35"],
    ["machine", "viommu=intel,type=pc-q35-9.0", "q35"],
    ["machine", "pc-i440fx-6.2", "pc"],
    ["machine", "pc-6.2", "pc"],
    ["machine", null, "pc"],
    ["machine", "virt-9.0", "virt"],
    ["machine", "pc-q35-8.1,viommu=intel", "pc-q35-8.1"],
    ["cpu", "host,flags=+aes", "host"],
    ["cpu", "cputype=host", "host"],
    ["cpu", "host,flags=+pcid;+aes", "host,flags=+aes;+pcid"],
    ["bios", null, "seabios"],
    ["vga", "type=none", "none"],
    ["vga", "virtio,memory=64", "virtio"],
    ["boot", "order=hostpci0;net0", "order=hostpci0;net0"],
  ])("takes %s %s for %s", (key, actual, wanted) => {
    expect(satisfies(key, actual, wanted)).toBe(true);
  });

  it.each([
    ["hostpci0", null, "0000:01:00"],
    ["hostpci0", "0000:02:00", "0000:01:00"],
    ["usb0", null, "spice"],
    ["machine", null, "q35"],
    ["machine", "pc-i440fx-8.1", "q35"],
    ["machine", "pc-q35-8.1", "pc"],
    ["machine", "pc-q35-8.1", "pc-q35-9.0"],
    ["machine", "q35", "pc-q35-8.1"],
    ["machine", "q35", "q35,viommu=intel"],
    ["cpu", null, "host"],
    ["cpu", "x86-64-v2-AES", "host"],
    ["cpu", "host,flags=+aes", "host,flags=+pcid"],
    ["bios", null, "ovmf"],
    ["bios", "seabios", "ovmf"],
    ["vga", null, "none"],
    ["boot", null, "order=net0"],
    ["boot", "order=net0;hostpci0", "order=hostpci0;net0"],
    ["boot", "cdn", "order=net0"],
  ])("tells %s %s from %s", (key, actual, wanted) => {
    expect(satisfies(key, actual, wanted)).toBe(false);
  });
});

describe("merged", () => {
  it.each([
    ["machine", "pc-i440fx-8.1,viommu=virtio", "q35", "q35,viommu=virtio"],
    ["cpu", "x86-64-v2-AES,flags=+aes", "host", "host,flags=+aes"],
    ["cpu", "flags=+aes,cputype=kvm64", "host,flags=+pcid", "host,flags=+pcid"],
    ["cpu", null, "host", "host"],
    ["vga", "std,memory=32", "none", "none"],
    ["hostpci0", "0000:02:00,pcie=1", "0000:01:00", "0000:01:00"],
    ["boot", "order=scsi0", "order=hostpci0", "order=hostpci0"],
  ])("writes %s %s as %s: %s", (key, actual, wanted, written) => {
    expect(merged(key, actual, wanted)).toBe(written);
    expect(satisfies(key, written, wanted)).toBe(true);
  });
});

it.each([
  ["q35", true],
  ["pc-q35-8.1+pve1", true],
  ["pc", false],
  ["pc-i440fx-8.1", false],
  [undefined, false],
])("knows that %s is a q35: %s", (machine, is) => {
  expect(isQ35(machine)).toBe(is);
});
