import type { EngineWorld } from "../../lib/embedded";
import {
  maintenance,
  resume,
  type MaintenanceMark,
  type MaintenanceOptions,
} from "../../lib/engine/maintenance";
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
  const said: string[] = [];
  const watch = { say: (line: string) => said.push(line), doing: () => undefined };
  const recorded: MaintenanceMark[] = [];
  const enter = (changes: Partial<MaintenanceOptions> = {}, host = "kvm1") =>
    maintenance(rig.client(), rig.engine(), host, {
      ...watch,
      reason: "reboot",
      record: (mark) => Promise.resolve(void recorded.push(mark)),
      shutDown: null,
      timeoutSeconds: 60,
      ...changes,
    });
  const leave = (mark: MaintenanceMark | undefined) =>
    mark === undefined
      ? Promise.reject(new Error("nothing recorded"))
      : resume(rig.client(), rig.engine(), mark, watch);
  const running = (name: string, host: string, affinity = "migratable") => {
    const vm = rig.server.vm(name);
    Object.assign(vm, { status: "up", runsOn: rig.server.host(host).id, affinity });
    return vm;
  };
  beforeEach(() => {
    said.length = 0;
    recorded.length = 0;
  });

  test("is recorded before the engine is asked, waits for the VMs to leave, and is undone", async () => {
    const host = rig.server.host("kvm1");
    const vm = running("floating", "kvm1");
    const statuses: string[] = [];
    await enter({
      record: (mark) => {
        statuses.push(host.status);
        return Promise.resolve(void recorded.push(mark));
      },
    });
    expect(statuses).toEqual(["up"]);
    expect(recorded).toEqual([{ host: host.id, ours: true, stopped: [] }]);
    expect([host.status, vm.runsOn, vm.status]).toEqual(["maintenance", rig.server.host("kvm2").id, "up"]);
    await leave(recorded[0]);
    expect(host.status).toBe("up");
    expect(said).toEqual([
      "kvm1 at engine lab goes into maintenance, and VM floating to other hosts",
      "kvm1 at engine lab leaves maintenance",
    ]);
  });

  test("somebody else's is neither switched on nor off", async () => {
    const host = rig.server.host("kvm1");
    host.status = "maintenance";
    await enter();
    expect(recorded).toEqual([]);
    await leave({ host: host.id, ours: false, stopped: [] });
    expect(host.status).toBe("maintenance");
    expect(rig.server.requests()).toEqual([]);
  });

  test("what an earlier run of ours switched on is still ours", async () => {
    const host = rig.server.host("kvm1");
    host.status = "maintenance";
    const stopped = [{ id: rig.server.vm("render").id, name: "render" }];
    await enter({ earlier: { host: host.id, ours: true, stopped } });
    expect(recorded).toEqual([{ host: host.id, ours: true, stopped }]);
    await leave(recorded[0]);
    expect(host.status).toBe("up");
    expect(rig.server.vm("render").status).not.toBe("down");
  });

  test("a VM that cannot move is named, and the host stays as it is", async () => {
    running("workstation", "kvm1", "pinned");
    await expect(enter()).rejects.toThrow(
      /kvm1 at engine lab cannot go into maintenance[^]*VM workstation is pinned to kvm1/,
    );
    expect([recorded, rig.server.requests()]).toEqual([[], []]);
  });

  test("a VM that cannot move is shut down where that is asked for, and starts after the host is up", async () => {
    const vm = running("workstation", "kvm1", "pinned");
    await enter({ shutDown: { seconds: 60, powerOff: false } });
    expect([vm.status, rig.server.host("kvm1").status]).toEqual(["down", "maintenance"]);
    expect(recorded[0]?.stopped).toEqual([{ id: vm.id, name: "workstation" }]);
    await leave(recorded[0]);
    const { id } = rig.server.host("kvm1");
    expect(rig.server.requests()).toEqual([
      `POST /vms/${vm.id}/shutdown`,
      `POST /hosts/${id}/deactivate`,
      `POST /hosts/${id}/activate`,
      `POST /vms/${vm.id}/start`,
    ]);
  });

  test("a VM that does not listen is powered off only where that is asked for", async () => {
    const vm = running("workstation", "kvm1", "pinned");
    vm.stuck = true;
    await expect(enter({ shutDown: { seconds: 0, powerOff: false } })).rejects.toThrow(
      /workstation is \w+ after 0 s/,
    );
    expect(rig.server.host("kvm1").status).toBe("up");
    await enter({ shutDown: { seconds: 0, powerOff: true } });
    expect([vm.status, rig.server.host("kvm1").status]).toEqual(["down", "maintenance"]);
  });

  test("VMs that do not leave in time are named", async () => {
    running("floating", "kvm1").stuck = true;
    await expect(enter({ timeoutSeconds: 0 })).rejects.toThrow(
      /kvm1 is preparing_for_maintenance after 0 s[^]*VM floating did not leave it/,
    );
    await leave(recorded[0]);
    expect(rig.server.host("kvm1").status).toBe("up");
  });

  test("a stop ends the wait, and the host is activated again", async () => {
    running("floating", "kvm1").stuck = true;
    const controller = new AbortController();
    const doing = () => controller.abort();
    await expect(enter({ signal: controller.signal, doing })).rejects.toThrow();
    expect(rig.server.host("kvm1").status).toBe("preparing_for_maintenance");
    await leave(recorded[0]);
    expect(rig.server.host("kvm1").status).toBe("up");
  });

  test("a host or VM that the engine has lost meanwhile is not missed", async () => {
    await leave({ host: "gone", ours: true, stopped: [{ id: "gone-too", name: "old" }] });
  });

  test("an unknown host is refused with the names of those that are there", async () => {
    await expect(enter({}, "kvm9")).rejects.toThrow(/no host kvm9[^]*kvm1, kvm2/);
  });
});

describe("an engine that runs in a VM of its own hosts", () => {
  const world = (agents: readonly string[]): EngineWorld => ({
    hosts: ["kvm1", "kvm2"].map((name) => ({ name, devices: [], hostedEngine: agents.includes(name) })),
    vms: [{ name: "HostedEngine", status: "up", runsOn: "kvm1", hostedEngine: true }],
  });
  const enter = async (its: EngineRig) =>
    maintenance(its.client(), its.engine(), "kvm1", {
      ...{ reason: "reboot", shutDown: null, timeoutSeconds: 60 },
      ...{ record: () => Promise.resolve(), say: () => undefined, doing: () => undefined },
    });

  test("moves to another one, and the agent of the host goes into local maintenance", async () => {
    const its = await EngineRig.start(world(["kvm1", "kvm2"]));
    await enter(its);
    expect(its.server.vm("HostedEngine").runsOn).toBe(its.server.host("kvm2").id);
    expect(its.server.host("kvm1").hostedEngine).toEqual({ localMaintenance: true });
    await its.close();
  });

  test("keeps its host up where no other one can take it", async () => {
    const its = await EngineRig.start(world(["kvm1"]));
    await expect(enter(its)).rejects.toThrow(
      /the engine itself runs there, in VM HostedEngine, and no other host of hosted engine/,
    );
    expect(its.server.requests()).toEqual([]);
    await its.close();
  });
});
