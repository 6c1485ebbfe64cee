import fc from "fast-check";
import { plannedHosts } from "../../lib/map/plan";
import { pictureOfPlan } from "../../lib/map/picture";
import { parsePlan } from "../../lib/review/plan";
import { svgOf } from "../../lib/map/svg";
import type { Inspection } from "../../lib/map/inspection";
import { recorded } from "../review/recorded";
import { devicesOf, inspected, inspectedDevice } from "./hosts";

type Values = Record<string, unknown>;
interface Change {
  readonly address: string;
  readonly type: string;
  readonly change: {
    readonly actions: readonly string[];
    readonly before: Values | null;
    readonly after: Values | null;
  };
}

const change = (type: string, before: Values | null, after: Values | null): Change => ({
  address: `passthrough_${type}.it`,
  type: `passthrough_${type}`,
  change: { actions: [before === null ? "create" : after === null ? "delete" : "update"], before, after },
});
const file = (...changes: readonly object[]) =>
  JSON.stringify({ format_version: "1.2", resource_changes: changes });
const read = (...changes: readonly object[]) => plannedHosts(parsePlan("plan.json", file(...changes), null));

const host = {
  host: "pve1",
  machine_id: "m1",
  reboot_required: true,
  reboot_reason: "the kernel lacks iommu=pt",
};
const gpu = {
  device: "card",
  id: "10de:2204",
  class: "0300",
  name: "NVIDIA GA102",
  driver: "vfio-pci",
  host_driver: "nouveau",
};
const binding = {
  host: "pve1",
  name: "gpu",
  devices: { card: { address: "0000:01:00", id: null } },
  functions: { "0000:01:00.0": gpu },
};
const vm = {
  host: "pve1",
  vm_id: "100",
  settings: { hostpci0: "0000:01:00,pcie=1" },
  pci: { hostpci0: { device: "0000:01:00" } },
};

const created = [
  change("iommu_host", null, host),
  change("vfio_binding", null, binding),
  change("vm", null, vm),
];
const destroyed = created.map(({ type, change: { after } }) =>
  change(type.replace("passthrough_", ""), after, null),
);

describe("what is read of a plan", () => {
  test("a create", () => {
    expect(read(...created)).toEqual([
      {
        name: "pve1",
        machineId: "m1",
        reboot: "the kernel lacks iommu=pt",
        before: { functions: {}, vms: [], unknown: [] },
        after: {
          functions: {
            "0000:01:00.0": {
              id: "10de:2204",
              class: "0300",
              name: "NVIDIA GA102",
              driver: "vfio-pci",
              hostDriver: "nouveau",
              group: null,
              binding: "gpu/card",
            },
          },
          vms: [{ id: "100", settings: vm.settings, devices: { hostpci0: ["0000:01:00"] } }],
          unknown: [],
        },
      },
    ]);
  });

  test("a destroy reboots nothing", () => {
    expect(read(...destroyed)).toMatchObject([
      { reboot: null, machineId: "m1", after: { functions: {}, vms: [] } },
    ]);
  });

  test("a group is believed to stay where the plan does not know it yet", () => {
    const before = { ...binding, iommu_groups: { "0000:01:00.0": "14" } };
    const [planned] = read(change("vfio_binding", before, binding));
    expect(planned?.after.functions["0000:01:00.0"]?.group).toBe("14");
  });

  test("functions that are not known yet are said so, in the author's words", () => {
    const { functions: _, ...declared } = binding;
    const unknown = change("vfio_binding", null, declared);
    const marks = { after_unknown: { functions: true } };
    const [planned] = read({ ...unknown, change: { ...unknown.change, ...marks } });
    expect(planned?.after.unknown).toEqual([
      "Binding gpu, device card (0000:01:00): its functions are known after the apply.",
    ]);
  });

  test("virtual functions that are made are said so", () => {
    const [planned] = plannedHosts(recorded("functions"));
    expect(planned?.after.unknown).toEqual([
      "Virtual functions fast (2): what they are is known after the apply.",
    ]);
  });

  test("a sensitive setting is not shown", () => {
    const secret = change("vm", null, { ...vm, settings: { args: "hunter22" } });
    const marks = { after_sensitive: { settings: { args: true } } };
    const [planned] = read({ ...secret, change: { ...secret.change, ...marks } });
    expect(planned?.after.vms[0]?.settings).toEqual({ args: "(sensitive)" });
  });

  test("other resources, also of modules, do not matter", () => {
    const foreign = change("vm", null, null);
    expect(read({ ...foreign, type: "null_resource" }, ...created)).toHaveLength(1);
    expect(read({ ...foreign, type: "null_resource" })).toEqual([]);
  });

  test("what is no address of a function is nothing that Terraform wrote", () => {
    const functions = { "<b>": gpu, "0000:01:00": gpu, "0000:01:00.1": gpu };
    const [planned] = read(change("vfio_binding", null, { ...binding, functions }));
    expect(Object.keys(planned?.after.functions ?? {})).toEqual(["0000:01:00.1"]);
  });

  test("whatever a file makes of the values, they can be drawn", () => {
    const odd = fc.oneof(fc.jsonValue(), fc.constantFrom("0000:01:00", "::", "__proto__"));
    const values = (known: Values) =>
      fc
        .tuple(...Object.keys(known).map((key) => fc.oneof(fc.constant(known[key]), odd)))
        .map((drawn) => Object.fromEntries(Object.keys(known).map((key, at) => [key, drawn[at]])));
    fc.assert(
      fc.property(values(host), values(binding), values(vm), (...all) => {
        const planned = read(
          ...["iommu_host", "vfio_binding", "vm"].map((type, at) => change(type, null, all[at]!)),
        );
        svgOf(pictureOfPlan(planned, new Map()));
      }),
    );
  });
});

