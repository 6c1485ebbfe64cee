/** A host of OpenNebula is disabled before its reboot and enabled after the proof, with real Terraform. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { IommuHost, OpenNebula, type BeforeReboot, type OpenNebulaHostOptions } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, flowing, Rig } from "../support/rig";

jest.setTimeout(360_000);

let rig: Rig;
let node: EmbeddedHost;
let one: EmbeddedHost;

interface Row {
  id: number;
  state: string;
  host: number | null;
}
const database = () => join(one.root, "var/lib/one/one.db.json");
const read = () => JSON.parse(readFileSync(database(), "utf8")) as { hosts: Row[]; vms: Row[] };
/** Where each VM is, and the state of each host. */
function cloud(): string[] {
  const { hosts, vms } = read();
  return [
    ...hosts.map(({ id, state }) => `node${id + 1} ${state}`),
    ...vms.map(({ id, state, host }) => `VM ${id} ${state} on node${(host ?? 0) + 1}`),
  ];
}
function change(edit: (all: { hosts: Row[]; vms: Row[] }) => void): void {
  const all = read();
  edit(all);
  writeFileSync(database(), JSON.stringify(all));
}

beforeAll(async () => {
  rig = new Rig();
  node = await rig.host("debian-intel", "node");
  one = await rig.host("opennebula-frontend", "one");
  // On node2 runs VM 43 with a device of it, and now VM 42 without one.
  change(({ vms }) =>
    vms.filter(({ id }) => id === 42).forEach((vm) => Object.assign(vm, { host: 1, state: "RUNNING" })),
  );
});
afterAll(() => rig.close());

const stack = (
  kernelParameters: readonly string[],
  before: Omit<BeforeReboot, "managedBy"> = {},
  options: OpenNebulaHostOptions = {},
) =>
  rig.stack((stack: TerraformStack) => {
    const frontEnd = new OpenNebula(stack, "one", { connection: connect(one) });
    new IommuHost(stack, "node2", {
      connection: connect(node),
      kernelParameters,
      beforeReboot: { managedBy: OpenNebula.host(frontEnd, "node2", options), ...before },
    });
  });
const drained = () => fileOf(node, "var/lib/cdktf-passthrough/drain.json");
const reboots = () => node.counters().reboots;

test("a VM that cannot leave is refused at plan", async () => {
  const before = cloud();
  await stack(["iommu=pt"]);
  expect(await rig.refusal("plan")).toMatch(
    /node2 cannot leave service for its reboot .*VM 43 \(router\) cannot move: it has PCI devices of node2/,
  );
  expect([cloud(), reboots()]).toEqual([before, 0]);
});

test("disabled and flushed before the reboot, enabled after the proof", async () => {
  await stack(["iommu=pt"], { immovable: "shut-down" });
  const plan = await rig.plan();
  expect(flowing(plan.text)).toMatch(
    /The reboot of node2 disables node2 at OpenNebula one .*To other hosts move: VM 42 \(workstation\)\. Powered off, and resumed after it: VM 43 \(router\)\./,
  );
  const { code, stdout, stderr } = await rig.applyPlan();
  expect([code, stderr]).toEqual([0, ""]);
  const lines = stdout
    .split("\n")
    .flatMap((line) => /\(local-exec\): (?:node2: )?(.*)/.exec(line)?.[1] ?? []);
  expect(
    lines.filter((line) => /OpenNebula one|issued|proven/.test(line) && !line.startsWith("waits")),
  ).toEqual([
    "node2 at OpenNebula one is disabled, VM 42 (workstation) to other hosts, VM 43 (router) powers off",
    "reboot issued, waiting for it to come back",
    expect.stringMatching(/^proven: /),
    "node2 at OpenNebula one is enabled",
    "VM 43 (router) of OpenNebula one starts",
  ]);
  expect(cloud()).toEqual([
    "node1 MONITORED",
    "node2 MONITORED",
    "VM 42 RUNNING on node1",
    "VM 43 RUNNING on node2",
  ]);
  expect([drained(), reboots()]).toEqual([null, 1]);
  expect(await rig.tf.plan()).toMatchObject({ changes: false });
});

test("a proof that fails leaves it disabled, and the deploy that proves it brings it back", async () => {
  await stack(["iommu=pt", "nosmt"], { immovable: "shut-down" });
  node.setFaults({ nextBoot: { ignoredParameters: ["nosmt"] } });
  expect(await rig.refusal("apply", "-auto-approve")).toMatch(
    /Not everything is back on node2: - node2 is disabled at OpenNebula one, and VM 43 \(router\) shut down at OpenNebula one, and stays so until the host is proven/,
  );
  expect(cloud()).toEqual([
    "node1 MONITORED",
    "node2 DISABLED",
    "VM 42 RUNNING on node1",
    "VM 43 POWEROFF on node2",
  ]);
  // Somebody mends it.
  await node.reboot();
  await rig.apply();
  expect(cloud()).toContain("node2 MONITORED");
  expect(cloud()).toContain("VM 43 RUNNING on node2");
  expect(drained()).toBeNull();
});

test("one that its administrator has disabled stays disabled, and its VMs still leave", async () => {
  await sh(one, "onehost disable node2");
  await stack(["iommu=pt"], { immovable: "shut-down" }, { flush: false });
  expect(flowing((await rig.plan()).text)).toContain("node2 at OpenNebula one is disabled");
  expect((await rig.applyPlan()).code).toBe(0);
  expect(cloud()).toContain("node2 DISABLED");
  expect(cloud()).toContain("VM 43 RUNNING on node2");
  expect(drained()).toBeNull();
});
