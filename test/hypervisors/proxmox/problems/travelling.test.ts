/** What goes along with a device, what a VM with it can do no more, and USB devices, which have one user too. */
import { pciDevice } from "../../../support/facts";
import { node, pciSlot, usbSlot } from "../node";
import { found, nothing } from "./found";

const gpu = { pci: { hostpci0: pciSlot({ device: "02:00.0" }) } };

describe("an IOMMU group", () => {
  const devices = [
    pciDevice({ address: "0000:00:03.0", class: "060400", bridge: true, iommuGroup: "9" }),
    pciDevice({ address: "0000:02:00.0", iommuGroup: "9" }),
    pciDevice({
      address: "0000:02:00.1",
      class: "040300",
      driver: "snd_hda_intel",
      iommuGroup: "9",
      name: "Sound",
    }),
    pciDevice({ address: "0000:03:00.0", class: "010802", driver: "nvme", iommuGroup: "9", name: "A disk" }),
    pciDevice({ address: "0000:04:00.0", driver: "vfio-pci", iommuGroup: "9" }),
    pciDevice({ address: "0000:05:00.0", driver: "igb", iommuGroup: "10" }),
  ];
  const facts = (others = {}) => node({ "100": { config: "name: ws\n" }, ...others }, { devices });

  it("names every device of the host that goes along", () => {
    const { warnings, words } = found(facts(), gpu);
    expect(warnings).toEqual(["pve1 also loses 0000:02:00.1, 0000:03:00.0 when VM 100 (ws) on pve1 starts"]);
    expect(words).toMatch(
      /hostpci0 is in group 9 with:\n.*02:00\.1.*Sound.*\(snd_hda_intel\)\n.*03:00\.0.*\(nvme\)/,
    );
  });

  it.each([
    [
      "what the VM has by itself",
      { pci: { ...gpu.pci, hostpci1: pciSlot({ device: "02:00.1;03:00.0" }) } },
      1,
    ],
    ["a mediated device", { pci: { hostpci0: pciSlot({ device: "02:00.0", mdev: "nvidia-63" }) } }, 0],
    ["one that is not rebound", { pci: { hostpci0: pciSlot({ device: "02:00.0", driver: "keep" }) } }, 0],
    ["one with a group of its own", { pci: { hostpci0: pciSlot({ device: "05:00.0" }) } }, 0],
  ])("is silent about %s", (_what, declaration, errors) => {
    const all = found(facts(), declaration);
    expect(all.warnings).toEqual([]);
    expect(all.errors.length).toBeLessThanOrEqual(errors);
  });

  it("is a matter of the plan", () => {
    expect(found(facts(), gpu, "apply")).toMatchObject(nothing);
  });

  it("has one user", () => {
    const others = { "101": { config: "name: other\nhostpci3: 04:00\n" } };
    expect(found(facts(others), gpu).warnings).toContain(
      "VM 100 (ws) on pve1 and VM 101 (other) cannot run at the same time",
    );
  });
});

describe("a VM that belongs to more than its node", () => {
  const cluster = (config: string, different = {}) =>
    node({ "100": { config: `name: ws\n${config}` } }, {}, { nodes: ["pve1", "pve2"], ...different });

  it.each([
    [
      { highlyAvailable: ["100"] },
      "VM 100 (ws) on pve1 is highly available, and cannot be moved while it runs",
    ],
    [
      { replicated: ["100"], nodes: ["pve1"] },
      "VM 100 (ws) on pve1 is replicated, and cannot be migrated live",
    ],
    [{}, "VM 100 (ws) on pve1 can no longer be migrated"],
  ])("with %j is told of", (different, summary) => {
    const { warnings, words } = found(cluster("", different), gpu);
    expect(warnings).toEqual([summary]);
    expect(words).toContain("hostpci0 names a device of this node");
  });

  it("is not told again, nor of a mapping", () => {
    expect(found(cluster("hostpci1: 03:00.0\n"), gpu)).toMatchObject(nothing);
    expect(found(cluster(""), { pci: { hostpci0: pciSlot({ mapping: "gpu" }) } })).toMatchObject(nothing);
  });
});

describe("a virtual display beside a primary one", () => {
  const primary = { pci: { hostpci0: pciSlot({ device: "02:00.0", x_vga: true }) } };
  it.each([
    ["vga: std\n", {}, true],
    ["vga: virtio,memory=64\n", {}, true],
    ["vga: none\n", {}, false],
    ["", {}, false],
    ["vga: std\n", { vga: "none" }, false],
  ])("%j with %j is warned of: %s", (config, more, warned) => {
    const { warnings } = found(node({ "100": { config: `name: ws\n${config}` } }), { ...primary, ...more });
    expect(warnings).toHaveLength(warned ? 1 : 0);
    if (warned) expect(warnings[0]).toMatch(/^The display \S+ of VM 100 \(ws\) on pve1 has no effect$/);
  });
});

describe("a USB device", () => {
  const usb = (host: string) => ({ usb: { usb0: usbSlot({ host }) } });
  const plugged = [
    { port: "1-4", id: "046d:c52b", hub: false, number: 2, name: "Receiver" },
    { port: "1-5", id: "0529:0001", hub: false, number: 2, name: "Dongle" },
    { port: "1-6", id: "0529:0001", hub: false, number: 2, name: "Dongle" },
  ];
  const beside = (config: string, running = false) =>
    node(
      { "100": { config: "name: ws\n" }, "101": { config: `name: other\n${config}\n`, running } },
      { usbDevices: plugged },
    );

  it.each([
    ["the same id", "usb3: host=046D:C52B,usb3=1", "046d:c52b"],
    ["its port", "usb3: host=1-4", "046d:c52b"],
    ["the same port, by its id here", "usb3: host=046d:c52b", "1-4"],
    ["what is not plugged in", "usb3: host=1d6b:0104", "0x1d6b:0x0104"],
  ])("that another VM has by %s is told of", (_how, config, host) => {
    expect(found(beside(config), usb(host)).warnings).toEqual([
      expect.stringMatching(/^USB \S+ is configured for VM 101 \(other\) too$/) as string,
    ]);
    const { errors, keys } = found(beside(config, true), usb(host));
    expect(errors).toEqual([expect.stringMatching(/^USB \S+ is in use by VM 101 \(other\)$/) as string]);
    expect(keys).toContain("usb0");
  });

  it.each([
    ["another port", "usb3: host=1-5", "1-4"],
    ["one of two alike", "usb3: host=0529:0001", "0529:0001"],
    ["a SPICE port", "usb3: spice", "046d:c52b"],
  ])("is free beside %s", (_what, config, host) => {
    expect(found(beside(config, true), usb(host))).toMatchObject(nothing);
  });

  it("moves between VMs of one stack that are stopped", () => {
    const facts = beside("usb3: host=1-4");
    expect(found(facts, { ...usb("1-4"), peers: ["101"] }).warnings).toEqual([
      "USB 1-4 moves from VM 101 (other) to VM 100 (ws) on pve1",
    ]);
  });

  it("by a mapping without a choice is the device of that", () => {
    const facts = node(
      {
        "100": { config: "name: ws\n" },
        "101": { config: "name: other\nusb1: mapping=dongle\n", running: true },
      },
      { usbDevices: plugged },
      { mappingFiles: { pci: "", usb: "dongle\n\tmap id=046d:c52b,node=pve1\n" } },
    );
    expect(found(facts, usb("1-4")).errors).toEqual(["USB 1-4 is in use by VM 101 (other)"]);
  });
});