describe("before and after", () => {
  const short = (picture: ReturnType<typeof pictureOfPlan>, at: number) =>
    devicesOf(picture, at).map(({ address, driver, role, lines }) => ({
      address,
      driver,
      role,
      lines: lines.map(({ text }) => text),
    }));
  const address = "0000:01:00.0";
  const other = {
    vmId: "101",
    vmName: "old",
    slot: "hostpci3",
    running: false,
    inUse: false,
    configured: true,
    shared: false,
  };

  test("a create, as far as the plan knows it", () => {
    const picture = pictureOfPlan(read(...created), new Map());
    expect(short(picture, 0)).toEqual([
      { address, driver: "nouveau", role: "untold", lines: ["driver becomes vfio-pci"] },
    ]);
    expect(short(picture, 1)).toEqual([
      {
        address,
        driver: "vfio-pci",
        role: "vm",
        lines: ["driver was nouveau", "joins VM 100 hostpci0", "joins binding gpu/card"],
      },
    ]);
  });

  test("a destroy is the same the other way round", () => {
    const picture = pictureOfPlan(read(...destroyed), new Map());
    expect(short(picture, 0)[0]).toMatchObject({
      role: "vm",
      lines: ["driver becomes nouveau", "leaves VM 100 hostpci0", "leaves binding gpu/card"],
    });
    expect(short(picture, 1)[0]).toMatchObject({
      driver: "nouveau",
      role: "untold",
      lines: ["driver was vfio-pci"],
    });
  });

  test("both sides give a device the same room", () => {
    const picture = pictureOfPlan(read(...created), new Map());
    const heights = [0, 1].map((at) => devicesOf(picture, at).map(({ height }) => height));
    expect(heights[0]).toEqual(heights[1]);
  });

  test("the host that was read says what the plan does not: other devices, their VMs, their drivers", () => {
    const found: Inspection = {
      ...inspected({ hostname: "other-name", machineId: "m1" }),
      devices: [
        inspectedDevice({ address, driver: "nvidia", vms: [other] }),
        inspectedDevice({
          address: "0000:02:00.0",
          driver: "igb",
          critical: [{ kind: "network", use: "carries this SSH session", essential: true }],
        }),
      ],
    };
    const picture = pictureOfPlan(read(...created), new Map([["pve1", found]]));
    expect(short(picture, 0)).toEqual([
      {
        address,
        driver: "nvidia",
        role: "vm",
        lines: ["driver becomes vfio-pci", "VM 101 (old) hostpci3"],
      },
      { address: "0000:02:00.0", driver: "igb", role: "host", lines: ["carries this SSH session"] },
    ]);
    expect(short(picture, 1)[0]?.lines).toEqual(["driver was nvidia", "joins VM 100 hostpci0", "and 2 more"]);
    expect(picture.hosts[0]?.sides.map(({ changes }) => changes)).toEqual([1, 1]);
  });

  test("settings of VMs, key by key", () => {
    const before = { ...vm, settings: { hostpci0: "0000:02:00", machine: "q35", cpu: "host" } };
    const after = { ...vm, settings: { hostpci0: "0000:01:00,pcie=1", machine: "q35", vga: "none" } };
    const [planned] = pictureOfPlan(read(change("vm", before, after)), new Map()).hosts;
    expect(
      planned?.sides.map(({ vms }) => vms[0]?.settings.map(({ key, change: what }) => [key, what])),
    ).toEqual([
      [
        ["hostpci0", "changed"],
        ["machine", null],
        ["cpu", "removed"],
      ],
      [
        ["hostpci0", "changed"],
        ["machine", null],
        ["vga", "added"],
      ],
    ]);
  });
});
