import { desiredSettings } from "../../../lib/hypervisors/proxmox/declaration";
import { proxmox } from "../../../lib/hypervisors/proxmox/proxmox";
import { describeVms } from "../../../lib/hypervisors/proxmox/vmDescription";
import { node, type VmOnNode } from "./node";

const lines = (...config: string[]): VmOnNode => ({ config: `${config.join("\n")}\n` });
const describeOne = (config: VmOnNode) => describeVms(node({ 100: config })).vms[0];

test("a VM with everything, declared, is a VM that has what is wanted", () => {
  const facts = node({
    100: lines(
      "name: workstation",
      "bios: ovmf",
      "boot: order=scsi0;net0",
      "cpu: host,flags=+aes",
      "machine: pc-q35-8.1,viommu=intel",
      "hostpci0: 01:00,pcie=on,x-vga=1,romfile=vbios.bin",
      "hostpci1: mapping=nic,mdev=nvidia-35",
      "hostpci2: host=0000:03:00.0;0000:03:00.1,rombar=0",
      "usb0: host=046D:C52B,usb3=yes",
      "usb1: spice",
      "vga: none",
      "memory: 4096",
    ),
  });
  const [vm] = describeVms(facts).vms;
  expect(vm).toMatchObject({
    name: "workstation",
    leftOut: [],
    declaration: {
      machine: "pc-q35-8.1",
      cpu: "host",
      bios: "ovmf",
      vga: "none",
      bootOrder: ["scsi0", "net0"],
      pci: {
        hostpci0: { device: "0000:01:00", pcie: true, x_vga: true, romfile: "vbios.bin" },
        hostpci1: { mapping: "nic", mdev: "nvidia-35" },
        hostpci2: { device: "0000:03:00.0;0000:03:00.1", rombar: false },
      },
      usb: { usb0: { host: "046d:c52b", usb3: true }, usb1: { spice: true } },
    },
  });
  const declaration = {
    ...vm?.declaration,
    restart: false,
    peers: [],
    balloon: null,
    create: null,
  } as unknown as Parameters<typeof desiredSettings>[0];
  const wanted = desiredSettings(declaration);
  expect(proxmox.observe(facts, "100", wanted)?.settings).toEqual(wanted);
});

test.each([
  ["has no device", lines("name: plain", "net0: virtio")],
  ["has only a SPICE port", lines("usb0: spice")],
  ["is another node's", { ...lines("hostpci0: 01:00"), node: "pve2" }],
])("a VM that %s is not described", (_, vm) => {
  expect(describeOne(vm)).toBeUndefined();
});

test.each([
  ["an option that is not known", "hostpci0: 01:00,surprise=1", "its options are not all known here"],
  [
    "a value that nobody could quote",
    "hostpci0: 01:00,romfile=$(reboot).bin",
    "its options are not all known",
  ],
  ["PCI Express without q35", "hostpci0: 01:00,pcie=1\nmachine: pc-i440fx-8.1", "needs a q35 machine"],
  ["legacy graphics with q35", "hostpci0: 00:02.0,legacy-igd=1\nmachine: q35", "needs a pc machine"],
  [
    "a second primary display",
    "hostpci0: 01:00,x-vga=1\nhostpci1: 02:00,x-vga=1",
    "the primary display already",
  ],
  ["a USB value that is none", "usb0: host=nowhere", "its options are not all known here"],
])("%s is left out, and said", (_, config, why) => {
  expect(describeOne(lines(config))?.leftOut.join()).toContain(why);
});

test("what is pending counts", () => {
  const vm = describeOne(lines("hostpci0: 01:00", "", "[PENDING]", "delete: hostpci0", "hostpci1: 02:00"));
  expect(Object.keys(vm?.declaration.pci ?? {})).toEqual(["hostpci1"]);
});

test("of two VMs with one device the one that runs with it has it", () => {
  const { vms } = describeVms(
    node({
      100: lines("hostpci0: 01:00"),
      101: { ...lines("hostpci0: 01:00.0", "hostpci1: 02:00,mdev=a"), running: true },
      102: lines("hostpci0: 02:00,mdev=a"),
    }),
  );
  expect(
    vms.map(({ declaration, leftOut }) => [declaration.vmId, Object.keys(declaration.pci), leftOut]),
  ).toEqual([
    ["100", [], ["hostpci0 of VM 100, 01:00: VM 101 has it too, and a stack gives a device to one VM"]],
    ["101", ["hostpci0", "hostpci1"], []],
    ["102", ["hostpci0"], []],
  ]);
});
