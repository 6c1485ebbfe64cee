import { hypervisorTakes, notTaken, ownNames, takenBy, type HypervisorTakes } from "../../lib/schema";

const small: HypervisorTakes = {
  title: "Small",
  pciSlots: ownNames,
  pciSources: ["device"],
  pciOptions: ["rombar"],
  usbSlots: ownNames,
  usbSources: ["host"],
  usbOptions: [],
  settings: ["restart"],
};

const pci = (slot: object, name = "gpu") => ({ pci: { [name]: slot } }) as Parameters<typeof notTaken>[1];
const usb = (slot: object, name = "key") => ({ usb: { [name]: slot } }) as Parameters<typeof notTaken>[1];

describe("what a hypervisor does not take", () => {
  it.each([
    [
      "an option of a PCI slot",
      pci({ device: "01:00", x_vga: false }),
      ["pci", "gpu", "x_vga"],
      ["device", "rombar"],
    ],
    [
      "a source of another hypervisor",
      pci({ mapping: "gpu" }),
      ["pci", "gpu", "mapping"],
      ["device", "rombar"],
    ],
    ["an option of a USB slot", usb({ host: "1-4", usb3: true }), ["usb", "key", "usb3"], ["host"]],
    ["a setting of the VM", { machine: "q35" }, ["machine"], ["restart"]],
    ["a list", { boot_order: [] }, ["boot_order"], ["restart"]],
  ])("is found: %s", (_what, declared, path, expected) => {
    expect(notTaken(small, declared)).toEqual([
      { path, kind: path.length === 1 ? "setting" : "option", expected },
    ]);
  });

  it.each(["GPU", "0gpu", "-gpu", "gpu_1", "gpu 1", "gpu\n", "", "gpu'", "__proto__x;", "ua-é"])(
    "is found: the slot name %j",
    (name) => {
      expect(notTaken(small, pci({ device: "01:00" }, name))).toEqual([
        { path: ["pci", name], kind: "slot", expected: [ownNames.expected] },
      ]);
      expect(notTaken(small, usb({ host: "1-4" }, name))).toHaveLength(1);
    },
  );

  it("is nothing where it is not set, or where the hypervisor knows it", () => {
    const slot = { device: "01:00", rombar: false, x_vga: null, mdev: undefined };
    const declared = { ...pci(slot, "gpu-1"), machine: null, cpu: undefined, restart: true };
    expect(notTaken(small, declared)).toEqual([]);
  });

  it("is found in every place at once", () => {
    expect(notTaken(small, { ...pci({ device: "01:00", pcie: true, mdev: "a" }), vga: "none" })).toHaveLength(
      3,
    );
  });
});

it("knows hypervisors by their own names alone", () => {
  expect(takenBy("proxmox")).toBe(hypervisorTakes.proxmox);
  expect(takenBy("constructor")).toBeNull();
});
