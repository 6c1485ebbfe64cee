import { maintenance, resume } from "../../lib/engine/maintenance";
import { EngineRig } from "./rig";

let rig: EngineRig;
beforeEach(async () => (rig = await EngineRig.start()));
afterEach(() => rig.close());

const gpu = "pci_0000_04_00_0";
const sound = "pci_0000_04_00_1";

describe("reading", () => {
  test("the VM, the devices of its host and what its neighbours have", async () => {
    const facts = await rig.engine().facts({ vms: ["workstation"], hosts: [] });
    expect(facts).toMatchObject({ product: "oVirt Engine 4.5.6-1.el9" });
    expect(facts.instanceId).toMatch(/^[0-9a-f-]{36}$/);
    const by = <T extends { name: string }>(all: readonly T[], name: string) =>
      all.find((one) => one.name === name);
    expect(by(facts.hosts, "kvm1")?.devices?.find(({ name }) => name === gpu)).toEqual({
      name: gpu,
      capability: "pci",
      group: "30",
      id: "10de:13ba",
      product: "GM107GL [Quadro K2200]",
      driver: "",
      usedBy: null,
    });
    expect(by(facts.hosts, "kvm1")).toMatchObject({ passthrough: true, customCommandLine: "intel_iommu=on" });
    expect(by(facts.hosts, "kvm2")?.devices).toBeNull();
    expect(by(facts.vms, "workstation")).toMatchObject({
      affinity: "pinned",
      status: "down",
      devices: [],
      nics: [],
    });
    expect(by(facts.vms, "render")).toMatchObject({ devices: [], nics: null });
    expect(by(facts.vms, "floating")).toMatchObject({ pinnedTo: [], devices: null });
  });

  test("two looks at the same engine ask once, until something is written", async () => {
    const engine = rig.engine();
    await engine.facts({ vms: ["workstation"], hosts: [] });
    const asked = rig.server.requests(true).length;
    await engine.facts({ vms: ["workstation"], hosts: [] });
    expect(rig.server.requests(true)).toHaveLength(asked);
    await engine.run([{ step: "attach", vm: rig.server.vm("workstation").id, device: gpu }]);
    const facts = await engine.facts({ vms: ["workstation"], hosts: [] });
    expect(facts.vms.find(({ name }) => name === "workstation")?.devices).toEqual([
      { name: gpu, placeholder: false },
      { name: sound, placeholder: true },
    ]);
  });

  test("a VM that goes away between two requests is not there", async () => {
    const { id } = rig.server.vm("render");
    rig.server.setFaults([
      {
        request: new RegExp(`GET .*/vms/${id}/hostdevices`),
        effect: { kind: "answer", status: 404, body: "{}" },
      },
    ]);
    const facts = await rig.engine().facts({ vms: ["workstation"], hosts: [] });
    expect(facts.vms.map(({ name }) => name)).toEqual(["workstation", "floating"]);
  });
});

describe("changing", () => {
  test("what is gone already is not an error", async () => {
    const vm = rig.server.vm("workstation").id;
    expect(
      await rig.engine().run([
        { step: "detach", vm, device: gpu },
        { step: "removeNic", vm, nic: "00000000-0000-0000-0000-000000000000" },
      ]),
    ).toEqual({ ok: true });
  });

  test("the first refusal ends it, and a VM that was shut down for it runs again", async () => {
    const vm = rig.server.vm("workstation");
    vm.status = "up";
    const outcome = await rig.engine().run([
      { step: "shutDown", vm: vm.id, timeoutSeconds: 30 },
      { step: "attach", vm: vm.id, device: "pci_0000_77_00_0" },
      { step: "attach", vm: vm.id, device: gpu },
      { step: "start", vm: vm.id },
    ]);
    expect(outcome).toMatchObject({ ok: false, failedStep: 1 });
    expect(outcome).toHaveProperty("detail", expect.stringContaining("was not found on the host"));
    expect(vm.devices.size).toBe(0);
    expect(vm.status).not.toBe("down");
  });

  test("a stop takes effect between two steps, and the VM runs again all the same", async () => {
    const vm = rig.server.vm("workstation");
    vm.status = "up";
    const controller = new AbortController();
    const engine = rig.engine();
    rig.server.setFaults([]);
    const work = engine.run(
      [
        { step: "shutDown", vm: vm.id, timeoutSeconds: 30 },
        { step: "attach", vm: vm.id, device: gpu },
        { step: "start", vm: vm.id },
      ],
      controller.signal,
    );
    controller.abort();
    expect(await work).toMatchObject({ ok: false, title: "It was stopped" });
    expect(vm.devices.size).toBe(0);
  });
});

describe("maintenance", () => {
  const prepare = () => {
    const client = rig.client();
    return { client, engine: rig.engine() };
  };

  test("is recorded before the engine is asked, and undone where it was ours", async () => {
    const { client, engine } = prepare();
    const host = rig.server.host("kvm1");
    const recorded: string[] = [];
    const mark = await maintenance(client, engine, "kvm1", {
      reason: "reboot",
      record: (given) => {
        recorded.push(`${host.status} ${String(given.ours)}`);
        return Promise.resolve();
      },
    });
    expect(recorded).toEqual(["up true"]);
    expect([host.status, mark]).toEqual(["maintenance", { host: host.id, ours: true }]);
    await resume(client, engine, mark);
    expect(host.status).toBe("up");
  });

  test("somebody else's is neither switched on nor off", async () => {
    const { client, engine } = prepare();
    const host = rig.server.host("kvm1");
    host.status = "maintenance";
    const mark = await maintenance(client, engine, "kvm1", {
      reason: "reboot",
      record: () => Promise.reject(new Error()),
    });
    await resume(client, engine, mark);
    expect(host.status).toBe("maintenance");
    expect(rig.server.requests()).toEqual([]);
  });

  test("a VM that cannot leave keeps the host up, in the engine's words", async () => {
    const { client, engine } = prepare();
    rig.server.vm("workstation").status = "up";
    await expect(
      maintenance(client, engine, "kvm1", { reason: "reboot", record: () => Promise.resolve() }),
    ).rejects.toThrow(/cannot be migrated: workstation/);
    expect(rig.server.host("kvm1").status).toBe("up");
  });

  test("stopped while the VMs leave, the host is activated again", async () => {
    const { client, engine } = prepare();
    const host = rig.server.host("kvm1");
    const controller = new AbortController();
    host.coming = [];
    rig.server.setFaults([]);
    const work = maintenance(client, engine, "kvm1", {
      reason: "reboot",
      record: () => Promise.resolve(),
      signal: controller.signal,
      timeoutSeconds: 60,
    });
    const settled = expect(work).rejects.toThrow();
    while (!rig.server.requests().some((line) => line.endsWith("/deactivate")))
      await new Promise(setImmediate);
    controller.abort();
    await settled;
    expect(host.status).toBe("up");
  });

  test("an unknown host is refused with the names of those that are there", async () => {
    const { client, engine } = prepare();
    await expect(
      maintenance(client, engine, "kvm9", { reason: "reboot", record: () => Promise.resolve() }),
    ).rejects.toThrow(/no host kvm9[^]*kvm1, kvm2/);
  });
});
