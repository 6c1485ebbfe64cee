import type { BootDeclaration } from "../../lib/model/bootConfiguration";
import type { Step } from "../../lib/model/change";
import type { GrubMenu, HostFacts } from "../../lib/model/facts";
import { commitSteps, configurationSteps, decideHost, removalSteps } from "../../lib/model/hostDecision";
import { observe } from "../../lib/model/observation";
import { paths } from "../../lib/model/paths";
import { proofProblems } from "../../lib/model/reboot";
import { parseRecord, type HostRecord } from "../../lib/model/record";
import { nextBootSteps } from "../../lib/model/trial/steps";
import { bootDeclaration } from "../support/declaration";
import { hostFacts, pciDevice } from "../support/facts";

const kernel = "6.1.0-18-amd64";
/** As update-grub of Debian 12 writes it. */
const entry = `menuentry 'Debian GNU/Linux' --class debian --class gnu-linux --unrestricted $menuentry_id_option 'gnulinux-simple-1234' {
	load_video
	insmod gzio
	if [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
	insmod part_gpt
	search --no-floppy --fs-uuid --set=root 1234
	echo	'Loading Linux ${kernel} ...'
	linux	/boot/vmlinuz-${kernel} root=UUID=1234 ro  quiet
	echo	'Loading initial ramdisk ...'
	initrd	/boot/intel-ucode.img /boot/initrd.img-${kernel}
}
`;
const menu: GrubMenu = {
  fileSystem: "ext4",
  device: "/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1",
  obeysNextEntry: true,
  startsSaved: false,
  readsCustom: true,
  foreignCustom: false,
  entries: { [`/boot/vmlinuz-${kernel}`]: entry },
};
const plain = hostFacts();

function withMenu(changed: Partial<GrubMenu> = {}, facts: HostFacts = plain): HostFacts {
  return { ...facts, bootEvidence: { ...facts.bootEvidence, grubMenu: { ...menu, ...changed } } };
}

const host = withMenu();
const trial = (declared: Partial<BootDeclaration> = {}) => bootDeclaration({ trialBoot: true, ...declared });
const decide = (declared: BootDeclaration, facts: HostFacts) => decideHost(declared, {}, observe(facts));
const owner = { owner: "project/deb1", allowCritical: [] };

/** The host after these steps, as the next probe reads it; files only. */
function applied(facts: HostFacts, steps: readonly Step[]): HostFacts {
  const files: Record<string, string> = { ...facts.files };
  let { record } = facts;
  for (const step of steps) {
    if (step.step !== "write" && step.step !== "remove") continue;
    if (step.path === paths.record) record = step.step === "write" ? step.content : null;
    else if (step.step === "write") files[step.path] = step.content;
    else delete files[step.path];
  }
  return { ...facts, files, record };
}
const configured = (declared: BootDeclaration, facts: HostFacts) =>
  applied(facts, configurationSteps(decide(declared, facts), observe(facts), owner));
const recordOf = (facts: HostFacts): HostRecord => parseRecord(facts.record) as HostRecord;

/** After the event's own reboot, into what this command line tells. */
function attempted(facts: HostFacts, commandLine: string): HostFacts {
  const record = recordOf(facts);
  const attempt = { digest: record.digest, bootId: facts.bootId };
  return {
    ...facts,
    bootId: "boot-2",
    kernel: { ...facts.kernel, commandLine },
    record: JSON.stringify({ ...record, attempt, proven: null }),
  };
}
const entryLine = (facts: HostFacts): string =>
  /^\tlinux\t\S+ (.*)$/m.exec(facts.files[paths.grubCustom] ?? "")?.[1] ?? "";
const off = plain.kernel.commandLine;

describe("a trial's entry", () => {
  test("is the default's, with its own name, command line and image", () => {
    const { files, trial: planned } = decide(trial({ kernelParameters: ["iommu=pt"] }), host);
    expect(planned?.kernel).toBe(kernel);
    expect(files[paths.grubCustom]).toBe(
      entry
        .replace("'Debian GNU/Linux'", "'cdktf-passthrough: trial boot'")
        .replace("$menuentry_id_option 'gnulinux-simple-1234'", "--id cdktf-passthrough-trial")
        .replace("ro  quiet", `ro  quiet intel_iommu=on iommu=pt panic=30 ${planned?.tag ?? ""}`)
        .replace(`/boot/initrd.img-${kernel}`, "/boot/cdktf-passthrough/trial.img"),
    );
  });

  test("names its image as GRUB sees it, with /boot on a partition of its own", () => {
    const entries = { [`/vmlinuz-${kernel}`]: entry.replaceAll("/boot/", "/") };
    expect(decide(trial(), withMenu({ entries })).files[paths.grubCustom]).toContain(
      "initrd\t/intel-ucode.img /cdktf-passthrough/trial.img\n",
    );
  });

  test.each([
    [{ trialPanicSeconds: 5 }, / panic=5 /],
    [{ trialPanicSeconds: 0 }, /intel_iommu=on cdktf_passthrough/],
    [{ kernelParameters: ["panic=-1"] }, /panic=-1 cdktf_passthrough/],
  ])("%j says %s", (declared, form) => {
    expect(decide(trial(declared), host).files[paths.grubCustom]).toMatch(form);
  });

  test("keeps hostile words as they are, and stands before what is for init", () => {
    const entries = { [`/boot/vmlinuz-${kernel}`]: entry.replace("ro  quiet", 'ro name="a b;c" -- single') };
    const { files } = decide(trial({ kernelParameters: ['dyndbg="file x +p"'] }), withMenu({ entries }));
    expect(files[paths.grubCustom]).toMatch(
      /ro name="a b;c" intel_iommu=on dyndbg="file x \+p" panic=30 cdktf_passthrough\.trial=\w{12} -- single\n/,
    );
  });
});

