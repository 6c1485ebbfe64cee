/** A host of an oVirt engine leaves service before its reboot and comes back after the proof, with real Terraform. */
import type { TerraformStack } from "cdktf";
import { IommuHost, Ovirt, OvirtEngine, type BeforeReboot } from "../../lib";
import { startEmbeddedEngine, type EmbeddedEngine, type EmbeddedHost } from "../../lib/embedded";
import { connect, fileOf, flowing, Rig } from "../support/rig";
import { finished } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(360_000);

/** An apply that is still under way once `condition` holds. */
async function applying(condition: (output: string) => boolean): Promise<Interrupted> {
  const apply = rig.tf.start(["apply", "-auto-approve", "-no-color"]);
  let output = "";
  let over = false;
  apply.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = finished(apply).finally(() => (over = true));
  await waitFor(() => over || condition(output), 180_000);
  if (over) throw new Error(`The apply has ended.\n${JSON.stringify(await ended)}`);
  return {
    ended,
    interrupt() {
      if (apply.pid !== undefined) process.kill(-apply.pid, "SIGINT");
    },
  };
}

interface Interrupted {
  readonly ended: ReturnType<typeof finished>;
  interrupt(): void;
}

let rig: Rig;
let engine: EmbeddedEngine;
let host: EmbeddedHost;

beforeAll(async () => {
  rig = new Rig();
  host = await rig.host("debian-intel");
  engine = await startEmbeddedEngine({
    world: {
      hosts: [
        { name: "kvm1", devices: [], powerManagement: true },
        { name: "kvm2", devices: [] },
      ],
      vms: [
        { name: "mail", status: "up", runsOn: "kvm1" },
        { name: "workstation", status: "up", pinnedTo: ["kvm1"] },
      ],
    },
  });
});
afterAll(async () => {
  await rig.close();
  await engine.stop();
});

const define =
  (parameters: readonly string[], before: Omit<BeforeReboot, "managedBy"> = {}) =>
  (stack: TerraformStack): void => {
    const { url, user, ca } = engine;
    const lab = new OvirtEngine(stack, "lab", { url, user, ca });
    new IommuHost(stack, "kvm1", {
      connection: connect(host),
      kernelParameters: parameters,
      beforeReboot: { managedBy: Ovirt.host(lab, "kvm1"), ...before },
    });
  };
const stack = (parameters: readonly string[], before?: Omit<BeforeReboot, "managedBy">) =>
  rig.stack(define(parameters, before), { PASSTHROUGH_OVIRT_PASSWORD_LAB: engine.password });
const kvm1 = () => engine.host("kvm1");
const drained = () => fileOf(host, "var/lib/cdktf-passthrough/drain.json");
const reboots = () => host.counters().reboots;
/** What was asked of the engine since, in words. */
function asked(): string[] {
  const names = Object.fromEntries(
    [kvm1(), engine.host("kvm2"), engine.vm("mail"), engine.vm("workstation")].map(({ id, name }) => [
      id,
      name,
    ]),
  );
  return engine.requests().map((line) => line.replace(/[0-9a-f-]{36}/g, (id) => names[id] ?? id));
}

test("a VM that cannot leave is refused at plan, and nothing is asked of the engine", async () => {
  await stack(["iommu=pt"]);
  expect(await rig.refusal("plan")).toMatch(
    /kvm1 cannot leave service for its reboot .*VM workstation is pinned to kvm1 or has devices of it, and cannot move\. Shut down what runs so/,
  );
  expect([asked(), reboots()]).toEqual([[], 0]);
});

