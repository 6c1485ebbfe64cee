import { bootDigest, type BootDeclaration } from "../../lib/model/bootConfiguration";
import type { Step } from "../../lib/model/change";
import type { HostFacts } from "../../lib/model/facts";
import { configurationSteps, decideHost, removalSteps } from "../../lib/model/hostDecision";
import { observe } from "../../lib/model/observation";
import { observedFiles } from "../../lib/model/ownedFiles";
import { paths } from "../../lib/model/paths";
import { parseRecord } from "../../lib/model/record";
import { hostFacts, pciDevice } from "../support/facts";

const nothing: BootDeclaration = {
  iommu: true,
  kernelParameters: [],
  modules: [],
  modprobeOptions: {},
  blacklist: [],
  softdeps: {},
  devices: {},
  allowUnsafeInterrupts: false,
  vfioModules: true,
};

const owner = { owner: "project/deb1", allowCritical: [] };

const gpu = [
  pciDevice({ address: "0000:01:00.0", driver: "nouveau" }),
  pciDevice({
    address: "0000:01:00.1",
    device: "1aef",
    class: "040300",
    driver: "snd_hda_intel",
    name: "GA102 audio",
  }),
];

function decide(declared: Partial<BootDeclaration>, facts: HostFacts) {
  return decideHost({ ...nothing, ...declared }, {}, observe(facts));
}

/** The host after these steps, as the next probe reads it; files only. */
function applied(facts: HostFacts, steps: readonly Step[]): HostFacts {
  const files: Record<string, string> = { ...facts.files };
  let record = facts.record;
  for (const step of steps) {
    if (step.step !== "write" && step.step !== "remove") continue;
    if (step.path === paths.record) record = step.step === "write" ? step.content : null;
    else if (step.step === "write") files[step.path] = step.content;
    else delete files[step.path];
  }
  return { ...facts, files, record };
}

function configured(declared: Partial<BootDeclaration>, facts: HostFacts): HostFacts {
  return applied(facts, configurationSteps(decide(declared, facts), observe(facts), owner));
}

function rebooted(facts: HostFacts, commandLine: string, bootId = "boot-2"): HostFacts {
  return { ...facts, bootId, kernel: { ...facts.kernel, commandLine } };
}

const commands = (steps: readonly Step[]) =>
  steps.flatMap((step) => (step.step === "run" ? [step.command.join(" ")] : []));

