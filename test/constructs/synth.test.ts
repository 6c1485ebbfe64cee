import { Testing } from "cdktf";
import { IommuHost, PassthroughVm, PciDevices, Proxmox, VfioBinding } from "../../lib";
import { fakeBundles, newStack } from "./support";

jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => fakeBundles(),
}));

test("a host, its devices and a VM with everything set", () => {
  const stack = newStack();
  const pve1 = new IommuHost(stack, "pve-1", {
    connection: {
      host: "10.0.0.11",
      port: 2222,
      user: "ops",
      sudo: true,
      identityFile: "~/.ssh/pve",
      agent: false,
      hostKey: "SHA256:abc",
      knownHostsFile: "/etc/ssh/known_hosts",
      configFile: "none",
      jump: { host: "bastion", user: "jump" },
      connectTimeout: 5,
      whenUnreachable: "assume-state",
    },
    kernelParameters: ["iommu=pt"],
    vfioModules: false,
    modules: ["nvme"],
    modprobeOptions: { kvm: "ignore_msrs=1" },
    blacklist: ["nouveau"],
    softdeps: { nouveau: "pre: vfio-pci" },
    allowUnsafeInterrupts: true,
    allowCritical: ["0000:00:02.0"],
    bootLoader: "grub",
    initramfs: "initramfs-tools",
    cpuVendor: "intel",
    owner: "team/pve1",
    rebootTimeout: 30,
  });
  const gpu = new VfioBinding(stack, "gpu", {
    host: pve1,
    devices: { card: { address: "0000:01:00" }, nvme: { id: "144d:a80a" } },
    allowCritical: ["0000:01:00.0"],
    liveRebind: true,
  });
  new PassthroughVm(stack, "workstation", {
    on: Proxmox.vm(pve1, 100),
    pci: {
      hostpci0: { device: gpu.device("card"), pcie: true, xVga: true, romfile: "gpu.rom", rombar: false },
      hostpci1: {
        device: { address: "0000:05:00.0;0000:05:00.1" },
        mdev: "nvidia-35",
        driver: "keep",
        vendorId: "0x10de",
        deviceId: "0x2204",
        subVendorId: "0x1043",
        subDeviceId: "0x87b3",
      },
      hostpci2: { mapping: "hba", legacyIgd: false },
    },
    usb: { usb0: { host: "046d:c52b", usb3: true }, usb1: { spice: true }, usb2: { mapping: "stick" } },
    machine: "q35",
    cpu: "host",
    bios: "ovmf",
    vga: "none",
    bootOrder: ["hostpci2", "net0"],
    restart: true,
  });
  new PassthroughVm(stack, "media", { on: Proxmox.vm(pve1, 101) });
  new PciDevices(stack, "displays", { host: pve1, select: { class: "03", address: "01:00" } });

  expect(Testing.synth(stack, true)).toMatchSnapshot();
});