describe("a trial is refused", () => {
  const cannot = /^deb1 cannot make a trial boot: .*leave `trialBoot` out\.$/;
  test.each<[string, HostFacts, RegExp]>([
    ["on LVM", withMenu({ device: "/sys/devices/virtual/block/dm-0" }), /on LVM, RAID/],
    ["on a file system without a device", withMenu({ device: "" }), /on LVM, RAID/],
    ["on ZFS", withMenu({ fileSystem: "zfs" }), /\/boot\/grub is on zfs: GRUB cannot write/],
    ["on btrfs", withMenu({ fileSystem: "btrfs" }), /\/boot\/grub is on btrfs/],
    ["without a menu", plain, /no menu in \/boot\/grub/],
    ["where the menu forgets nothing", withMenu({ obeysNextEntry: false }), /does not obey next_entry/],
    ["where custom.cfg is not read", withMenu({ readsCustom: false }), /does not read custom\.cfg/],
    ["where custom.cfg is somebody else's", withMenu({ foreignCustom: true }), /is somebody else's/],
    ["without the kernel's entry", withMenu({ entries: {} }), /no entry for 6\.1\.0-18-amd64/],
    [
      "without the entry's initramfs",
      withMenu({ entries: { [`/boot/vmlinuz-${kernel}`]: entry.replace(/\tinitrd.*\n/, "") } }),
      /loads no initrd\.img/,
    ],
    [
      "with mkinitcpio",
      { ...host, initramfsTools: ["mkinitcpio"] },
      /a second image is not made with mkinitcpio yet, but with initramfs-tools and dracut/,
    ],
    [
      "with proxmox-boot-tool",
      {
        ...host,
        bootLoaders: {
          updateGrub: true,
          proxmoxBootTool: true,
          proxmoxBootUuids: ["8357-FBD5"],
          espModes: {},
        },
      },
      /cleared by the booted system, so that a boot that hangs would repeat/,
    ],
    [
      "where it cannot be told what boots",
      { ...host, kernel: { ...host.kernel, next: null } },
      /which kernel/,
    ],
  ])("%s", (_where, facts, words) => {
    expect(() => decide(trial(), facts)).toThrow(words);
    expect(() => decide(trial(), facts)).toThrow(cannot);
  });

  test("also while nothing has to boot, so that nobody counts on it", () => {
    expect(() => decide(trial({ iommu: false }), withMenu({ fileSystem: "xfs" }))).toThrow(cannot);
  });

  test("where what it would fall back on has never booted", () => {
    const unbooted = configured(bootDeclaration({ kernelParameters: ["quiet=1"] }), host);
    expect(() => decide(trial(), unbooted)).toThrow(
      /has never booted, so there is nothing proven to fall back on/,
    );
  });
});

describe("the life of a trial", () => {
  const declared = trial({ blacklist: ["nouveau"], softdeps: { nouveau: "pre: vfio-pci" } });
  const tried = configured(declared, host);

  test("writes its own files alone, the entry behind the image", () => {
    const steps = configurationSteps(decide(declared, host), observe(host), owner);
    const kinds = steps.map((step) => ("path" in step ? step.path : step.step));
    expect(kinds.filter((kind) => kind.startsWith("/"))).toEqual(
      expect.arrayContaining([paths.record, paths.grubCustom, paths.trialModprobe, paths.trialHook]),
    );
    expect(kinds.filter((kind) => /^\/etc\/(default|modprobe|modules|initramfs)/.test(kind))).toEqual([]);
    expect(kinds).not.toContain("run");
    expect(kinds.indexOf("trial-image")).toBeLessThan(kinds.indexOf(paths.grubCustom));
    expect(tried.files[paths.trialModprobe]).toContain("softdep nouveau pre: vfio-pci");
  });

  test("plans the same again until the reboot, and is still due", () => {
    const again = decide(declared, tried);
    expect(again.writes).toEqual([]);
    expect(again.reboot).toEqual({ required: true, reason: "the running kernel lacks intel_iommu=on" });
    expect(nextBootSteps(recordOf(tried))).toEqual([
      expect.objectContaining({ step: "trial-next", loader: "grub", entry: paths.grubCustom }),
    ]);
  });

  test("becomes the default by the event, once it runs and is proven", () => {
    const runs = attempted(tried, entryLine(tried));
    expect(proofProblems(recordOf(runs).boot, observe(runs), recordOf(runs), true)).toEqual([]);
    const committed = applied(runs, commitSteps(recordOf(runs), observe(runs)));
    expect(committed.files[paths.grubDropIn]).toContain("intel_iommu=on");
    expect(committed.files[paths.modprobe]).toContain("blacklist nouveau");
    expect(Object.keys(committed.files).filter((path) => /trial|custom/.test(path))).toEqual([]);
    expect(recordOf(committed)).toMatchObject({ attempt: null, proven: { bootId: "boot-2" } });
    expect(recordOf(committed).trial).toBeUndefined();
    const after = decide(declared, committed);
    expect(after).toMatchObject({ writes: [], trial: null, reboot: { required: false, reason: "" } });
  });

  test("becomes the default by the next apply, where the event was cut off", () => {
    const runs = attempted(tried, entryLine(tried));
    const { files, reboot } = decide(declared, runs);
    expect(reboot).toEqual({ required: false, reason: "" });
    expect(files[paths.grubDropIn]).toContain("intel_iommu=on");
    expect(recordOf(configured(declared, runs))).toMatchObject({
      attempt: null,
      proven: { bootId: "boot-2" },
    });
  });

  test("that failed is blocked, and changes nothing", () => {
    const failed = attempted(tried, off);
    const { reboot, writes, trial: still } = decide(declared, failed);
    expect(reboot).toEqual({
      required: false,
      reason:
        "blocked: the trial boot failed, and what booted before is still the default: the running kernel lacks intel_iommu=on",
    });
    expect(writes).toEqual([]);
    expect(still).not.toBeNull();
    expect(proofProblems(recordOf(failed).boot, observe(failed), recordOf(failed), true)[0]).toContain(
      "the trial boot failed",
    );
  });

  test("that failed is blocked also where only the tag tells it from the default", () => {
    const running = { ...host, kernel: { ...host.kernel, commandLine: `${off} intel_iommu=on` } };
    const hidden = trial({ modprobeOptions: { kvm: "x=1" } });
    const loaded = { ...running, modules: { kvm: {} } };
    const first = configured(bootDeclaration(), loaded);
    const failed = attempted(configured(hidden, first), running.kernel.commandLine);
    expect(decide(hidden, failed).reboot.reason).toMatch(
      /^blocked: the trial boot failed, .*: kvm was loaded before x=1 was written$/,
    );
  });

  test("that came up unproven is blocked, and stays out of the default", () => {
    const card = pciDevice({ address: "0000:05:00.0", class: "020000", driver: "igb", iommuGroup: "5" });
    const withCard = { ...host, devices: [card] };
    const bound = trial({ devices: { "nic/nic": { address: "0000:05:00.0" } } });
    const before = configured(bound, withCard);
    const runs = attempted(before, entryLine(before));
    const { reboot, files } = decide(bound, runs);
    expect(reboot.reason).toMatch(/^blocked: still so in the trial boot for it, .*held by igb, not vfio-pci/);
    expect(files[paths.grubDropIn]).toBeUndefined();
  });

  test("that failed ends with another declaration, which is tried on its own", () => {
    const failed = attempted(tried, off);
    const next = decide(trial({ kernelParameters: ["iommu=pt"] }), failed);
    expect(next.reboot.required).toBe(true);
    expect(next.files[paths.grubCustom]).toContain("iommu=pt");
    expect(next.files[paths.trialModprobe]).toBeUndefined();
  });

  test("that failed is no reason against an ordinary reboot, once no trial is asked for", () => {
    const failed = attempted(tried, off);
    const { reboot, files } = decide({ ...declared, trialBoot: false }, failed);
    expect(reboot.required).toBe(true);
    expect(files[paths.grubDropIn]).toContain("intel_iommu=on");
    expect(files[paths.grubCustom]).toBeUndefined();
  });

  test("leaves nothing behind with a destroy", () => {
    const steps = removalSteps(recordOf(tried), decide(declared, tried).platform, observe(tried));
    expect(steps).toContainEqual(expect.objectContaining({ step: "trial-end" }));
    expect(applied(tried, steps).files).toEqual(host.files);
  });

  test("takes parameters that leave the declaration out of its command line", () => {
    const first = configured(bootDeclaration({ kernelParameters: ["iommu=pt"] }), host);
    const proven = {
      ...attempted(first, `${off} intel_iommu=on iommu=pt`),
      record: JSON.stringify({
        ...recordOf(first),
        proven: { digest: recordOf(first).digest, bootId: "boot-2" },
      }),
    };
    const entries = {
      [`/boot/vmlinuz-${kernel}`]: entry.replace("ro  quiet", "ro  quiet intel_iommu=on iommu=pt"),
    };
    const { files, reboot } = decide(trial(), withMenu({ entries }, proven));
    expect(reboot.reason).toBe("the running kernel still has iommu=pt");
    expect(files[paths.grubCustom]).toMatch(/quiet intel_iommu=on panic=30/);
    expect(files[paths.grubDropIn]).toContain("iommu=pt");
  });
});
