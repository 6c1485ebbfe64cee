import { groupProblems, groupReport } from "../../lib/model/iommuGroups";
import { pciDevice } from "./devices";

const inGroup = (address: string, different = {}) => pciDevice(address, { iommuGroup: "7", ...different });
const gpu = inGroup("0000:01:00.0", { driver: "nouveau" });
const audio = inGroup("0000:01:00.1", { driver: "snd_hda_intel" });

describe("groupReport", () => {
  it("has nothing to say about a group that goes as a whole", () => {
    const bridge = inGroup("0000:00:01.0", { bridge: true, driver: "pcieport", class: "060400" });
    const elsewhere = pciDevice("0000:02:00.0", { iommuGroup: "8", driver: "nvme" });
    expect(groupReport([bridge, gpu, audio, elsewhere], ["0000:01:00.0", "0000:01:00.1"])).toEqual({
      blocked: [],
      travelling: [],
      reserved: [],
      groupless: [],
      bridges: [],
    });
  });

  it("names every sibling that the host's drivers hold", () => {
    const usb = inGroup("0000:00:14.0", { driver: "xhci_hcd" });
    expect(groupProblems([usb, gpu, audio], ["0000:01:00.0"])).toEqual([
      { address: "0000:01:00.0", group: "7", siblings: [usb, audio] },
    ]);
  });

  it("exempts bridges by header type, not by class", () => {
    const isa = inGroup("0000:00:1f.0", { class: "060100", driver: "lpc_ich" });
    const port = inGroup("0000:00:1c.0", { class: "060400", driver: "pcieport", bridge: true });
    expect(groupProblems([isa, port, gpu], ["0000:01:00.0"])).toEqual([
      { address: "0000:01:00.0", group: "7", siblings: [isa] },
    ]);
  });

  it.each([null, "vfio-pci", "pci-stub", "mlx5_vfio_pci"])("lets a sibling on %s travel along", (driver) => {
    const sibling = { ...audio, driver };
    const report = groupReport([gpu, sibling], ["0000:01:00.0"]);
    expect(report.blocked).toEqual([]);
    expect(report.travelling).toEqual([{ address: "0000:01:00.0", group: "7", siblings: [sibling] }]);
  });

  it("reports memory that the firmware keeps, and only where it forbids assignment", () => {
    const usb = inGroup("0000:00:14.0", { reservedRegions: ["direct", "msi"] });
    const igpu = inGroup("0000:00:02.0", { reservedRegions: ["direct-relaxable", "msi"] });
    expect(groupReport([usb, igpu], ["0000:00:14.0", "0000:00:02.0"]).reserved).toEqual([
      { address: "0000:00:14.0", group: "7", regions: ["direct"] },
    ]);
  });

  it("reports functions without a group, which are no siblings of each other", () => {
    const report = groupReport(
      [pciDevice("0000:01:00.0"), pciDevice("0000:02:00.0", { driver: "nvme" })],
      ["0000:01:00.0"],
    );
    expect(report.groupless).toEqual(["0000:01:00.0"]);
    expect(report.blocked).toEqual([]);
  });

  it("reports a bridge that somebody wants to bind", () => {
    const port = inGroup("0000:00:1c.0", { bridge: true });
    expect(groupReport([port], ["0000:00:1c.0"]).bridges).toEqual(["0000:00:1c.0"]);
  });
});
