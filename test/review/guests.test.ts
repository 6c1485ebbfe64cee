import { parsePlan } from "../../lib/review/plan";
import { review } from "../../lib/review/review";

const resource = (type: string, name: string, change: object) => ({
  address: `${type}.${name}`,
  type,
  name,
  change: { actions: ["no-op"], ...change },
});
const both = (value: object) => ({ before: value, after: value });
const functions = {
  "0000:01:00.0": {
    device: "card",
    id: "10de:2204",
    name: "GPU",
    driver: "vfio-pci",
    host_driver: "nouveau",
  },
};

/** A VM of an engine names the engine, and is given a device of a host. */
const engine = (...references: string[]) =>
  JSON.stringify({
    format_version: "1.2",
    resource_changes: [
      resource("passthrough_iommu_host", "node1", {
        actions: ["update"],
        before: { host: "node1", reboot_required: false },
        after: { host: "node1", reboot_required: true, reboot_reason: "the running kernel lacks iommu=pt" },
      }),
      resource("passthrough_vfio_binding", "gpu", both({ host: "node1", name: "gpu", functions })),
      resource("passthrough_vm", "desktop", {
        actions: ["create"],
        before: null,
        after: {
          host: "engine",
          hypervisor: "ovirt",
          vm_id: "desktop",
          pci: { gpu: { device: "0000:01:00" } },
        },
      }),
    ],
    configuration: {
      root_module: {
        resources: [
          { address: "passthrough_iommu_host.node1", type: "passthrough_iommu_host" },
          { address: "passthrough_vfio_binding.gpu", type: "passthrough_vfio_binding" },
          { address: "passthrough_vm.desktop", type: "passthrough_vm", expressions: { pci: { references } } },
        ],
      },
    },
  });

test("a VM of an engine stops with the host whose device it has", () => {
  const { hosts, verdict } = review([
    parsePlan("plan", engine("passthrough_vfio_binding.gpu.addresses"), null),
  ]);
  expect(hosts).toMatchObject([
    {
      name: "node1",
      guests: [{ id: "desktop", effect: "stops" }],
      devices: [{ address: "0000:01:00.0", guests: { before: [], after: ["desktop"] } }],
    },
  ]);
  expect(verdict).toBe("1 host reboots; 1 guest stops; 1 device changes hands");
});

test("without such a device it stands with its engine", () => {
  const { hosts } = review([parsePlan("plan", engine(), null)]);
  expect(hosts.map(({ name, guests }) => [name, guests.map(({ effect }) => effect)])).toEqual([
    ["node1", []],
    ["engine", ["next-start"]],
  ]);
});

test("a resource mapping, and a type that this release does not know, are told with their host", () => {
  const content = JSON.stringify({
    format_version: "1.2",
    resource_changes: [
      resource("passthrough_pci_mapping", "gpu", {
        actions: ["create"],
        before: null,
        after: { host: "pve1", name: "gpu", settings: { "map pve1 0000:01:00": "id=10de:2204" } },
      }),
      resource("passthrough_later", "x", {
        actions: ["update"],
        before: { host: "pve1", a: 1 },
        after: { host: "pve1", a: 2 },
      }),
    ],
  });
  const { hosts, otherChanges } = review([parsePlan("plan", content, null)]);
  expect(otherChanges).toEqual([]);
  expect(hosts).toMatchObject([{ name: "pve1", action: "none" }]);
  expect(hosts[0]?.changes.map(({ address, path }) => [address, ...path])).toEqual([
    ["passthrough_pci_mapping.gpu", "host"],
    ["passthrough_pci_mapping.gpu", "name"],
    ["passthrough_pci_mapping.gpu", "settings", "map pve1 0000:01:00"],
    ["passthrough_later.x", "a"],
  ]);
});
