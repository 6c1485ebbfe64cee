/**
 * What goes wrong while hosts are changed. Every failure is told with the host, the step and the host's own words; the
 * next plan tells the truth, the next apply finishes, and the plan after it is empty.
 */
import type { ProgramFault } from "../../lib/embedded";
import type { HandWritten, Report } from "../support/handWritten";
import { Fleet, type Member } from "../support/fleet";
import type { Plan } from "../support/rig";

jest.setTimeout(400_000);

interface Failure extends Member {
  /** What the error has to say. */
  readonly words: readonly (string | RegExp)[];
  /** Nothing under /etc and /boot may have changed. */
  readonly untouched?: true;
}

const fails = (program: string, message: string, more: Partial<ProgramFault> = {}, code = 1) => ({
  faults: { programs: [{ program, ...more, effect: { kind: "fail", message, code } as const }] },
});
const cutsPower = (program: string, more: Partial<ProgramFault> = {}) => ({
  faults: { programs: [{ program, ...more, effect: { kind: "powerCut" } as const }] },
});

const amd = "proxmox-amd";
const full = "write error: No space left on device";
const written = [
  "/var/lib/cdktf-passthrough/record.json",
  "/etc/cdktf-passthrough/devices",
  "/etc/default/grub.d/zz-cdktf-passthrough.cfg",
  "/etc/initramfs-tools/hooks/cdktf-passthrough",
  "/etc/initramfs-tools/scripts/init-top/00-cdktf-passthrough",
  "/etc/modprobe.d/zz-cdktf-passthrough.conf",
  "/etc/modules-load.d/cdktf-passthrough.conf",
];
const again = "the next plan shows what is left to do";

describe("a host's change that fails", () => {
  const members: readonly Failure[] = [
    { name: "whole", profile: amd, words: [] },
    {
      name: "readOnlyEtc",
      profile: amd,
      faults: {
        programs: ["mkdir", "install"].map((program) => ({
          program,
          arguments: "/etc/",
          times: 9,
          effect: { kind: "fail", message: `${program}: cannot create '/etc/...': Read-only file system` },
        })),
      },
      words: ["Unable to configure readOnlyEtc", "step 3 of 10 (write)", "Read-only file system", again],
      untouched: true,
    },
    {
      name: "readOnlyState",
      profile: amd,
      ...fails("mkdir", "mkdir: cannot create directory '/var/lib/cdktf-passthrough': Read-only file system"),
      words: [
        "Unable to configure readOnlyState",
        "Unable to make the state folder",
        "Read-only file system",
      ],
      untouched: true,
    },
    ...written.map((path, at): Failure => ({
      name: `full${at}`,
      profile: amd,
      ...fails("base64", `base64: ${full}`, { arguments: "^-d$", after: at }),
      words: [
        `Unable to configure full${at}`,
        `step ${at + 2} of 10 (write): Unable to write ${path}: base64: ${full}. It is as it was.`,
        again,
      ],
      ...(at === 0 ? { untouched: true } : {}),
    })),
    {
      name: "initramfs",
      profile: amd,
      ...fails("update-initramfs", "update-initramfs: failed for /boot/initrd.img-6.8.12-4-pve with 1."),
      words: [
        "step 9 of 10 (run): update-initramfs -u -k 6.8.12-4-pve exited with 1",
        "failed for /boot/initrd.img-6.8.12-4-pve",
        again,
      ],
    },
    {
      name: "grub",
      profile: amd,
      ...fails("update-grub", "/usr/sbin/grub-probe: error: failed to get canonical path of `rpool'."),
      words: ["step 10 of 10 (run): update-grub exited with 1", "failed to get canonical path", again],
    },
    {
      name: "esp",
      profile: "proxmox-intel-systemd-boot",
      ...fails(
        "proxmox-boot-tool",
        "WARN: /dev/disk/by-uuid/4A3D-7B22 does not exist - clean '/etc/kernel/proxmox-boot-uuids'! - skipping",
        { arguments: "^refresh", times: 9 },
        0,
      ),
      words: [
        "proxmox-boot-tool exited with 0, but not every ESP was written",
        "4A3D-7B22 does not exist",
        again,
      ],
    },
    {
      name: "locked",
      profile: amd,
      ...fails("flock", ""),
      words: [
        "Unable to configure locked: another change of this host is running",
        "Another change holds the lock of this host: a backup of mine",
        "Try again when it has ended",
      ],
      untouched: true,
    },
    ...["sync", "mv", "update-initramfs", "update-grub"].map((program): Failure => ({
      name: `power-${program}`,
      profile: amd,
      ...cutsPower(program),
      words: [`Unable to configure power-${program}: it was cut off`, "The connection was lost", again],
    })),
  ];
  let fleet: Fleet<Failure>;
  let stack: HandWritten;
  let before: Record<string, Record<string, string>>;
  let failed: Record<string, Record<string, string>>;
  let report: Report;
  let plan: Plan;

  beforeAll(async () => {
    ({ fleet, stack } = await Fleet.start(members));
    const lock = "var/lib/cdktf-passthrough/lock";
    fleet.put("locked", lock, "a backup of mine (process 1, since noon)");
    before = fleet.snapshots();
    stack.write(
      fleet.resources("passthrough_iommu_host", ({ profile }) => ({
        owner: "team",
        kernel_parameters: ["iommu=pt"],
        blacklist: ["nouveau"],
        devices: { "gpu/card": { address: profile === amd ? "0000:01:00" : "0000:03:00" } },
      })),
    );
    fleet.arm();
    report = await stack.apply();
    fleet.clear();
    await fleet.allUp();
    failed = fleet.snapshots();
    plan = await fleet.rig.plan();
  });
  afterAll(() => fleet.close());

  const broken = members.filter(({ faults }) => faults !== undefined);

  test.each(broken)("$name is told", ({ name, words }) => {
    const text = report.errors(`passthrough_iommu_host.${name}`);
    for (const word of words) {
      if (typeof word === "string") expect(text).toContain(word);
      else expect(text).toMatch(word);
    }
  });

  test.each(broken)("$name: the next plan shows what is left", ({ name, untouched }) => {
    if (untouched) expect(failed[name]).toEqual(before[name]);
    expect(plan.changes[`passthrough_iommu_host.${name}`]).toBeDefined();
  });

  test("what did not fail is done", () => {
    expect(report.errors("passthrough_iommu_host.whole")).toBe("");
    expect(plan.changes["passthrough_iommu_host.whole"]).toBeUndefined();
  });

  test("the next apply finishes, every host is as declared, and the plan is empty", async () => {
    const finished = await stack.apply();
    expect(finished.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(await fleet.rig.tf.plan()).toMatchObject({ changes: false });
    const after = fleet.snapshots();
    for (const { name, profile } of members) if (profile === amd) expect(after[name]).toEqual(after["whole"]);
  });
});