describe("what stands where", () => {
  test("vfioModules: false leaves the modules of vfio to who needs them", () => {
    const { files } = decide({ vfioModules: false, modules: ["vfio_mdev"] }, hostFacts());
    expect(files[paths.modulesLoad]).toBe("vfio_mdev\n");
  });

  test("Debian with GRUB: a drop-in, modules, and the table of devices to hold from boot on", () => {
    const { files } = decide(
      { kernelParameters: ["iommu=pt"], devices: { "gpu/card": { address: "0000:01:00" } } },
      hostFacts({ devices: gpu }),
    );
    expect(files[paths.grubDropIn]).toBe(
      'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on iommu=pt"\n',
    );
    expect(files[paths.modulesLoad]).toBe("vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n");
    expect(files[paths.bootTable]).toBe(
      "0000:00/01.0/00.0 10de:2204 1043:87b3\n0000:00/01.0/00.1 10de:1aef 1043:87b3\n",
    );
    expect(files[paths.modprobe]).toBeUndefined();
  });

  test("proxmox-boot-tool with systemd-boot: our parameters among others' in one line", () => {
    const facts = hostFacts({
      bootLoaders: {
        updateGrub: true,
        proxmoxBootTool: true,
        proxmoxBootUuids: ["A1"],
        espModes: { A1: "uefi" },
      },
      files: { [paths.kernelCommandLine]: "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n" },
    });
    const after = configured({ kernelParameters: ["iommu=pt"] }, facts);
    expect(after.files[paths.kernelCommandLine]).toBe(
      "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on iommu=pt\n",
    );
  });

  test("a missing /etc/kernel/cmdline is never made up: it would boot without root=", () => {
    const facts = hostFacts({
      bootLoaders: {
        updateGrub: true,
        proxmoxBootTool: true,
        proxmoxBootUuids: ["A1"],
        espModes: { A1: "uefi" },
      },
    });
    expect(() => configured({}, facts)).toThrow("/etc/kernel/cmdline is missing or empty");
  });

  test("AMD needs no parameter", () => {
    const facts = hostFacts({
      cpu: { vendor: "amd", virtualization: true },
      firmware: { efi: true, iommuTable: "IVRS", product: "" },
    });
    expect(decide({}, facts).boot.parameters).toEqual([]);
  });

  test("vfio_virqfd only where the kernel still has it", () => {
    const at = (release: string) =>
      decide(
        {},
        hostFacts({ kernel: { release, commandLine: "", next: release, installed: [release] } }),
      ).boot.modules.includes("vfio_virqfd");
    expect([at("5.15.0-1"), at("6.1.0-18-amd64"), at("6.2.16-3-pve"), at("6.8.4")]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("what others wrote to the same effect is not written again", () => {
    const facts = hostFacts({
      devices: gpu,
      grubForeign: { linux: "", linuxDefault: "quiet intel_iommu=on,sm_on iommu=pt" },
      files: {
        "/etc/modules": "vfio\nvfio_iommu_type1\nvfio-pci\nvfio_virqfd\n",
        "/etc/modprobe.d/vfio.conf": "options vfio-pci ids=10de:2204,10de:1aef disable_vga=1\n",
      },
    });
    expect(
      decide({ kernelParameters: ["iommu=pt"], devices: { "gpu/card": { address: "0000:01:00" } } }, facts)
        .files,
    ).toEqual({});
  });

  test("others' ids line holds nothing where vfio-pci is built into the kernel", () => {
    const facts = hostFacts({
      devices: gpu,
      builtinModules: ["vfio_pci"],
      files: { "/etc/modprobe.d/vfio.conf": "options vfio-pci ids=10de:2204,10de:1aef\n" },
    });
    const { files } = decide({ devices: { "gpu/card": { address: "0000:01:00" } } }, facts);
    expect(files[paths.bootTable]).toContain("10de:2204");
  });

  test("what became ours stays ours when somebody writes it too", () => {
    const after = configured({ kernelParameters: ["iommu=pt"] }, hostFacts());
    const written = { ...after, grubForeign: { linux: "", linuxDefault: "quiet intel_iommu=on iommu=pt" } };
    expect(decide({ kernelParameters: ["iommu=pt"] }, written).files[paths.grubDropIn]).toContain(
      "intel_iommu=on iommu=pt",
    );
  });

  test("an unknown family is named, with the way to set it by hand", () => {
    const facts = hostFacts({
      bootLoaders: { updateGrub: false, proxmoxBootTool: false, proxmoxBootUuids: [], espModes: {} },
    });
    expect(() => decide({}, facts)).toThrow(
      /boot loader: none that is known was found on deb1 .*set `bootLoader`/,
    );
  });
});

describe("foreign lines in files of ours", () => {
  const declared = { modprobeOptions: { kvm: "ignore_msrs=1" }, blacklist: ["nouveau"] };

  test("stay where they are when ours change, and when ours leave", () => {
    const first = configured(declared, hostFacts());
    const foreign = {
      ...first,
      files: {
        ...first.files,
        [paths.modprobe]: `${first.files[paths.modprobe] ?? ""}options zfs zfs_arc_max=1\n`,
      },
    };
    const second = configured({ blacklist: ["nouveau"] }, foreign);
    expect(second.files[paths.modprobe]).toContain("options zfs zfs_arc_max=1\n");
    expect(second.files[paths.modprobe]).not.toContain("ignore_msrs");
    const third = applied(
      second,
      removalSteps(parseRecord(second.record), decide({}, second).platform, observe(second)),
    );
    expect(third.files).toEqual({ [paths.modprobe]: "options zfs zfs_arc_max=1\n" });
  });

  test("destroy gives back exactly what was there", () => {
    const before = hostFacts({
      devices: gpu,
      bootLoaders: {
        updateGrub: true,
        proxmoxBootTool: true,
        proxmoxBootUuids: ["A1", "B2"],
        espModes: { A1: "uefi", B2: "grub" },
      },
      files: {
        [paths.kernelCommandLine]: 'root=ZFS=rpool  boot=zfs dyndbg="file a b" \n',
        "/etc/modules": "# none\n",
      },
    });
    const after = configured(
      { ...declared, kernelParameters: ["iommu=pt"], devices: { "gpu/card": { id: "10de:2204" } } },
      before,
    );
    expect(Object.keys(after.files).length).toBeGreaterThan(6);
    const destroyed = applied(
      after,
      removalSteps(parseRecord(after.record), decide({}, after).platform, observe(after)),
    );
    expect(destroyed.files).toEqual(before.files);
    expect(destroyed.record).toBeNull();
  });

  test("applying twice writes nothing the second time", () => {
    const once = configured(declared, hostFacts({ devices: gpu }));
    const again = configurationSteps(decide(declared, once), observe(once), owner);
    expect(again.filter(({ step }) => step !== "guard")).toEqual([]);
  });
});

describe("reading back", () => {
  const seen = (facts: HostFacts) => observedFiles(observe(facts), parseRecord(facts.record)?.files ?? {});

  test("order, quoting and spacing are not drift; a removed parameter is", () => {
    const after = configured({ kernelParameters: ["iommu=pt"] }, hostFacts());
    const asWritten = seen(after);
    const rewrite = (line: string) => ({
      ...after,
      files: { ...after.files, [paths.grubDropIn]: `# by hand\n${line}\n` },
    });
    expect(
      seen(rewrite('GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt intel_iommu=on"')),
    ).toEqual(asWritten);
    expect(
      seen(rewrite('GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on"'))[
        paths.grubDropIn
      ],
    ).toBe('GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on"\n');
  });

  test("a changed program of ours is told by its digest", () => {
    const after = configured(
      { devices: { "gpu/card": { address: "0000:01:00" } } },
      hostFacts({ devices: gpu }),
    );
    const edited = { ...after, files: { ...after.files, [paths.initTopScript]: "#!/bin/sh\n" } };
    expect(seen(edited)[paths.initTopScript]).toMatch(/^\(changed: sha256/);
  });
});

describe("which change needs what", () => {
  test.each<[string, Partial<BootDeclaration>, string[]]>([
    ["a kernel parameter", { kernelParameters: ["iommu=pt"] }, ["update-grub"]],
    ["a modprobe option", { modprobeOptions: { kvm: "ignore_msrs=1" } }, ["update-initramfs -u -k all"]],
    ["a module to load", { modules: ["zfs"] }, []],
  ])("%s", (_what, declared, expected) => {
    // given a host on which everything but this is already so
    const base = configured({}, rebooted(hostFacts(), "root=/dev/sda1 intel_iommu=on iommu=pt", "boot-1"));
    const steps = configurationSteps(decide(declared, base), observe(base), owner);
    expect(commands(steps)).toEqual(expected);
  });

  test("with a reboot due, the fallback kernels keep their images until the proof", () => {
    const facts = hostFacts({ devices: gpu });
    const steps = configurationSteps(
      decide({ devices: { "gpu/card": { address: "0000:01:00" } } }, facts),
      observe(facts),
      owner,
    );
    expect(commands(steps)).toEqual(["update-initramfs -u -k 6.1.0-18-amd64", "update-grub"]);
  });

  test.each([
    ["another kernel is installed", ["6.1.0-17-amd64", "6.1.0-18-amd64"], true],
    ["the one that boots next is the only one", ["6.1.0-18-amd64"], false],
  ])("what the proof still owes when %s", (_what, installed, owed) => {
    const facts = hostFacts({ devices: gpu });
    const after = configured(
      { devices: { "gpu/card": { address: "0000:01:00" } } },
      { ...facts, kernel: { ...facts.kernel, installed } },
    );
    expect(parseRecord(after.record)?.otherImagesPending).toBe(owed);
  });

  test("what an interrupted change owes runs first", () => {
    const facts = configured({}, hostFacts());
    const cut = { ...facts, pending: ["update-grub"] };
    expect(commands(configurationSteps(decide({}, cut), observe(cut), owner))).toEqual(["update-grub"]);
  });
});

describe("when a reboot is due", () => {
  const withPt = { kernelParameters: ["iommu=pt"] };
  const running = "root=/dev/sda1 ro quiet intel_iommu=on iommu=pt";

  test("the running kernel lacks a declared parameter", () => {
    expect(decide(withPt, hostFacts()).reboot).toEqual({
      required: true,
      reason: "the running kernel lacks intel_iommu=on iommu=pt",
    });
  });

  test.each([
    ["every declared device has its group", "7", ["dmar0"], ""],
    ["a declared device was left out", null, ["dmar0"], "the running kernel lacks intel_iommu=on"],
    ["there is no unit", "7", [], "the running kernel lacks intel_iommu=on"],
  ])("a kernel that turned the IOMMU on by itself: %s", (_what, iommuGroup, iommuUnits, reason) => {
    const bridge = pciDevice({ address: "0000:00:01.0", bridge: true, iommuGroup: "1" });
    const nvme = pciDevice({ address: "0000:02:00.0", class: "010802", driver: "nvme", iommuGroup });
    const facts = hostFacts({ devices: [bridge, nvme], iommuUnits });
    const decision = decide({ devices: { "disk/scratch": { address: "0000:02:00.0" } } }, facts);
    // The line is written in any case: the next kernel may not.
    expect(decision.files[paths.grubDropIn]).toContain("intel_iommu=on");
    expect(decision.reboot).toEqual({ required: reason !== "", reason });
  });

  test("a host that is right already never reboots", () => {
    expect(decide(withPt, rebooted(hostFacts(), running)).reboot).toEqual({ required: false, reason: "" });
  });

  test("a parameter that left is still running; a change taken back before it booted is not due", () => {
    const before = configured(withPt, rebooted(hostFacts(), running, "boot-1"));
    expect(decide({}, before).reboot).toEqual({
      required: true,
      reason: "the running kernel still has iommu=pt",
    });
    const without = configured({}, before);
    expect(decide({}, without).reboot.required).toBe(true);
    expect(decide(withPt, without).reboot).toEqual({ required: false, reason: "" });
    expect(decide({}, rebooted(without, "root=/dev/sda1 intel_iommu=on", "boot-2")).reboot.required).toBe(
      false,
    );
  });

  test("a display device leaves its driver by a reboot, unless asked otherwise; others move live", () => {
    const facts = rebooted(hostFacts({ devices: gpu }), "intel_iommu=on");
    const due = (device: BootDeclaration["devices"][string]) =>
      decide({ devices: { "gpu/card": device } }, facts).reboot;
    expect(due({ address: "0000:01:00" }).reason).toBe(
      "0000:01:00.0 NVIDIA Corporation GA102 [GeForce RTX 3090] leaves nouveau",
    );
    expect(due({ address: "0000:01:00", liveRebind: true }).required).toBe(false);
    expect(due({ address: "0000:01:00.1" }).required).toBe(false);
  });

  test("an option of a loaded module, unless it is set already or can be set at run time", () => {
    const modules = {
      kvm: { ignore_msrs: "N" },
      kvm_intel: { nested: "N" },
      vfio_iommu_type1: { allow_unsafe_interrupts: "N" },
    };
    const facts = rebooted(hostFacts({ modules }), "intel_iommu=on");
    expect(decide({ modprobeOptions: { kvm_intel: "nested=1" } }, facts).reboot.reason).toBe(
      "kvm_intel runs with nested=N, not 1",
    );
    expect(decide({ modprobeOptions: { kvm_intel: "nested=0" } }, facts).reboot.required).toBe(false);
    expect(decide({ modprobeOptions: { kvm: "ignore_msrs=1" } }, facts).reboot.required).toBe(false);
    expect(decide({ modprobeOptions: { kvm_amd: "nested=1" } }, facts).reboot.required).toBe(false);
    expect(decide({ allowUnsafeInterrupts: true }, facts).reboot.required).toBe(false);
  });

  test("an option that cannot be read counts as booted unless this boot saw it written", () => {
    const facts = configured({}, rebooted(hostFacts({ modules: { nvme: {} } }), "intel_iommu=on", "boot-1"));
    const declared = { modprobeOptions: { nvme: "hidden=1" } };
    const written = configured(declared, facts);
    expect(decide(declared, written).reboot.reason).toBe("nvme was loaded before hidden=1 was written");
    expect(decide(declared, { ...written, bootId: "boot-2" }).reboot.required).toBe(false);
  });

  test("a blacklisted module that drives something else", () => {
    const facts = rebooted(hostFacts({ devices: gpu }), "intel_iommu=on");
    expect(decide({ blacklist: ["nouveau"] }, facts).reboot.reason).toBe(
      "nouveau, now blacklisted, drives 0000:01:00.0",
    );
  });

  test("unmet after its own reboot: blocked, not rebooted again; another declaration may", () => {
    const facts = configured(withPt, hostFacts());
    const record = parseRecord(facts.record);
    const attempt = { digest: record?.digest, bootId: "boot-1" };
    const after = {
      ...rebooted(facts, "root=/dev/sda1 ro quiet"),
      record: JSON.stringify({ ...record, attempt }),
    };
    expect(decide(withPt, after).reboot).toEqual({
      required: false,
      reason: "blocked: still so after the reboot for it: the running kernel lacks intel_iommu=on iommu=pt",
    });
    expect(decide({ kernelParameters: ["iommu=nopt"] }, after).reboot.required).toBe(true);
  });

  test("parameters met and still no group: the firmware is named", () => {
    const facts = rebooted(
      hostFacts({ devices: gpu, firmware: { efi: true, iommuTable: null, product: "" } }),
      "intel_iommu=on",
    );
    const { reason, required } = decide(
      { devices: { "gpu/card": { address: "0000:01:00.1" } } },
      facts,
    ).reboot;
    expect(required).toBe(false);
    expect(reason).toMatch(/^blocked: no IOMMU group for 0000:01:00.1: the firmware shows no IOMMU/);
  });

  test("names in words do not count for the digest; ids do", () => {
    const { boot } = decide(
      { devices: { "gpu/card": { address: "0000:01:00" } } },
      hostFacts({ devices: gpu }),
    );
    const renamed = {
      ...boot,
      functions: boot.functions.map((found) => ({ ...found, name: "x", device: "y" })),
    };
    expect(bootDigest(renamed)).toBe(bootDigest(boot));
    expect(bootDigest({ ...boot, functions: boot.functions.slice(1) })).not.toBe(bootDigest(boot));
  });
});

test("wherever a change is cut off, a destroy takes out every line of ours, old and new, and none of others", () => {
  const before = hostFacts({
    devices: gpu,
    files: {
      [paths.modprobe]: "blacklist radeon\n",
      "/etc/modprobe.d/kvm.conf": "options kvm ignore_msrs=0\n",
    },
  });
  const first = { blacklist: ["nouveau"], devices: { "gpu/card": { address: "0000:01:00.0" } } };
  const second = {
    blacklist: ["nvidiafb"],
    modules: ["i2c-dev"],
    kernelParameters: ["iommu=pt"],
    devices: { "gpu/card": { address: "0000:01:00.1" } },
  };
  for (const [was, becomes] of [
    [before, first],
    [configured(first, before), second],
  ] as const) {
    const steps = configurationSteps(decide(becomes, was), observe(was), owner);
    for (let done = 0; done <= steps.length; done++) {
      const cut = applied(was, steps.slice(0, done));
      const platform = decide(becomes, cut).platform;
      const after = applied(cut, removalSteps(parseRecord(cut.record), platform, observe(cut)));
      expect(after.files).toEqual(before.files);
      expect(after.record).toBeNull();
    }
  }
});
