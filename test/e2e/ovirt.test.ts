/** VMs of an oVirt engine: host devices over its REST API, with real Terraform. */
import type { TerraformStack } from "cdktf";
import { Ovirt, OvirtEngine, PassthroughVm, type PciSlotProps } from "../../lib";
import { startEmbeddedEngine, type EmbeddedEngine } from "../../lib/embedded";
import { flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const gpu = "0000:04:00";
const nvme = "0000:05:00.0";
const address = "passthrough_vm.workstation";

let rig: Rig;
let engine: EmbeddedEngine;
beforeAll(async () => {
  rig = new Rig();
  engine = await startEmbeddedEngine();
});
afterAll(async () => {
  await rig.close();
  await engine.stop();
});

type Vms = Readonly<
  Record<
    string,
    {
      usb?: Record<string, { host: string }>;
      pci?: Record<string, PciSlotProps>;
      pinTo?: string;
      restart?: boolean;
      nic?: string;
    }
  >
>;

const define = (vms: Vms) => (stack: TerraformStack) => {
  const { url, user, ca } = engine;
  const lab = new OvirtEngine(stack, "lab", { url, user, ca });
  for (const [name, { pci, usb, pinTo, restart, nic }] of Object.entries(vms)) {
    new PassthroughVm(stack, name, {
      on: Ovirt.vm(lab, name, pinTo === undefined ? {} : { pinTo }),
      ...(pci === undefined ? {} : { pci }),
      ...(usb === undefined ? {} : { usb }),
      ...(nic === undefined ? {} : { nics: { fast0: { profile: nic } } }),
      ...(restart === undefined ? {} : { restart }),
    });
  }
};
const stack = (vms: Vms) => rig.stack(define(vms), { PASSTHROUGH_OVIRT_PASSWORD_LAB: engine.password });
const devices = (name: string) => Object.fromEntries(engine.vm(name).devices);
const of = (slot: string, device: string) => ({ [slot]: { device: { address: device } } });

test("a plan names the devices and what comes along, and the deploy does exactly that", async () => {
  await stack({ workstation: { pci: of("gpu", `${gpu}.0`) } });
  const plan = await rig.plan();
  expect(plan.changes[address]?.after).toMatchObject({ settings: { gpu: "pci_0000_04_00_0" } });
  expect(flowing(plan.text)).toMatch(
    /gpu of VM workstation of engine lab takes its IOMMU group along.*pci_0000_04_00_1/,
  );

  await rig.applyPlan();

  expect(devices("workstation")).toEqual({ pci_0000_04_00_0: false, pci_0000_04_00_1: true });
  const { values } = (await rig.tf.resources())[address]!;
  expect(values).toMatchObject({
    id: "lab/workstation",
    node: "kvm1",
    settings: { gpu: "pci_0000_04_00_0" },
  });
  expect(String(values["machine_id"])).toMatch(new RegExp(`/${engine.vm("workstation").id}$`));
  expect(JSON.stringify(values)).not.toContain(engine.password);
  expect(await rig.tf.plan()).toMatchObject({ changes: false });
});

test("a placeholder that is asked for becomes a device, and a slot of the whole card is one value", async () => {
  await stack({ workstation: { pci: of("gpu", gpu), usb: { mouse: { host: "1-4.2" } } } });
  const { changes } = await rig.plan();
  expect(changes[address]).toMatchObject({
    before: { settings: { gpu: "pci_0000_04_00_0" } },
    after: { settings: { gpu: "pci_0000_04_00_*", mouse: "usb_1_4_2" } },
  });
  await rig.applyPlan();
  const card = { pci_0000_04_00_0: false, pci_0000_04_00_1: false };
  expect(devices("workstation")).toEqual({ ...card, usb_1_4_2: false });
  await stack({ workstation: { pci: of("gpu", gpu) } });
  await rig.apply();
  expect(devices("workstation")).toEqual(card);
});

test("what somebody detached is drift, what somebody else attached is not ours", async () => {
  engine.vm("workstation").devices.clear();
  engine.vm("workstation").devices.set("pci_0000_05_00_0", false);
  const { changes, text } = await rig.plan();
  expect(changes[address]).toMatchObject({ actions: ["update"], before: { settings: {} } });
  expect(text).toContain("pci_0000_04_00_*");
  await rig.applyPlan();
  expect(devices("workstation")).toEqual({
    pci_0000_04_00_0: false,
    pci_0000_04_00_1: false,
    pci_0000_05_00_0: false,
  });
});

test("a VM that runs: told at plan, refused at apply, and with restart shut down, changed and started", async () => {
  engine.vm("workstation").devices.delete("pci_0000_05_00_0");
  engine.vm("workstation").status = "up";
  await stack({ workstation: { pci: { ...of("gpu", gpu), ...of("disk", nvme) } } });
  expect(flowing((await rig.plan()).text)).toContain("VM workstation of engine lab is up");
  const { code, stderr } = await rig.applyPlan();
  expect(code).toBe(1);
  expect(flowing(stderr)).toContain("changes the host devices of a VM only while it is down");
  expect(Object.keys(devices("workstation"))).toHaveLength(2);

  await stack({ workstation: { restart: true, pci: { ...of("gpu", gpu), ...of("disk", nvme) } } });
  await rig.apply();
  expect(devices("workstation")).toHaveProperty("pci_0000_05_00_0", false);
  const { id } = engine.vm("workstation");
  expect(engine.requests().slice(-3)).toEqual([
    `POST /vms/${id}/shutdown`,
    `POST /vms/${id}/hostdevices`,
    `POST /vms/${id}/start`,
  ]);
  engine.vm("workstation").status = "down";
  engine.vm("workstation").coming = [];
});

test("two VMs that are down swap their devices in one apply", async () => {
  await stack({ workstation: { pci: of("card", gpu) }, render: { pci: of("card", nvme) } });
  await rig.apply();
  await stack({ workstation: { pci: of("card", nvme) }, render: { pci: of("card", gpu) } });
  const { text } = await rig.plan();
  expect(flowing(text)).toMatch(/pci_0000_05_00_0 moves from VM render to VM workstation/);

  await rig.apply();

  expect(Object.keys(devices("workstation"))).toEqual(["pci_0000_05_00_0"]);
  expect(Object.keys(devices("render"))).toEqual(["pci_0000_04_00_0", "pci_0000_04_00_1"]);
  expect(await rig.tf.plan()).toMatchObject({ changes: false });
});

test("a VM is pinned with its devices and its passthrough NIC, and a destroy gives all of it back", async () => {
  const refused = { floating: { pci: of("card", "0000:06:00.0") } };
  await stack(refused);
  expect(await rig.refusal("plan")).toContain("VM floating of engine lab is not pinned to exactly one host");
  await stack({ floating: { pinTo: "kvm9", pci: of("card", "0000:06:00.0") } });
  expect(await rig.refusal("plan")).toMatch(/The engine has no host kvm9.*kvm1 kvm2/);
  await stack({ floating: { pinTo: "kvm1", pci: of("card", "0000:77:00.0") } });
  expect(await rig.refusal("plan")).toMatch(/knows no device pci_0000_77_00_0 on kvm1/);
  await stack({ floating: { pinTo: "kvm1", nic: "ovirtmgmt" } });
  expect(await rig.refusal("plan")).toMatch(/vNIC profile ovirtmgmt has no passthrough/);

  await stack({ floating: { pinTo: "kvm1", pci: of("card", "0000:06:00.0"), nic: "fast" } });
  await rig.apply();
  const vm = engine.vm("floating");
  expect(vm).toMatchObject({ affinity: "pinned", pinnedTo: [engine.host("kvm1").id] });
  expect(devices("floating")).toEqual({ pci_0000_06_00_0: false });
  expect(vm.nics.map(({ name, interface: type }) => [name, type])).toEqual([["fast0", "pci_passthrough"]]);
  const { settings } = (await rig.tf.resources())["passthrough_vm.floating"]!.values;
  expect(settings).toEqual({
    card: "pci_0000_06_00_0",
    placement_policy: "pinned to kvm1",
    "nics.fast0": "pci_passthrough with fast",
  });

  await rig.destroy();

  expect(engine.vm("floating")).toMatchObject({ affinity: "migratable", pinnedTo: [], nics: [] });
  expect(devices("floating")).toEqual({});
});

test("an apply that is cut off in the middle is finished by the next one", async () => {
  await stack({ render: { pci: { ...of("card", gpu), ...of("disk", nvme) } } });
  const posts = { request: /POST .*\/hostdevices/ };
  engine.setFaults([{ ...posts, effect: { kind: "cut", when: "after" }, times: 1 }]);
  expect(await rig.refusal("apply", "-auto-approve")).toMatch(
    /Unable to configure VM render on lab: engine lab .*was cut off/,
  );
  engine.setFaults([]);
  expect(devices("render")).toEqual({ pci_0000_04_00_0: false, pci_0000_04_00_1: true });
  await rig.apply();
  expect(devices("render")).toEqual({
    pci_0000_04_00_0: false,
    pci_0000_04_00_1: false,
    pci_0000_05_00_0: false,
  });
  engine.expireTokens();
  await rig.destroy();
  expect(devices("render")).toEqual({});
});

test("what is configured already is taken over by name, and another VM of that name is refused", async () => {
  engine.vm("render").devices.set("pci_0000_05_00_0", false);
  await stack({ render: { pci: of("disk", nvme) } });
  await rig.tf.succeed("import", "-no-color", "passthrough_vm.render", "lab/render");
  const { changes } = await rig.plan();
  expect(changes["passthrough_vm.render"]).toMatchObject({
    actions: ["update"],
    after: { settings: { disk: "pci_0000_05_00_0" } },
  });
  const written = engine.requests().length;
  await rig.apply();
  expect(engine.requests()).toHaveLength(written);

  const stranger = engine.vm("floating") as { name: string };
  stranger.name = "render";
  (engine.vm("render") as { name: string }).name = "render-old";
  try {
    expect(await rig.refusal("plan")).toMatch(
      /render of engine lab is another VM than the one this state knows.*render-old/,
    );
  } finally {
    (engine.vm("render-old") as { name: string }).name = "render";
    stranger.name = "floating";
  }
});
