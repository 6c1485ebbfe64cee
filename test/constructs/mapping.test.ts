import { writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Testing, type TerraformStack } from "cdktf";
import {
  type IommuHost,
  PassthroughVm,
  PciMapping,
  Proxmox,
  RomFile,
  UsbMapping,
  VfioBinding,
} from "../../lib";
import { rom } from "../support/rom";
import { messageOf, newHost, newStack } from "./support";

let stack: TerraformStack;
let pve1: IommuHost;
let pve2: IommuHost;
const folder = mkdtempSync(join(tmpdir(), "passthrough-rom-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  stack = newStack();
  pve1 = newHost(stack, "pve1");
  pve2 = newHost(stack, "pve2");
});

type Written = Record<string, Record<string, Record<string, unknown>>>;
const written = () => (JSON.parse(Testing.synth(stack)) as { resource: Written }).resource;

test("a mapping names its hosts, waits for their bindings and events, and knows the VMs that name it", () => {
  const bound = new VfioBinding(stack, "cards", { host: pve1, devices: { card: { address: "0000:01:00" } } });
  const gpu = new PciMapping(stack, "gpu", {
    host: pve2,
    devices: { one: bound.device("card"), two: { host: pve2, address: "0000:41:00" } },
  });
  new PassthroughVm(stack, "vm", { on: Proxmox.vm(pve1, 100), pci: { hostpci0: { mapping: gpu } } });

  const { passthrough_pci_mapping: mappings, passthrough_vm: vms } = written();
  expect(mappings?.["gpu"]).toMatchObject({
    host: "pve2",
    name: "gpu",
    users: ["100"],
    devices: {
      one: { host: "pve1", address: '${passthrough_vfio_binding.cards.addresses["card"]}' },
      two: { host: "pve2", address: "0000:41:00" },
    },
  });
  expect(mappings?.["gpu"]?.["depends_on"]).toEqual([
    expect.stringContaining("pve2_reboot") as string,
    expect.stringContaining("pve1_reboot") as string,
    "passthrough_vfio_binding.cards",
  ]);
  expect(vms?.["vm"]).toMatchObject({ pci: { hostpci0: { mapping: "gpu" } }, provided: ["pci/gpu"] });
  expect(vms?.["vm"]?.["depends_on"]).toContain("passthrough_pci_mapping.gpu");
});

test("a device that a mapping has no choice about is claimed once", () => {
  const mapping = new PciMapping(stack, "gpu", {
    host: pve1,
    devices: { one: { host: pve1, address: "01:00" } },
  });
  const vm = (id: number, slot: object) =>
    new PassthroughVm(stack, `vm${id}`, { on: Proxmox.vm(pve1, id), pci: { hostpci0: slot } });
  vm(100, { mapping });
  expect(messageOf(() => vm(101, { device: { address: "0000:01:00.1" } }))).toMatch(
    /vm100.*vm101.* both claim/,
  );
  expect(messageOf(() => vm(102, { mapping }))).toMatch(/vm100.*vm102.* both claim/);
});

test("alternatives of one host may go to several VMs", () => {
  const devices = { one: { host: pve1, address: "01:00" }, two: { host: pve1, address: "02:00" } };
  const mapping = new PciMapping(stack, "gpu", { host: pve1, devices });
  for (const id of [100, 101])
    new PassthroughVm(stack, `vm${id}`, { on: Proxmox.vm(pve1, id), pci: { hostpci0: { mapping } } });
  expect(written()["passthrough_pci_mapping"]?.["gpu"]).toMatchObject({ users: ["100", "101"] });
});

const hostile = ["", "g", "-x", "g pu", "gpu;id", "$(id)", "a\nb", "../x"];

test.each(hostile)("%j is no name of a mapping", (name) => {
  const pci = { host: pve1, name, devices: { one: { host: pve1, address: "01:00" } } };
  expect(messageOf(() => new PciMapping(stack, "gpu", pci))).toMatch(
    /name: .* is not the name of a resource mapping/s,
  );
});

test.each([
  [{ description: "a\nb" }, /description: "a\\nb" cannot stand/],
  [{ description: " a" }, /description/],
  [{ devices: {} }, /gpu maps no devices/],
  [{ devices: { "a b": { address: "01:00" } } }, /"a b" cannot name a device/],
  [{ devices: { one: { address: "1:0" } } }, /devices\.one: "1:0" is not a PCI address/],
])("%j is refused", (different, words) => {
  const { devices = { one: { address: "01:00" } }, ...props } = different as {
    devices?: Record<string, { address: string }>;
    description?: string;
  };
  const mapped = Object.entries(devices).map(([key, device]) => [key, { ...device, host: pve1 }]);
  const all = { host: pve1, ...props, devices: Object.fromEntries(mapped) as never };
  expect(messageOf(() => new PciMapping(stack, "gpu", all))).toMatch(words);
});

