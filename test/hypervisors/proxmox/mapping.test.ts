import fc from "fast-check";
import { entryKey, identify, parseMapping, sameEntry } from "../../../lib/hypervisors/proxmox/mapping";
import {
  desiredMapping,
  mappingChange,
  mappingProblems,
  mappingRecordAfter,
  nodesWithout,
  observedMapping,
  usersOf,
  type MappingOptions,
  type MappingRequest,
} from "../../../lib/hypervisors/proxmox/mappingChange";
import { untouched } from "../../../lib/hypervisors/types";
import { pciDevice } from "../../support/facts";
import { node } from "./node";

const gpu = "id=10de:2204,iommugroup=1,node=pve1,path=0000:01:00,subsystem-id=1043:87b3";
const foreign = "node=pve2,path=0000:41:00,id=10de:2204,iommugroup=40,description=of somebody";
const file = `gpu\n\tdescription big  one\n\tmap ${gpu}\n\tmap ${foreign}\n\nnic\n\tmap id=8086:1572,node=pve1\n`;

const options = (different: Partial<MappingOptions> = {}): MappingOptions => ({
  kind: "pci",
  name: "gpu",
  description: null,
  mdev: null,
  liveMigration: null,
  ...different,
});
const request = (different: Partial<MappingRequest> = {}): MappingRequest => ({
  options: options(),
  file,
  desired: { "map pve1 0000:01:00": gpu },
  record: untouched,
  ...different,
});
const commands = (wanted: MappingRequest) =>
  mappingChange(wanted).steps.map((step) => (step.step === "command" ? step.command : step.step));