test("maintenance before the reboot, active after the proof; the plan names who moves and who stops", async () => {
  await stack(["iommu=pt"], { immovable: "shut-down" });
  const plan = await rig.plan();
  expect(flowing(`${plan.text} ${plan.diagnostics}`)).toMatch(
    /The reboot of kvm1 puts kvm1 at engine lab into maintenance .*To other hosts move: VM mail\. Shut down, and started again after it: VM workstation\./,
  );
  expect(JSON.stringify(plan)).not.toContain(engine.password);
  const { code, stdout, stderr } = await rig.applyPlan();
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout.split("\n").flatMap((line) => /\(local-exec\): (?:kvm1: )?(.*)/.exec(line)?.[1] ?? []);
  const told = lines.filter(
    (line) => /at engine|of engine|issued|proven/.test(line) && !line.startsWith("waits"),
  );
  expect(told).toEqual([
    "VM workstation of engine lab shuts down",
    "kvm1 at engine lab goes into maintenance, and VM mail to other hosts",
    "reboot issued, waiting for it to come back",
    expect.stringMatching(/^proven: /),
    "kvm1 at engine lab leaves maintenance",
    "VM workstation of engine lab starts",
  ]);
  expect(asked()).toEqual([
    "POST /vms/workstation/shutdown",
    "POST /hosts/kvm1/deactivate",
    "POST /hosts/kvm1/activate",
    "POST /vms/workstation/start",
  ]);
  expect([kvm1().status, engine.vm("mail").runsOn, drained()]).toEqual(["up", engine.host("kvm2").id, null]);
  expect(stdout).not.toContain(engine.password);
  expect(JSON.stringify(await rig.tf.resources())).not.toContain(engine.password);
  expect(fileOf(host, "var/lib/cdktf-passthrough/record.json")).not.toContain(engine.password);
  expect(await rig.tf.plan()).toMatchObject({ changes: false });
});

test("a reboot that fails in the middle leaves it in maintenance, and the next deploy brings it back", async () => {
  await stack(["iommu=pt", "nosmt"], { immovable: "shut-down" });
  const apply = await applying((output) => output.includes("reboot issued"));
  apply.interrupt();
  expect((await apply.ended).code).toBe(1);
  await waitFor(() => reboots() === 2 && host.isUp(), 180_000);
  expect(kvm1().status).toBe("maintenance");

  const plan = await rig.plan();
  expect(flowing(plan.text)).toMatch(
    /Not everything is back on kvm1 .*kvm1 is in maintenance at engine lab, and VM workstation shut down at engine lab\./,
  );
  await rig.applyPlan();
  expect([kvm1().status, reboots(), drained()]).toEqual(["up", 2, null]);
  expect(engine.vm("workstation").status).not.toBe("down");
  expect(await rig.tf.plan()).toMatchObject({ changes: false });
});

test("Ctrl-C while the VMs leave: no reboot, and whatever had left is back after the next deploy", async () => {
  Object.assign(engine.vm("mail"), { runsOn: kvm1().id, stuck: true });
  await stack(["iommu=pt"], { immovable: "shut-down" });
  const apply = await applying(() => kvm1().status === "preparing_for_maintenance");
  apply.interrupt();
  expect((await apply.ended).code).toBe(1);
  expect(reboots()).toBe(2);

  engine.vm("mail").stuck = false;
  await rig.apply();
  expect([kvm1().status, reboots(), drained()]).toEqual(["up", 3, null]);
  expect([engine.vm("mail").status, engine.vm("workstation").status]).not.toContain("down");
  expect(await rig.tf.plan()).toMatchObject({ changes: false });
});

test("a host that its administrator has put into maintenance stays there", async () => {
  kvm1().status = "maintenance";
  Object.assign(engine.vm("workstation"), { status: "down", coming: [], runsOn: null });
  const before = engine.requests().length;
  await stack(["iommu=pt", "nosmt"]);
  expect(flowing((await rig.plan()).text)).toContain("kvm1 at engine lab is in maintenance");
  expect((await rig.applyPlan()).code).toBe(0);
  expect([kvm1().status, reboots(), drained()]).toEqual(["maintenance", 4, null]);
  expect(engine.requests()).toHaveLength(before);
});