test.each([
  [{ id: "046d" }, /devices\.one\.id: "046d" is not the id of a USB device/],
  [{ id: "046d:c52b;id" }, /devices\.one\.id/],
  [{ id: "046d:c52b", port: "usb1" }, /devices\.one\.port: "usb1" is not a USB port/],
])("a USB device %j is refused", (device, words) => {
  const devices = { one: { host: pve1, ...device } };
  expect(messageOf(() => new UsbMapping(stack, "dongle", { host: pve1, devices }))).toMatch(words);
});

test("hosts of another stack have no place in a mapping", () => {
  const other = newHost(newStack("other"), "pve9");
  const devices = { one: { host: other, address: "01:00" } };
  expect(messageOf(() => new PciMapping(stack, "gpu", { host: pve1, devices }))).toMatch(
    /stands in the stack/,
  );
});

describe("a ROM file", () => {
  const source = join(folder, "gpu.rom");
  beforeEach(() => writeFileSync(source, rom([{ id: "10de:2204" }])));

  test("becomes part of the stack, and a VM that names it waits for it", () => {
    const romfile = new RomFile(stack, "vbios", { host: pve1, source });
    const device = { address: "01:00" };
    new PassthroughVm(stack, "vm", { on: Proxmox.vm(pve1, 100), pci: { hostpci0: { device, romfile } } });
    const { passthrough_rom_file: files, passthrough_vm: vms } = written();
    expect(files?.["vbios"]).toMatchObject({
      name: "gpu.rom",
      source: expect.stringMatching(/^assets\/.*gpu\.rom$/) as string,
      users: ["100"],
    });
    expect(vms?.["vm"]).toMatchObject({
      pci: { hostpci0: { romfile: "gpu.rom" } },
      rom_ids: { "gpu.rom": "10de:2204" },
      provided: ["rom/gpu.rom"],
    });
    expect(vms?.["vm"]?.["depends_on"]).toContain("passthrough_rom_file.vbios");
  });

  test("of another host is refused", () => {
    const romfile = new RomFile(stack, "vbios", { host: pve2, source });
    const pci = { hostpci0: { device: { address: "01:00" }, romfile } };
    expect(messageOf(() => new PassthroughVm(stack, "vm", { on: Proxmox.vm(pve1, 100), pci }))).toMatch(
      /takes the ROM file gpu\.rom of stack\/pve2, and the VM is on stack\/pve1/,
    );
  });

  test.each(["/usr/share/kvm/x.rom", "-x.rom", "x", "a;b.rom", "a\n.rom"])("%j is no name of one", (name) => {
    expect(messageOf(() => new RomFile(stack, "vbios", { host: pve1, source, name }))).toMatch(
      /name: .* cannot name a ROM file/s,
    );
  });

  test("that is none, or is not there, is refused", () => {
    writeFileSync(source, "text");
    const make = (path: string) => () => new RomFile(stack, path.slice(-5), { host: pve1, source: path });
    expect(messageOf(make(source))).toMatch(/is no option ROM: it has no 55AA signature/);
    expect(messageOf(make(join(folder, "none.rom")))).toMatch(/Unable to read .*none\.rom/);
  });
});

describe("a USB device", () => {
  const vm = (id: number, host: string) =>
    new PassthroughVm(stack, `vm${id}`, { on: Proxmox.vm(pve1, id), usb: { usb0: { host } } });

  test.each([
    ["046d:c52b", "0x046D:0xC52B"],
    ["1-4.2", "1-4.2"],
  ])("is claimed once: %s and %s", (one, other) => {
    vm(100, one);
    expect(messageOf(() => vm(101, other))).toMatch(
      /vm100: usb\.usb0 and stack\/vm101: usb\.usb0 both claim/,
    );
  });

  test("of another port, host or id is another one", () => {
    vm(100, "1-4");
    vm(101, "046d:c52b");
    new PassthroughVm(stack, "far", { on: Proxmox.vm(pve2, 100), usb: { usb0: { host: "1-4" } } });
    expect(Object.keys(written()["passthrough_vm"] ?? {})).toEqual(["far", "vm100", "vm101"]);
  });
});

test.each([-1, 0.5, NaN, 1e12])("balloon %d is refused", (balloon) => {
  const make = () => new PassthroughVm(stack, "vm", { on: Proxmox.vm(pve1, 100), balloon });
  expect(messageOf(make)).toMatch(/balloon: .* is not a number of MiB/);
});
