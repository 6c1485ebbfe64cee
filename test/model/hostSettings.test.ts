import type { BootDeclaration } from "../../lib/model/bootConfiguration";
import { declarationProblems } from "../../lib/model/declarationProblems";
import type { HostFacts } from "../../lib/model/facts";
import { configurationSteps, decideHost, removalSteps } from "../../lib/model/hostDecision";
import type { HostSettings } from "../../lib/model/hostSettings";
import { mergeOwnedParameters, satisfies } from "../../lib/model/kernelParameters";
import { observe } from "../../lib/model/observation";
import { paths } from "../../lib/model/paths";
import { parseRecord } from "../../lib/model/record";
import { hostFacts, pciDevice } from "../support/facts";

const nothing: BootDeclaration = {
  iommu: false,
  kernelParameters: [],
  modules: [],
  modprobeOptions: {},
  blacklist: [],
  softdeps: {},
  devices: {},
  allowUnsafeInterrupts: false,
  vfioModules: false,
};

function decide(
  settings: HostSettings,
  host: Partial<HostFacts> = {},
  declared: Partial<BootDeclaration> = {},
) {
  return decideHost({ ...nothing, ...declared, settings }, {}, observe(hostFacts(host)));
}

const amd = {
  cpu: { vendor: "amd" as const, virtualization: true },
  firmware: { efi: true, iommuTable: "IVRS" as const, product: "" },
};
const dracut = { initramfsTools: ["dracut"] };
const kernel = (release: string) => ({
  kernel: { release, commandLine: "", next: release, installed: [release] },
});

