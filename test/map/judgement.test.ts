import { judge } from "../../lib/map/judgement";
import type { InspectedDevice, VmUse } from "../../lib/map/inspection";
import { inspectedDevice } from "./hosts";

const disk = { kind: "disk", use: "carries / (/dev/nvme0n1p3)", essential: true } as const;
const use: VmUse = {
  vmId: "100",
  vmName: "ws",
  slot: "hostpci0",
  running: true,
  inUse: true,
  configured: true,
  shared: false,
};
const card = (device: Partial<InspectedDevice> = {}) =>
  inspectedDevice({ address: "0000:01:00.0", iommuGroup: "1", driver: "nouveau", ...device });
const sibling = (device: Partial<InspectedDevice> = {}) =>
  inspectedDevice({ address: "0000:02:00.0", iommuGroup: "1", driver: "xhci_hcd", ...device });

const of = (...devices: InspectedDevice[]) => judge({ devices, unresolved: [] }).get("0000:01:00.0");
const texts = (...devices: InspectedDevice[]) => of(...devices)?.users.map(({ text }) => text);

test.each<[string, InspectedDevice[], string, string[]]>([
  ["nothing speaks against it", [card()], "free", []],
  ["vfio-pci holds it", [card({ driver: "vfio-pci" })], "bound", []],
  ["a VM has it", [card({ vms: [use] })], "vm", []],
  ["the host lives on it", [card({ critical: [disk] })], "host", ["carries / (/dev/nvme0n1p3)"]],
  ["a VM has what the host lives on", [card({ critical: [disk], vms: [use] })], "host", [disk.use]],
  [
    "its group carries the host",
    [card(), sibling({ critical: [disk] })],
    "blocked",
    ["shares its group with 0000:02:00.0, which carries / (/dev/nvme0n1p3)"],
  ],
  [
    "another function of its slot carries the host, and is in its group",
    [card({ driver: "vfio-pci" }), sibling({ address: "0000:01:00.1", critical: [disk] })],
    "blocked",
    ["shares its group with 0000:01:00.1, which carries / (/dev/nvme0n1p3)"],
  ],
  [
    "another function of its slot carries the host, in a group of its own",
    [card(), sibling({ address: "0000:01:00.1", iommuGroup: "2", critical: [disk] })],
    "free",
    [],
  ],
  [
    "the firmware keeps memory for it",
    [card({ reservedRegions: ["direct"] })],
    "blocked",
    ["the firmware keeps memory for it (RMRR)"],
  ],
  [
    "the host could do without it",
    [card({ critical: [{ ...disk, essential: false }] })],
    "free",
    ["carries / (/dev/nvme0n1p3)"],
  ],
  ["others go with it", [card(), sibling()], "free", ["goes only together with 0000:02:00.0 of its group"]],
  ["others are held already", [card(), sibling({ driver: "vfio-pci" })], "free", []],
  ["functions of its own slot are no reason", [card(), sibling({ address: "0000:01:00.1" })], "free", []],
  ["a bridge by its header", [card({ bridge: true, class: "060400" })], "bridge", []],
  ["a bridge by its class", [card({ class: "060100" })], "bridge", []],
  ["only a plan names it", [card({ path: [] })], "untold", []],
])("%s", (_, devices, role, reasons) => {
  expect(of(...devices)).toMatchObject({ role, reasons });
});

test("what could not be traced may be any disk", () => {
  const judged = judge({ devices: [card({ class: "010802" })], unresolved: ["/srv (nfs)"] });
  expect(judged.get("0000:01:00.0")).toMatchObject({ role: "host" });
});

test.each<[Partial<VmUse>, string]>([
  [{}, "VM 100 (ws) hostpci0, runs with it"],
  [{ running: false, inUse: false }, "VM 100 (ws) hostpci0"],
  [{ configured: false }, "VM 100 (ws) hostpci0, runs with it, not after its next start"],
  [{ inUse: false }, "VM 100 (ws) hostpci0, gets it at its next start"],
  [{ vmName: "", running: false }, "VM 100 hostpci0"],
])("who uses it: %j", (part, words) => {
  expect(texts(card({ vms: [{ ...use, ...part }], binding: "gpu/card" }))).toEqual([
    words,
    "binding gpu/card",
  ]);
});
