/**
 * Cut off at every step: the connection drops while the host goes on, or everything that ran there is killed. The next
 * plan tells the truth, the next apply finishes, and the plan after it is empty.
 */
import type { Faults } from "../../lib/embedded";
import { sh } from "../support/byHand";
import type { HandWritten, Report } from "../support/handWritten";
import { Fleet, type Member } from "../support/fleet";
import { fileOf, type Plan } from "../support/rig";

jest.setTimeout(400_000);

const cutAt = (step: number, kind: "disconnect" | "kill"): Partial<Faults> => ({
  outputs: [{ pattern: `::step ${step}\\n`, effect: { kind } }],
});

const steps = (count: number) => Array.from({ length: count }, (_, step) => step);

const errorsOf = ({ diagnostics }: Report) => diagnostics.filter(({ severity }) => severity === "error");

describe("a host's change", () => {
  interface Cut extends Member {
    readonly step: number | null;
  }
  const members: readonly Cut[] = [
    { name: "whole", profile: "proxmox-amd", step: null },
    ...steps(10).map((step) => ({ name: `cut${step}`, profile: "proxmox-amd", step })),
  ];
  const cut = members.filter(({ step }) => step !== null);
  const address = (name: string) => `passthrough_iommu_host.${name}`;
  let fleet: Fleet<Cut>;
  let stack: HandWritten;

  const declare = (values: object) =>
    stack.write(fleet.resources("passthrough_iommu_host", () => ({ owner: "team", ...values })));
  const arm = (kind: "disconnect" | "kill") => {
    for (const { name, step } of cut) if (step !== null) fleet.host(name).setFaults(cutAt(step, kind));
  };
  const asDeclared = async () => {
    fleet.clear();
    expect(errorsOf(await stack.apply())).toEqual([]);
    expect(await fleet.rig.tf.plan()).toMatchObject({ changes: false });
    const after = fleet.snapshots();
    for (const { name } of cut) expect(after[name]).toEqual(after["whole"]);
  };

  beforeAll(async () => {
    ({ fleet, stack } = await Fleet.start(members));
  });
  afterAll(() => fleet.close());

  test("whose connection is lost at any step is told with the step, and finished", async () => {
    declare({
      kernel_parameters: ["iommu=pt"],
      blacklist: ["nouveau"],
      devices: { "gpu/card": { address: "0000:01:00" } },
    });
    arm("disconnect");
    const report = await stack.apply();
    for (const { name, step } of cut) {
      const text = report.errors(address(name));
      expect(text).toContain(`Unable to configure ${name}: it was cut off`);
      // The last words of a lost connection may be lost too.
      const known = [
        ...steps((step ?? 0) + 1).map((at) => `in step ${at + 1} of 10`),
        "before any step was heard of",
      ];
      expect(
        known.map((where) => `The connection was lost ${where}: `).some((words) => text.includes(words)),
      ).toBe(true);
      expect(text).toContain("the next plan shows what is left to do");
    }
    expect(report.errors(address("whole"))).toBe("");
    await asDeclared();
  });

  test("that is killed at any step shows in the next plan what stands and what is owed, and is finished", async () => {
    declare({
      kernel_parameters: ["iommu=pt", "nosmt"],
      modules: ["i2c-dev"],
      softdeps: { nouveau: "pre: vfio-pci" },
      devices: { "gpu/card": { address: "0000:02:00" } },
    });
    arm("kill");
    const report = await stack.apply();
    fleet.clear();
    const plan = await fleet.rig.plan();
    const lost = cut.filter(({ name }) => report.errors(address(name)) !== "");
    // Guard, record, four files, the record again, two commands.
    expect(lost.length).toBeGreaterThanOrEqual(7);
    for (const { name, step } of lost) {
      const left = plan.changes[address(name)]?.before ?? null;
      // The last step may have come to its end before the kill.
      if (left === null) continue;
      const files = left["files"] as Record<string, string>;
      const table = fileOf(fleet.host(name), "/etc/cdktf-passthrough/devices") ?? "";
      expect(files["/etc/cdktf-passthrough/devices"]).toBe(table.replace(/^#.*\n/gm, ""));
      if ((step ?? 0) > 2) expect(left["pending"]).toEqual(expect.arrayContaining(["update-grub"]));
    }
    await asDeclared();
  });

  test("that takes everything out again is finished by the next destroy", async () => {
    arm("kill");
    const { code } = await fleet.rig.tf.run(["destroy", "-auto-approve", "-no-color"]);
    expect(code).toBe(1);
    fleet.clear();
    await fleet.rig.destroy();
    const after = fleet.snapshots();
    for (const { name } of members) {
      expect(after[name]).toEqual(after["whole"]);
      expect(Object.keys(after[name] ?? {}).filter((path) => path.includes("cdktf"))).toEqual([]);
    }
  });
});

describe("a binding and a VM", () => {
  interface Cut extends Member {
    readonly faults?: Partial<Faults>;
  }
  const atProgram = (program: string, after: number): Partial<Faults> => ({
    programs: [{ program, arguments: "/sys/", after, effect: { kind: "kill" } }],
  });
  const debian = (name: string, faults?: Partial<Faults>): Cut => ({
    name,
    profile: "debian-intel",
    ...(faults ? { faults } : {}),
  });
  const proxmox = (name: string, faults?: Partial<Faults>): Cut => ({
    name,
    profile: "proxmox-amd",
    ...(faults ? { faults } : {}),
  });
  const members: readonly Cut[] = [
    debian("wholeBinding"),
    ...steps(3).map((step) => debian(`bindLost${step}`, cutAt(step, "disconnect"))),
    ...[0, 1, 2, 4, 7].map((at) => debian(`bindKilled${at}`, atProgram("tee", at))),
    proxmox("wholeVm"),
    proxmox("vmLost", cutAt(0, "disconnect")),
    proxmox("vmKilled", { programs: [{ program: "qm", arguments: "^set", effect: { kind: "kill" } }] }),
    proxmox("vmRefused", {
      programs: [
        {
          program: "qm",
          arguments: "^set",
          effect: {
            kind: "fail",
            message: "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout",
            code: 25,
          },
        },
      ],
    }),
  ];
  const broken = members.filter(({ faults }) => faults !== undefined);
  const address = ({ name, profile }: Member) =>
    profile === "debian-intel" ? `passthrough_vfio_binding.${name}` : `passthrough_vm.${name}`;
  let fleet: Fleet<Cut>;
  let stack: HandWritten;
  let report: Report;
  let plan: Plan;

  const drivers = async (name: string) =>
    (
      await sh(
        fleet.host(name),
        "cd /sys/bus/pci/devices && for f in 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3 0000:02:00.0; do d=$(readlink $f/driver); echo $f=${d##*/}; done",
      )
    ).split("\n");

  beforeAll(async () => {
    ({ fleet, stack } = await Fleet.start(members));
    stack.write({
      ...fleet.resources("passthrough_vfio_binding", ({ profile }) =>
        profile === "debian-intel"
          ? {
              name: "gpu",
              live_rebind: true,
              devices: { card: { address: "0000:01:00" }, disk: { address: "0000:02:00.0" } },
            }
          : null,
      ),
      ...fleet.resources("passthrough_vm", ({ profile }) =>
        profile === "proxmox-amd"
          ? { hypervisor: "proxmox", vm_id: "100", pci: { hostpci0: { device: "0000:01:00", pcie: true } } }
          : null,
      ),
    });
    fleet.arm();
    report = await stack.apply();
    fleet.clear();
    plan = await fleet.rig.plan();
  });
  afterAll(() => fleet.close());

  test.each(broken)("$name is told", (member) => {
    const text = report.errors(address(member));
    expect(text).toMatch(/Unable to (bind gpu on|configure VM 100 on)/);
    expect(text).toContain(member.name === "vmRefused" ? "qm set 100 " : "The connection was lost");
    if (member.name === "vmRefused") expect(text).toContain("exited with 25: can't lock file");
  });

  test.each(broken.filter(({ profile }) => profile === "debian-intel"))(
    "$name: the plan knows the drivers as they are",
    async (member) => {
      const before = plan.changes[address(member)]?.before;
      const functions = (before?.["functions"] ?? {}) as Record<string, { driver: string }>;
      const told = Object.entries(functions).map(([function_, { driver }]) => `${function_}=${driver}`);
      if (before) expect(told.sort()).toEqual(await drivers(member.name));
    },
  );

  test("the next apply finishes, and the plan is empty", async () => {
    expect(errorsOf(await stack.apply())).toEqual([]);
    expect(await fleet.rig.tf.plan()).toMatchObject({ changes: false });
    for (const { name, profile } of members) {
      if (profile === "debian-intel") {
        expect((await drivers(name)).map((line) => line.split("=")[1])).toEqual(Array(5).fill("vfio-pci"));
      } else expect(await sh(fleet.host(name), "qm config 100")).toMatch(/^hostpci0: 0000:01:00,pcie=1/m);
    }
  });

  test("a release that is cut off is not forgotten, and the next destroy gives every driver back", async () => {
    for (const { name, profile } of broken) {
      if (profile === "debian-intel") fleet.host(name).setFaults(cutAt(0, "kill"));
    }
    const { code, stdout, stderr } = await fleet.rig.tf.run(["destroy", "-auto-approve", "-no-color"]);
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`.replace(/[│╷╵\s]+/g, " ")).toContain(
      "Unable to release gpu on bindLost0: it was cut off",
    );
    fleet.clear();
    await fleet.rig.destroy();
    for (const { name, profile } of members) {
      if (profile !== "debian-intel") continue;
      expect(await drivers(name)).toEqual([
        "0000:01:00.0=nouveau",
        "0000:01:00.1=snd_hda_intel",
        "0000:01:00.2=xhci_hcd",
        "0000:01:00.3=",
        "0000:02:00.0=nvme",
      ]);
    }
  });
});