describe("kernel parameters", () => {
  test.each<[string, HostSettings, Partial<HostFacts>, string[]]>([
    ["pass-through mode", { iommuMode: "passthrough" }, {}, ["iommu=pt"]],
    ["translated mode", { iommuMode: "translated" }, {}, ["iommu=nopt"]],
    ["on ARM", { iommuMode: "passthrough" }, { architecture: "aarch64" }, ["iommu.passthrough=1"]],
    ["translated on ARM", { iommuMode: "translated" }, { architecture: "aarch64" }, ["iommu.passthrough=0"]],
    [
      "ACS override on Proxmox VE's kernel",
      { acsOverride: ["downstream", "multifunction", "id:8086:A110"] },
      kernel("6.8.12-4-pve"),
      ["pcie_acs_override=downstream,multifunction,id:8086:a110"],
    ],
    [
      "ACS override on linux-zen",
      { acsOverride: ["downstream"] },
      kernel("6.9.3-zen1-1-zen"),
      ["pcie_acs_override=downstream"],
    ],
    [
      "huge pages in pairs, the largest first",
      { hugepages: { defaultSize: "1G", pools: { "2M": 512, "1G": 16 } } },
      {},
      ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=16", "hugepagesz=2M", "hugepages=512"],
    ],
    ["only a default size", { hugepages: { defaultSize: "2M" } }, {}, ["default_hugepagesz=2M"]],
    [
      "sizes of ARM",
      { hugepages: { pools: { "64K": 32 } } },
      { architecture: "aarch64" },
      ["hugepagesz=64K", "hugepages=32"],
    ],
    [
      "dracut's drivers",
      { dracutDrivers: { load: ["vfio-pci", "vfio-pci"], blacklist: ["nouveau", "nova_core"] } },
      dracut,
      ["rd.driver.pre=vfio-pci", "rd.driver.blacklist=nouveau,nova_core"],
    ],
    [
      "an option of a module that is built in",
      { disableVga: true },
      { builtinModules: ["vfio_pci"] },
      ["vfio_pci.disable_vga=1"],
    ],
    ["nothing that is not set", { iommuMode: null, hugepages: null, disableVga: false }, {}, []],
  ])("%s", (_what, settings, host, parameters) => {
    expect(decide(settings, host).boot.parameters).toEqual(parameters);
  });

  test.each<[string, HostSettings, Partial<HostFacts>, RegExp]>([
    [
      "pass-through mode on POWER",
      { iommuMode: "passthrough" },
      { architecture: "ppc64le" },
      /deb1 is ppc64le, whose IOMMU has no such choice/,
    ],
    [
      "ACS override on Debian's kernel",
      { acsOverride: ["downstream"] },
      {},
      /6\.1\.0-18-amd64, is not known to carry the ACS override patch.*kernelParameters: \["pcie_acs_override=downstream"\]/,
    ],
    ["pages that x86 has not", { hugepages: { pools: { "64K": 1 } } }, {}, /deb1 has no pages of 64K/],
    [
      "dracut's drivers without dracut",
      { dracutDrivers: { load: ["vfio-pci"] } },
      {},
      /deb1 has one of initramfs-tools/,
    ],
    [
      "nested guests on another CPU",
      { kvm: { nested: true } },
      {
        cpu: { vendor: "other", virtualization: false },
        firmware: { efi: true, iommuTable: null, product: "" },
      },
      /`kvm.nested` is for CPUs of Intel and AMD/,
    ],
  ])("%s is refused", (_what, settings, host, words) => {
    expect(() => decide(settings, host)).toThrow(words);
  });

  test("what is declared as it stands too is not said twice, and what undoes it is refused", () => {
    const twice = decide({ iommuMode: "passthrough" }, {}, { kernelParameters: ["quiet", "iommu=pt"] });
    expect(twice.boot.parameters).toEqual(["quiet", "iommu=pt"]);
    expect(() => decide({ iommuMode: "passthrough" }, {}, { kernelParameters: ["iommu=nopt"] })).toThrow(
      /"iommu=pt" is undone by another one/,
    );
    expect(() =>
      decide({ hugepages: { pools: { "1G": 16 } } }, {}, { kernelParameters: ["hugepages=8"] }),
    ).toThrow(/is undone by another one/);
  });

  test("a pool that leaves takes its own count along, also where another pool has the same", () => {
    const pairs = (...sizes: string[]) => sizes.flatMap((size) => [`hugepagesz=${size}`, "hugepages=16"]);
    const both = mergeOwnedParameters({ base: [], declared: pairs("1G", "2M"), now: "root=/dev/sda1 quiet" });
    expect(both.line).toBe("root=/dev/sda1 quiet hugepagesz=1G hugepages=16 hugepagesz=2M hugepages=16");
    for (const size of ["1G", "2M"]) {
      const { line } = mergeOwnedParameters({ base: both.owned, declared: pairs(size), now: both.line });
      expect(line).toBe(`root=/dev/sda1 quiet hugepagesz=${size} hugepages=16`);
    }
    expect(mergeOwnedParameters({ base: both.owned, declared: [], now: both.line }).line).toBe(
      "root=/dev/sda1 quiet",
    );
  });

  test("somebody else's pool with the same count stays whole", () => {
    const base = ["hugepagesz=1G", "hugepages=16"];
    const now = "hugepagesz=1G hugepages=16 hugepagesz=2M hugepages=16";
    expect(mergeOwnedParameters({ base, declared: [], now }).line).toBe("hugepagesz=2M hugepages=16");
    expect(satisfies("hugepagesz=2M hugepages=16", "hugepagesz=2M")).toBe(true);
  });
});

describe("lines of modprobe.d", () => {
  const lines = (
    settings: HostSettings,
    host: Partial<HostFacts> = {},
    declared: Partial<BootDeclaration> = {},
  ) => decide(settings, host, declared).boot.modprobe;

  test.each<[string, HostSettings, Partial<HostFacts>, string[]]>([
    [
      "KVM",
      { kvm: { ignoreMsrs: true, reportIgnoredMsrs: false } },
      {},
      ["options kvm ignore_msrs=1 report_ignored_msrs=0"],
    ],
    ["nested on Intel", { kvm: { nested: true } }, {}, ["options kvm_intel nested=1"]],
    ["not nested on AMD", { kvm: { nested: false } }, amd, ["options kvm_amd nested=0"]],
    ["VGA arbitration", { disableVga: true }, {}, ["options vfio-pci disable_vga=1"]],
    ["VGA arbitration with vfio-pci built in", { disableVga: true }, { builtinModules: ["vfio_pci"] }, []],
    [
      "modules that do not load",
      { disabledModules: ["nouveau", "lbm-nouveau"] },
      {},
      ["blacklist lbm-nouveau", "alias lbm-nouveau off", "blacklist nouveau", "alias nouveau off"],
    ],
  ])("%s", (_what, settings, host, expected) => {
    expect(lines(settings, host)).toEqual(expected);
  });

  test("one line for vfio-pci, whatever sets its options", () => {
    const devices = [pciDevice({ address: "0000:01:00.0" })];
    expect(
      lines({ disableVga: true }, { devices }, { devices: { "gpu/card": { id: "10de:2204" } } }),
    ).toEqual(["options vfio-pci ids=10de:2204 disable_vga=1"]);
  });

  test("an alias that others wrote is not written again", () => {
    const files = { "/etc/modprobe.d/guide.conf": "blacklist nouveau\nalias nouveau off\n" };
    expect(decide({ disabledModules: ["nouveau"] }, { files }).files).toEqual({});
  });
});