describe("a mapping file", () => {
  it("is read by section", () => {
    expect(parseMapping(file, "gpu")).toEqual({
      options: { description: "big  one" },
      entries: [gpu, foreign],
    });
    expect(parseMapping(file, "nic")).toEqual({ options: {}, entries: ["id=8086:1572,node=pve1"] });
    expect(parseMapping(file, "map")).toBeNull();
    expect(parseMapping("", "gpu")).toBeNull();
  });

  it("keeps whatever Proxmox VE may hold in it", () => {
    const word = fc.stringMatching(/^[a-z0-9=,:.;$()`'" -]{1,20}$/).map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(word.filter((text) => text !== "")), (entries) => {
        const text = `other\n\tmap x\n\ngpu\n${entries.map((entry) => `\tmap ${entry}\n`).join("")}\n`;
        expect(parseMapping(text, "gpu")).toEqual({ options: {}, entries });
      }),
    );
  });
});

describe("an entry", () => {
  it.each([
    [
      "order and case",
      gpu,
      "node=pve1,path=0000:01:00,subsystem-id=1043:87B3,id=0x10DE:0x2204,iommugroup=1",
      true,
    ],
    ["a short path", gpu, gpu.replace("0000:01:00", "01:00"), true],
    ["a remark", gpu, `${gpu},description=x`, true],
    ["another group", gpu, gpu.replace("iommugroup=1", "iommugroup=2"), false],
    ["no group", gpu, gpu.replace("iommugroup=1,", ""), false],
    ["a function of the slot", gpu, gpu.replace("01:00", "01:00.0"), false],
  ])("with %s compares by meaning", (_what, one, other, equal) => {
    expect(sameEntry(one, other)).toBe(equal);
  });

  it("has its node and its path for a name", () => {
    expect(entryKey("id=1,node=pve1,path=01:00")).toBe("pve1 0000:01:00");
    expect(entryKey("node=pve1,id=046D:C52B")).toBe("pve1 046d:c52b");
  });
});

describe("the identity of a device", () => {
  const facts = node(
    {},
    {
      devices: [
        pciDevice({ address: "0000:01:00.1", device: "1aef", iommuGroup: "1" }),
        pciDevice({ address: "0000:01:00.0", iommuGroup: "1" }),
        pciDevice({ address: "0000:02:00.0" }),
      ],
      usbDevices: [{ port: "1-1.4", id: "0529:0001", hub: false, number: 2, name: "A dongle" }],
    },
  );
  const pci = (address: string | null) => identify("pci", { address, id: null, port: null }, facts);
  const usb = (id: string, port: string | null) => identify("usb", { address: null, id, port }, facts);

  it("is that of a slot's first function, or of the function", () => {
    expect(pci("01:00")).toEqual([{ entry: gpu }]);
    expect(pci("0000:01:00.1")).toEqual([
      { entry: "id=10de:1aef,iommugroup=1,node=pve1,path=0000:01:00.1,subsystem-id=1043:87b3" },
    ]);
    expect(pci("0000:01:00.0;0000:01:00.1")).toHaveLength(2);
    expect(pci(null)).toEqual([]);
  });

  it("is not made up", () => {
    expect(pci("0000:09:00")).toEqual([{ missing: "there is no PCI device 0000:09:00" }]);
    expect(pci("0000:02:00")).toEqual([{ missing: expect.stringContaining("no IOMMU group") as string }]);
    expect(usb("0529:0002", null)).toEqual([{ missing: "there is no USB device 0529:0002" }]);
    expect(usb("0529:0001", "1-2")).toEqual([{ missing: "nothing is plugged into 1-2" }]);
    expect(usb("0529:0002", "1-1.4")).toEqual([
      { missing: "0529:0001 A dongle is plugged into 1-1.4, not 0529:0002" },
    ]);
  });

  it("of a USB device is its id, with the port where that is declared", () => {
    expect(usb("0529:0001", null)).toEqual([{ entry: "id=0529:0001,node=pve1" }]);
    expect(usb("0529:0001", "1-1.4")).toEqual([{ entry: "id=0529:0001,node=pve1,path=1-1.4" }]);
  });
});

describe("a change", () => {
  it("makes what is not there, each value in a word of its own", () => {
    const description = "-x, $(id) `id` 'q' \"Q\"";
    const desired = desiredMapping(options({ description, mdev: true, liveMigration: false }), [
      gpu.replace("01:00", "02:00"),
      gpu,
    ]);
    expect(commands(request({ file: "", desired }))).toEqual([
      [
        ...["pvesh", "create", "/cluster/mapping/pci", "--id=gpu", `--description=${description}`],
        ...["--mdev=1", `--map=${gpu}`, `--map=${gpu.replace("01:00", "02:00")}`],
      ],
    ]);
  });

  it("is none where the meaning is there already", () => {
    expect(commands(request())).toEqual([]);
    const desired = desiredMapping(options({ mdev: false }), [gpu]);
    expect(commands(request({ desired }))).toEqual([]);
  });

  it("leaves what others wrote, and guards all of it with the digest", () => {
    const desired = desiredMapping(options({ description: "new" }), [
      gpu.replace("iommugroup=1", "iommugroup=9"),
    ]);
    const [command] = commands(request({ desired }));
    expect(command).toEqual([
      ...[
        "pvesh",
        "set",
        "/cluster/mapping/pci/gpu",
        expect.stringMatching(/^--digest=[0-9a-f]{40}$/) as string,
      ],
      ...["--description=new", `--map=${gpu.replace("iommugroup=1", "iommugroup=9")}`, `--map=${foreign}`],
    ]);
  });

  it("gives back what was there before", () => {
    const before = { description: "big  one", "map pve1 0000:01:00": gpu };
    const desired = desiredMapping(options({ description: "ours", mdev: true }), [gpu.replace("=1,", "=9,")]);
    const { record } = mappingChange(request({ desired }));
    expect(record.base).toEqual({ ...before, mdev: null });
    const changed = file.replace("big  one", "ours\n\tmdev 1").replace("iommugroup=1,", "iommugroup=9,");
    expect(commands(request({ file: changed, desired: null, record }))).toEqual([
      [
        ...["pvesh", "set", "/cluster/mapping/pci/gpu", expect.stringContaining("--digest=") as string],
        ...["--description=big  one", `--map=${gpu}`, `--map=${foreign}`, "--delete=mdev"],
      ],
    ]);
    const edited = changed.replace("ours", "somebody's");
    expect(commands(request({ file: edited, desired: null, record }))[0]).toContain(
      "--description=somebody's",
    );
  });

  it("removes the mapping with its last entry, and never more than was read", () => {
    const record = { base: {}, written: { "map pve1 0000:01:00": gpu } };
    const ours = `gpu\n\tmap ${gpu}\n`;
    expect(commands(request({ file: ours, desired: null, record }))).toEqual([
      [
        "pvesh",
        "set",
        "/cluster/mapping/pci/gpu",
        expect.stringContaining("--digest=") as string,
        `--map=${gpu}`,
      ],
      ["pvesh", "delete", "/cluster/mapping/pci/gpu"],
    ]);
    expect(commands(request({ desired: null, record }))[0]).not.toContain(`--map=${gpu}`);
    expect(commands(request({ file: "", desired: null, record }))).toEqual([]);
  });

  it("that was cut off leaves a record of what came about", () => {
    const record = { base: { "map pve1 0000:01:00": null }, written: { "map pve1 0000:01:00": gpu } };
    const other = gpu.replace("01:00", "02:00");
    const change = mappingChange(request({ desired: { "map pve1 0000:02:00": other }, record }));
    expect(mappingRecordAfter(record, change, parseMapping(file, "gpu")).written).toEqual(record.written);
    expect(mappingRecordAfter(record, change, parseMapping(`gpu\n\tmap ${other}\n`, "gpu")).written).toEqual({
      "map pve1 0000:02:00": other,
    });
  });

  it("says which nodes have no device any more", () => {
    const mapping = parseMapping(file, "gpu");
    const gone = (...keys: string[]) =>
      nodesWithout(
        mapping,
        keys.map((key) => ({ key, before: "", after: null })),
      );
    expect(gone("map pve1 0000:01:00")).toEqual(["pve1"]);
    expect(gone("description")).toEqual([]);
  });
});

it("shows ours in the wanted text where the meaning is the same", () => {
  const mapping = parseMapping(file.replace("0000:01:00", "01:00"), "gpu");
  expect(mapping && observedMapping(mapping, { "map pve1 0000:01:00": gpu, mdev: "1" })).toEqual({
    "map pve1 0000:01:00": gpu,
  });
});

it("finds the VMs that name it, now or at their next start", () => {
  const facts = node({
    "100": { config: "hostpci0: mapping=gpu,pcie=1\n", running: true },
    "101": { config: "hostpci1: 01:00\n[PENDING]\nhostpci1: mapping=gpu\n", node: "pve2" },
    "102": { config: "hostpci0: mapping=gpu2\nusb0: mapping=gpu\n" },
    "103": { config: "hostpci0: mapping=gpu\n[PENDING]\ndelete: hostpci0\n", running: true },
  });
  const slots = (kind: "pci" | "usb") =>
    usersOf(facts, kind, "gpu").map(({ vm, slot }) => `${vm.id} ${slot}`);
  expect(slots("pci")).toEqual(["100 hostpci0", "101 hostpci1", "103 hostpci0"]);
  expect(slots("usb")).toEqual(["102 usb0"]);
});

describe("names and descriptions", () => {
  it.each(["gpu", "GPU_1", "a-"])("%p is a name", (name) => {
    expect(mappingProblems(options({ name }))).toEqual([]);
  });
  it.each(["", "g", "1gpu", "-gpu", "g pu", "gpu;id", "gpu/../x", "gpu\n", "g$(id)"])(
    "%p is none",
    (name) => {
      expect(mappingProblems(options({ name }))).toHaveLength(1);
    },
  );
  it.each(["", " x", "x ", "a\nb", "a\rb", "\u2028", "x".repeat(4097)])(
    "%p is no description",
    (description) => {
      expect(mappingProblems(options({ description }))).toHaveLength(1);
    },
  );
});
