/** Hosts that do not come back or belong to somebody else, applies that meet each other, drivers that refuse. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughProvider } from "../../lib";
import type { EmbeddedHost, Faults } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { Fleet, type Member } from "../support/fleet";
import { HandWritten, reportOf, type Report } from "../support/handWritten";
import { connect, fileOf, flowing, Rig } from "../support/rig";

jest.setTimeout(400_000);

const record = "/var/lib/cdktf-passthrough/record.json";
const errorsOf = ({ diagnostics }: Report) => diagnostics.filter(({ severity }) => severity === "error");

describe("after the reboot", () => {
  const rig = new Rig();
  const hosts: Record<"never" | "late", EmbeddedHost | null> = { never: null, late: null };
  const host = (name: keyof typeof hosts): EmbeddedHost => {
    const found = hosts[name];
    if (!found) throw new Error(`There is no host ${name}.`);
    return found;
  };
  const declared = (stack: TerraformStack): void => {
    new PassthroughProvider(stack, "passthrough", { rolling: false });
    const kernelParameters = ["iommu=pt"];
    const patience = { never: 0.1, late: 2 };
    for (const name of ["never", "late"] as const) {
      const connection = connect(host(name));
      new IommuHost(stack, name, { connection, kernelParameters, rebootTimeout: patience[name] });
    }
  };
  let output: string;

  beforeAll(async () => {
    hosts.never = await rig.host("proxmox-amd", "never");
    hosts.late = await rig.host("debian-intel", "late");
    host("never").setFaults({ nextBoot: { never: true } });
    host("late").setFaults({ nextBoot: { delay: 8 } });
    await rig.stack(declared);
    output = await rig.refusal("apply", "-auto-approve");
  });
  afterAll(() => rig.close());

  test("a host that never comes back is told after its time, with what to do", () => {
    expect(output).toContain("never did not come back within 6 s. Look at its console.");
    expect(output).toContain("it will not be rebooted twice for this");
    expect(host("never").isUp()).toBe(false);
  });

  test("a host that comes back late is waited for and proven", () => {
    expect(output).toMatch(/late: is down, waiting for SSH/);
    expect(output).toMatch(/late: proven/);
  });

  test("as long as it is down, the plan says so", async () => {
    const refusal = await rig.refusal("plan");
    expect(refusal).toContain("Unable to connect to never (root@127.0.0.1:");
    expect(refusal).toContain("is sshd running, is `port` right?");
  });

  test("somebody switches it on again: the next apply proves it and does not reboot it", async () => {
    await host("never").reboot();
    host("never").resetCounters();
    expect(flowing(await rig.apply())).toContain("never: proven");
    expect(host("never").counters().reboots).toBe(0);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});

describe("two applies of one host", () => {
  const one = new Rig();
  const other = new Rig();
  let host: EmbeddedHost;
  let stacks: HandWritten[];
  const declare = (parameters: readonly string[]) => ({
    passthrough_iommu_host: { pve1: { host: "pve1", owner: "team", kernel_parameters: parameters } },
  });

  beforeAll(async () => {
    host = await one.host("proxmox-amd");
    stacks = [];
    for (const rig of [one, other]) stacks.push(await HandWritten.over(rig, { pve1: connect(host) }));
  });
  afterAll(async () => {
    await one.close();
    await other.close();
  });

  test("with states of their own end in the same place, or one is told of the other", async () => {
    const reports = await Promise.all(stacks.map((stack) => stack.write(declare(["iommu=pt"])).apply()));
    for (const { text } of reports.flatMap(errorsOf))
      expect(text).toMatch(/another change of this host is running|changed since the plan/);
    for (const stack of stacks) {
      expect(errorsOf(await stack.apply())).toEqual([]);
      expect(await stack.rig.tf.plan()).toMatchObject({ changes: false });
    }
  });

  test("a change waits for the lock that somebody holds", async () => {
    const ended: string[] = [];
    const holder = sh(host, "flock /var/lib/cdktf-passthrough/lock sleep 5").then(() => ended.push("holder"));
    await sh(host, "until ! flock -n /var/lib/cdktf-passthrough/lock true; do sleep 0.05; done");
    const [stack] = stacks;
    const report = await stack?.write(declare(["iommu=pt", "nosmt"])).apply();
    ended.push("apply");
    await holder;
    expect(report && errorsOf(report)).toEqual([]);
    expect(ended).toEqual(["holder", "apply"]);
  });
});

describe("a host's record, and drivers that refuse", () => {
  interface Case extends Member {
    readonly of: "host" | "binding" | "vm";
    readonly faults?: Partial<Faults>;
  }
  const refuses = (what: string, message: string): Partial<Faults> => ({
    programs: [{ program: "tee", arguments: what, effect: { kind: "fail", message } }],
  });
  const members: readonly Case[] = [
    { name: "garbled", profile: "proxmox-amd", of: "host" },
    { name: "forgetful", profile: "proxmox-amd", of: "host" },
    { name: "steady", profile: "proxmox-amd", of: "host" },
    {
      name: "holds",
      profile: "debian-intel",
      of: "binding",
      faults: refuses("drivers/nvme/unbind", "tee: unbind: Device or resource busy"),
    },
    {
      name: "takesNone",
      profile: "debian-intel",
      of: "binding",
      faults: refuses("drivers_probe", "tee: drivers_probe: Invalid argument"),
    },
    { name: "lockedVm", profile: "proxmox-amd", of: "vm" },
  ];
  let fleet: Fleet<Case>;
  let stack: HandWritten;
  let report: Report;

  const hostResources = (owner: string) =>
    fleet.resources("passthrough_iommu_host", ({ of }) =>
      of === "host" ? { owner, kernel_parameters: ["iommu=pt"], blacklist: ["nouveau"] } : null,
    );
  const driver = (name: string) => sh(fleet.host(name), "readlink /sys/bus/pci/devices/0000:02:00.0/driver");

  beforeAll(async () => {
    ({ fleet, stack } = await Fleet.start(members));
    stack.write({
      ...hostResources("team"),
      ...fleet.resources("passthrough_vfio_binding", ({ of }) =>
        of === "binding" ? { name: "disk", devices: { disk: { address: "0000:02:00.0" } } } : null,
      ),
      ...fleet.resources("passthrough_vm", ({ of }) =>
        of === "vm"
          ? { hypervisor: "proxmox", vm_id: "102", pci: { hostpci0: { device: "0000:01:00" } } }
          : null,
      ),
    });
    fleet.arm();
    report = await stack.apply();
    fleet.clear();
  });
  afterAll(() => fleet.close());

  test("a driver that does not let go keeps its device, and says why", async () => {
    const text = report.errors("passthrough_vfio_binding.holds");
    expect(text).toContain("Unable to bind disk on holds: the host said no: holds, step 2 of 2 (bind)");
    expect(text).toContain("nvme does not let go of it: tee: unbind: Device or resource busy");
    expect(text).toContain("Put back: 0000:02:00.0 is on nvme.");
    expect(await driver("holds")).toMatch(/\/nvme$/);
  });

  test("a device that vfio-pci does not take goes back to its driver", async () => {
    const text = report.errors("passthrough_vfio_binding.takesNone");
    expect(text).toContain("tee: drivers_probe: Invalid argument. Put back: 0000:02:00.0 is on nvme.");
    expect(await driver("takesNone")).toMatch(/\/nvme$/);
  });

  test("a locked VM is refused by the apply and stays as it was", async () => {
    const text = report.errors("passthrough_vm.lockedVm");
    expect(text).toContain("VM 102 (storage) on lockedVm is locked (backup)");
    expect(text).toContain("qm unlock 102");
    expect(await sh(fleet.host("lockedVm"), "qm config 102")).not.toContain("hostpci");
  });

  test("once what refused is gone, the next apply finishes", async () => {
    await sh(fleet.host("lockedVm"), "qm unlock 102");
    expect(errorsOf(await stack.apply())).toEqual([]);
    expect(await fleet.rig.tf.plan()).toMatchObject({ changes: false });
    expect(await driver("holds")).toMatch(/\/vfio-pci$/);
    expect(await driver("takesNone")).toMatch(/\/vfio-pci$/);
  });

  test("a second owner is refused, with the first one's name, and nothing is touched", async () => {
    const before = fleet.snapshots();
    const rival = new Rig();
    const rivals = await HandWritten.over(rival, { pve1: connect(fleet.host("steady")) });
    rivals.write({ passthrough_iommu_host: { pve1: { host: "pve1", owner: "others", iommu: true } } });
    const text = (await rivals.apply()).errors("passthrough_iommu_host.pve1");
    expect(text).toContain("pve1 belongs to another declaration: team configures this host already.");
    expect(text).toContain("Destroy it there first, or give both the same `owner`");
    expect(fleet.snapshots()["steady"]).toEqual(before["steady"]);
    await rival.close();
  });

  test("a record that somebody garbled is a warning for its host and no matter for the others", async () => {
    fleet.put("garbled", record, '{"version": 1}');
    const planned = await stack.plan();
    expect(errorsOf(planned)).toEqual([]);
    expect(planned.warnings("passthrough_iommu_host.garbled")).toContain(
      "record.json on the host lacks owner",
    );
    expect(planned.warnings("passthrough_iommu_host.garbled")).toContain(
      "/var/lib/cdktf-passthrough/preimages",
    );
    expect(planned.warnings("passthrough_iommu_host.steady")).not.toContain("record");
  });

  test("nothing is taken away by a record that cannot be read; the state knows our lines where it is gone", async () => {
    await sh(fleet.host("forgetful"), `rm ${record}`);
    const run = await fleet.rig.tf.run(["destroy", "-auto-approve", "-json"]);
    expect(run.code).toBe(1);
    expect(reportOf(run).diagnostics.filter(({ severity }) => severity === "error")).toMatchObject([
      { text: expect.stringContaining("record.json on the host lacks owner") },
    ]);
    expect(fileOf(fleet.host("garbled"), "/etc/modprobe.d/zz-cdktf-passthrough.conf")).toContain(
      "blacklist nouveau",
    );

    await sh(fleet.host("garbled"), `rm ${record}`);
    await fleet.rig.destroy();
    for (const name of ["garbled", "forgetful", "steady"]) {
      const files = Object.keys(fleet.snapshots()[name] ?? {});
      expect(files.filter((path) => path.includes("cdktf"))).toEqual([]);
    }
  });
});