describe("what is wrong whatever the host", () => {
  test.each<[string, HostSettings, Partial<BootDeclaration>, string, RegExp]>([
    ["a mode", { iommuMode: "pt; reboot" }, {}, "iommuMode", /Expected passthrough or translated/],
    [
      "an ACS part",
      { acsOverride: ["down stream$(id)"] },
      {},
      "acsOverride",
      /Expected downstream, multifunction or id:vvvv:dddd/,
    ],
    ["no ACS part", { acsOverride: [] }, {}, "acsOverride", /It is empty/],
    [
      "a size",
      { hugepages: { pools: { "1G\nhugepages=1": 1 } } },
      {},
      "hugepages",
      /is not the size of a page/,
    ],
    ["a count", { hugepages: { pools: { "1G": 1.5 } } }, {}, "hugepages", /1.5 is not a number of pages/],
    ["no page", { hugepages: {} }, {}, "hugepages", /names no page/],
    ["one size twice", { hugepages: { pools: { "1G": 1, "1024M": 2 } } }, {}, "hugepages", /same size twice/],
    [
      "a module",
      { disabledModules: ["-nouveau"] },
      {},
      "disabledModules",
      /is not the name of a kernel module/,
    ],
    ["vfio disabled", { disabledModules: ["vfio_pci"] }, {}, "disabledModules", /what passthrough stands on/],
    [
      "a packed module",
      { initramfsModules: ["a b"] },
      {},
      "initramfsModules",
      /is not the name of a kernel module/,
    ],
    [
      "a driver of dracut",
      { dracutDrivers: { load: ["a,b"] } },
      {},
      "dracutDrivers",
      /is not the name of a kernel module/,
    ],
    [
      "an option in two places",
      { kvm: { ignoreMsrs: true } },
      { modprobeOptions: { kvm: "halt_poll_ns=0 ignore_msrs=0" } },
      "kvm",
      /kvm.ignore_msrs is among `modprobeOptions` too/,
    ],
    [
      "nested in two places",
      { kvm: { nested: true } },
      { modprobeOptions: { "kvm-amd": "nested=0" } },
      "kvm",
      /kvm_amd.nested/,
    ],
    [
      "disable_vga in two places",
      { disableVga: true },
      { modprobeOptions: { vfio_pci: "disable_vga=0" } },
      "disableVga",
      /vfio_pci.disable_vga/,
    ],
  ])("%s", (_what, settings, declared, of, words) => {
    expect(declarationProblems({ ...nothing, ...declared, settings })).toEqual([
      { of, words: expect.stringMatching(words) as string },
    ]);
  });
});

