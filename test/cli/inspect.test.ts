import pico from "picocolors";
import { inspect } from "../../lib/cli/inspect";
import type { HostFacts } from "../../lib/model/facts";
import { hostFacts, pciDevice } from "../support/facts";

const facts: HostFacts = hostFacts({
  hostname: "pve1",
  devices: [
    pciDevice({
      address: "0000:00:01.0",
      vendor: "8086",
      device: "1901",
      class: "060400",
      bridge: true,
      driver: "pcieport",
      iommuGroup: "1",
      name: "Intel PCIe Controller",
    }),
    pciDevice({ address: "0000:01:00.0", driver: "vfio-pci", iommuGroup: "1", name: "NVIDIA GA102" }),
    pciDevice({
      address: "0000:02:00.0",
      class: "010802",
      driver: "nvme",
      iommuGroup: "14",
      name: "Samsung PM9A1",
    }),
    pciDevice({ address: "0000:03:00.0", class: "020000", driver: "igb", iommuGroup: "15", name: "" }),
    pciDevice({
      address: "0000:04:00.0",
      class: "0c0330",
      driver: null,
      iommuGroup: null,
      name: "ASMedia xHCI",
    }),
  ],
  critical: [
    { address: "0000:00:01.0", kind: "disk", use: "carries / (nvme0n1)", essential: true },
    { address: "0000:02:00.0", kind: "disk", use: "carries / (nvme0n1)", essential: true },
    { address: "0000:02:00.0", kind: "esp", use: "carries the ESP 1234-ABCD", essential: true },
    { address: "0000:03:00.0", kind: "network", use: "is a member of bond0", essential: false },
  ],
  proxmox: {
    node: "pve1",
    version: "8.2.4",
    vms: {
      "100": { node: "pve1", config: "hostpci0: 01:00\nname: ws\n", digest: "a", running: true },
      "101": { node: "pve1", config: "hostpci1: 0000:01:00.0\n", digest: "b", running: false },
    },
    nodes: ["pve1"],
    containers: {},
    highlyAvailable: [],
    interfaces: ["lo", "enp5s0", "vmbr0", "vmbr1"],
    replicated: [],
    romFiles: [],
    romDigests: {},
    pciMappings: [],
    usbMappings: [],
    mappingFiles: { pci: "", usb: "" },
  },
});

const none = pico.createColors(false);
const all = pico.createColors(true);
const plain = (of: HostFacts) => inspect(of, { json: false, colors: none });

describe("inspect", () => {
  it("shows who has what", () => {
    expect(plain(facts)).toBe(`pve1  Debian GNU/Linux 12 (bookworm), Linux 6.1.0-18-amd64, IOMMU on

ADDRESS       ID:CLASS        GROUP  DRIVER    VM                           HOST       NAME
0000:00:01.0  8086:1901:0604  1      pcieport  -                            disk       Intel PCIe Controller
0000:01:00.0  10de:2204:0300  1      vfio-pci  100 hostpci0*, 101 hostpci1  -          NVIDIA GA102
0000:02:00.0  10de:2204:0108  14     nvme      -                            disk esp   Samsung PM9A1
0000:03:00.0  10de:2204:0200  15     igb       -                            (network)
0000:04:00.0  10de:2204:0c03  -      -         -                            -          ASMedia xHCI

* the VM runs with it

The host itself needs:
  0000:02:00.0  carries / (nvme0n1)
  0000:02:00.0  carries the ESP 1234-ABCD
  0000:03:00.0  is a member of bond0 (it could do without)
`);
  });

  it.each([
    ["DMAR", "IOMMU off (the firmware offers it)"],
    [null, "IOMMU off (the firmware shows none)"],
  ] as const)("says why no device has a group: %s", (iommuTable, words) => {
    const devices = [pciDevice({ address: "0000:01:00.0" })];
    expect(plain({ ...facts, devices, firmware: { ...facts.firmware, iommuTable } })).toContain(words);
  });

  it("says so where there is nothing", () => {
    const text = plain(hostFacts());
    expect(text).toContain("The host shows no PCI devices.");
    expect(text).not.toContain("The host itself needs");
  });

  it("leaves no space at the end of a line", () => {
    expect(plain(facts)).not.toMatch(/ $/m);
  });
});

describe("colours", () => {
  const escape = String.fromCharCode(27);

  it("change nothing but the looks", () => {
    const coloured = inspect(facts, { json: false, colors: all });
    expect(coloured).toContain(`${escape}[31mdisk esp${escape}[39m`);
    expect(coloured).toContain(`${escape}[32mvfio-pci${escape}[39m`);
    expect(coloured.replace(new RegExp(`${escape}\\[\\d+m`, "g"), "")).toBe(plain(facts));
  });
});

describe("inspect --json", () => {
  const read = () => JSON.parse(inspect(facts, { json: true, colors: all })) as Record<string, unknown>;

  it("has everything of each device", () => {
    expect(read()).toMatchObject({
      hostname: "pve1",
      proxmox: { node: "pve1", version: "8.2.4" },
      devices: [
        { address: "0000:00:01.0", bridge: true },
        {
          address: "0000:01:00.0",
          vendor: "10de",
          device: "2204",
          class: "030000",
          iommuGroup: "1",
          driver: "vfio-pci",
          name: "NVIDIA GA102",
          critical: [],
          vms: [
            {
              vmId: "100",
              vmName: "ws",
              slot: "hostpci0",
              running: true,
              inUse: true,
              configured: true,
              shared: false,
            },
            { vmId: "101", slot: "hostpci1", running: false, inUse: false, configured: true },
          ],
        },
        {
          critical: [
            { kind: "disk", use: "carries / (nvme0n1)", essential: true },
            { kind: "esp", use: "carries the ESP 1234-ABCD", essential: true },
          ],
        },
        { critical: [{ kind: "network", essential: false }] },
        { driver: null, iommuGroup: null },
      ],
    });
  });

  it("has no VM's configuration, which may hold secrets", () => {
    expect(inspect(facts, { json: true, colors: none })).not.toContain("name: ws");
    expect(read()).not.toHaveProperty("proxmox.vms");
    expect(read()).not.toHaveProperty("files");
  });
});