describe("which change needs what", () => {
  const owner = { owner: "project/deb1", allowCritical: [] };
  const running = {
    kvm: { ignore_msrs: "N", report_ignored_msrs: "Y" },
    vfio_pci: { disable_vga: "N" },
    kvm_intel: { nested: "Y" },
  };

  function steps(settings: HostSettings, facts: HostFacts) {
    const observation = observe(facts);
    return configurationSteps(decideHost({ ...nothing, settings }, {}, observation), observation, owner);
  }

  test.each<[string, HostSettings, string, string[], string]>([
    ["a parameter", { iommuMode: "passthrough" }, "the running kernel lacks iommu=pt", ["update-grub"], ""],
    [
      "huge pages",
      { hugepages: { pools: { "1G": 2 } } },
      "the running kernel lacks hugepagesz=1G hugepages=2",
      ["update-grub"],
      "",
    ],
    [
      "KVM's options that are live",
      { kvm: { ignoreMsrs: true, reportIgnoredMsrs: false } },
      "",
      ["update-initramfs -u -k all"],
      "ignore_msrs=Y report_ignored_msrs=N",
    ],
    ["nested as it runs", { kvm: { nested: true } }, "", ["update-initramfs -u -k all"], ""],
    [
      "nested otherwise",
      { kvm: { nested: false } },
      "kvm_intel runs with nested=Y, not 0",
      ["update-initramfs -u -k 6.1.0-18-amd64"],
      "",
    ],
    [
      "VGA arbitration",
      { disableVga: true },
      "vfio_pci runs with disable_vga=N, not 1",
      ["update-initramfs -u -k 6.1.0-18-amd64"],
      "",
    ],
    [
      "a disabled module that drives nothing",
      { disabledModules: ["nouveau"] },
      "",
      ["update-initramfs -u -k all"],
      "",
    ],
    ["modules of the initramfs", { initramfsModules: ["nvme"] }, "", ["update-initramfs -u -k all"], ""],
  ])("%s", (_what, settings, reason, commands, live) => {
    const facts = hostFacts({ modules: running });
    const { reboot } = decideHost({ ...nothing, settings }, {}, observe(facts));
    expect(reboot).toEqual({ required: reason !== "", reason });
    const all = steps(settings, facts);
    expect(all.flatMap((step) => (step.step === "run" ? [step.command.join(" ")] : []))).toEqual(commands);
    expect(
      all
        .flatMap((step) =>
          step.step === "sysfs" ? [`${step.path.slice(step.path.lastIndexOf("/") + 1)}=${step.value}`] : [],
        )
        .join(" "),
    ).toBe(live);
  });

  test("an option that left gets its default back at once, but only where it was ours", () => {
    const settings = { kvm: { ignoreMsrs: true } };
    const facts = hostFacts({ modules: { kvm: { ignore_msrs: "Y", report_ignored_msrs: "N" } } });
    const written = steps(settings, facts).flatMap((step) =>
      step.step === "write" && step.path === paths.record ? [step.content] : [],
    );
    const after = observe({ ...facts, record: written[0] ?? null });
    const { platform } = decideHost(nothing, {}, after);
    const given = removalSteps(parseRecord(after.record), platform, after).filter(
      ({ step }) => step === "sysfs",
    );
    expect(given).toEqual([{ step: "sysfs", path: "/sys/module/kvm/parameters/ignore_msrs", value: "N" }]);
  });
});

describe("modules in the initramfs", () => {
  test.each([
    ["initramfs-tools", paths.initramfsModules, "nvme\nmd_mod\n"],
    ["mkinitcpio", paths.initramfsModules, "nvme\nmd_mod\n"],
    [
      "dracut",
      paths.dracutConfiguration,
      'add_dracutmodules+=" cdktf-passthrough "\nadd_drivers+=" vfio nvme md_mod "\n',
    ],
  ])("with %s", (tool, path, text) => {
    const packages = { "6.1.0-18-amd64": "linux" };
    const { bootEvidence } = hostFacts();
    const { files } = decide(
      { initramfsModules: ["vfio", "nvme", "md_mod"] },
      { initramfsTools: [tool], bootEvidence: { ...bootEvidence, packages } },
    );
    expect(files[path]).toBe(text);
    expect(files[paths.bootTable]).toBeUndefined();
  });

  test("what is loaded at boot is packed where devices are held, with every tool", () => {
    const devices = [pciDevice({ address: "0000:01:00.0" })];
    for (const tool of ["initramfs-tools", "mkinitcpio"]) {
      const { files } = decide(
        {},
        { devices, initramfsTools: [tool] },
        { modules: ["i2c-dev", "vfio_pci"], devices: { gpu: { address: "0000:01:00" } } },
      );
      expect(files[paths.initramfsModules]).toBe("i2c-dev\n");
    }
  });
});
