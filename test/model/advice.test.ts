import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adviceOn, adviceRules, adviceWords } from "../../lib/model/advice";
import type { BootDeclaration } from "../../lib/model/bootConfiguration";
import type { HostFacts } from "../../lib/model/facts";
import { decideHost } from "../../lib/model/hostDecision";
import { observe } from "../../lib/model/observation";
import { paths } from "../../lib/model/paths";
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

function advice(declared: Partial<BootDeclaration>, host: Partial<HostFacts> = {}) {
  const declaration = { ...nothing, ...declared };
  const observation = observe(hostFacts(host));
  const { platform, boot, base } = decideHost(declaration, {}, observation);
  return adviceOn({ declaration, platform, observation, functions: boot.functions, base });
}

const kernel = (release: string) => ({
  kernel: { release, commandLine: "", next: release, installed: [release] },
});
const grub = (linuxDefault: string) => ({ grubForeign: { linux: "", linuxDefault } });
const modprobe = (text: string) => ({ files: { "/etc/modprobe.d/guide.conf": text } });
const script = (text: string, path = "/usr/local/bin/vfio-bind") => ({
  scriptLines: [{ path, number: 7, text }],
});
const amd = {
  cpu: { vendor: "amd" as const, virtualization: true },
  firmware: { efi: true, iommuTable: "IVRS" as const, product: "" },
};
const twins = [
  pciDevice({ address: "0000:01:00.0" }),
  pciDevice({ address: "0000:02:00.0", name: "the twin" }),
];
const systemdBoot = {
  bootLoaders: {
    updateGrub: true,
    proxmoxBootTool: true,
    proxmoxBootUuids: ["A1"],
    espModes: { A1: "uefi" as const },
  },
  files: { [paths.kernelCommandLine]: "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n" },
};

/** Rule, declaration, host, where it is found and the line. */
const cases: readonly [string, Partial<BootDeclaration>, Partial<HostFacts>, string, string][] = [
  ["amd-iommu-on", { kernelParameters: ["amd_iommu=on"] }, amd, "kernelParameters", "amd_iommu=on"],
  [
    "amd-iommu-on",
    {},
    { ...amd, ...grub("quiet amd_iommu=on iommu=pt") },
    "/etc/default/grub or",
    "amd_iommu=on",
  ],
  ["amd-iommu-on", { kernelParameters: ["amd_iommu=pt"] }, amd, "kernelParameters", "amd_iommu=pt"],
  ["intel-iommu-pt", {}, grub("intel_iommu=pt"), "/etc/default/grub or", "intel_iommu=pt"],
  ["other-vendor", {}, { ...amd, ...grub("intel_iommu=on") }, "/etc/default/grub or", "intel_iommu=on"],
  [
    "other-vendor",
    { kernelParameters: ["amd_iommu=pgtbl_v2"] },
    {},
    "kernelParameters",
    "amd_iommu=pgtbl_v2",
  ],
  [
    "iommu-pt-on-arm",
    { kernelParameters: ["iommu=pt"] },
    { architecture: "aarch64" },
    "kernelParameters",
    "iommu=pt",
  ],
  [
    "acs-override",
    { kernelParameters: ["pcie_acs_override=downstream"] },
    {},
    "kernelParameters",
    "pcie_acs_override=downstream",
  ],
  [
    "dracut-parameters",
    { kernelParameters: ["rd.driver.pre=vfio-pci"] },
    {},
    "kernelParameters",
    "rd.driver.pre=vfio-pci",
  ],
  [
    "vfio-virqfd-parameter",
    {},
    { ...kernel("6.8.4-1"), ...grub("modules_load=vfio_virqfd") },
    "/etc/default/grub or",
    "modules_load=vfio_virqfd",
  ],
  ["vfio-virqfd", { modules: ["vfio-virqfd"] }, kernel("6.8.4-1"), "modules", "vfio-virqfd"],
  [
    "vfio-virqfd",
    {},
    { ...kernel("6.2.0"), files: { "/etc/modules": "vfio\nvfio_virqfd\n" } },
    "/etc/modules",
    "vfio_virqfd",
  ],
  [
    "kernel-parameter-as-option",
    { modprobeOptions: { pci_ids: "default_hugepagesz=2M" } },
    {},
    "modprobeOptions",
    "options pci_ids default_hugepagesz=2M",
  ],
  [
    "kernel-parameter-as-option",
    {},
    modprobe("options pci_ids default_hugepagesz=2M\n"),
    "/etc/modprobe.d/guide.conf",
    "options pci_ids default_hugepagesz=2M",
  ],
  [
    "kernel-parameter-as-option",
    {},
    modprobe("options pci_ids  foo=2\n"),
    "/etc/modprobe.d/guide.conf",
    "options pci_ids foo=2",
  ],
  ["vfio-kept-out", {}, modprobe("blacklist vfio-pci\n"), "/etc/modprobe.d/guide.conf", "blacklist vfio-pci"],
  [
    "vfio-kept-out",
    {},
    modprobe("install vfio_pci /bin/false\n"),
    "/etc/modprobe.d/guide.conf",
    "install vfio_pci /bin/false",
  ],
  [
    "gone-driver",
    {},
    modprobe("blacklist lbm-nouveau\n"),
    "/etc/modprobe.d/guide.conf",
    "blacklist lbm-nouveau",
  ],
  [
    "gone-driver",
    {},
    modprobe("alias lbm-nouveau off\n"),
    "/etc/modprobe.d/guide.conf",
    "alias lbm-nouveau off",
  ],
  [
    "vga-arbitration",
    {},
    modprobe("options vfio-pci disable_vga=1\n"),
    "/etc/modprobe.d/guide.conf",
    "options vfio-pci disable_vga=1",
  ],
  [
    "unsafe-interrupts",
    {},
    modprobe("options vfio_iommu_type1 allow_unsafe_interrupts=1\n"),
    "/etc/modprobe.d/guide.conf",
    "options vfio_iommu_type1 allow_unsafe_interrupts=1",
  ],
  [
    "unsafe-interrupts",
    {},
    grub("vfio_iommu_type1.allow_unsafe_interrupts=1"),
    "/etc/default/grub or",
    "vfio_iommu_type1.allow_unsafe_interrupts=1",
  ],
  [
    "address-in-new-id-line",
    {},
    modprobe("install nouveau echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id\n"),
    "/etc/modprobe.d/guide.conf",
    "install nouveau echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id",
  ],
  [
    "address-in-new-id",
    {},
    script("  echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id"),
    "/usr/local/bin/vfio-bind:7",
    "echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/new_id",
  ],
  [
    "escaped-variable",
    {},
    script("if [ -e /sys/bus/pci/devices/\\$dev/driver ]; then"),
    "/usr/local/bin/vfio-bind:7",
    "if [ -e /sys/bus/pci/devices/\\$dev/driver ]; then",
  ],
  [
    "dracut-blanks",
    {},
    script('add_drivers+="vfio vfio_pci"', "/etc/dracut.conf.d/local.conf"),
    "/etc/dracut.conf.d/local.conf:7",
    'add_drivers+="vfio vfio_pci"',
  ],
  [
    "dracut-omits-vfio",
    {},
    script('omit_drivers+=" nouveau vfio_pci "'),
    "/usr/local/bin/vfio-bind:7",
    'omit_drivers+=" nouveau vfio_pci "',
  ],
  [
    "dracut-vfio-virqfd",
    {},
    { ...kernel("6.4.0"), ...script('add_drivers+=" vfio_virqfd "') },
    "/usr/local/bin/vfio-bind:7",
    'add_drivers+=" vfio_virqfd "',
  ],
  [
    "ids-of-unbound",
    { devices: { "gpu/card": { address: "0000:01:00" } } },
    { devices: twins, ...modprobe("options vfio-pci ids=10DE:2204\n") },
    "/etc/modprobe.d/guide.conf",
    "options vfio-pci ids=10DE:2204",
  ],
  [
    "ids-of-unbound",
    {},
    { devices: twins, ...grub("vfio-pci.ids=10de:ffffffff,8086:1521") },
    "/etc/default/grub or",
    "vfio-pci.ids=10de:ffffffff,8086:1521",
  ],
  [
    "unread-grub-settings",
    {},
    { ...systemdBoot, ...grub("quiet intel_iommu=on") },
    "/etc/default/grub",
    "intel_iommu=on",
  ],
];

describe("what each rule finds", () => {
  test.each(cases)("%s", (rule, declared, host, where, text) => {
    expect(advice(declared, host)).toEqual([
      expect.objectContaining({ rule, where: expect.stringContaining(where) as string, text }),
    ]);
  });

  test("every rule has its case", () => {
    expect(new Set(cases.map(([rule]) => rule))).toEqual(new Set(adviceRules.map(({ name }) => name)));
  });
});

describe("what is right stays unsaid", () => {
  test.each<[string, Partial<BootDeclaration>, Partial<HostFacts>]>([
    ["a plain host", {}, {}],
    ["iommu=pt on x86", { kernelParameters: ["iommu=pt"] }, {}],
    [
      "ACS override where the kernel has it",
      { kernelParameters: ["pcie_acs_override=downstream"] },
      kernel("6.8.12-4-pve"),
    ],
    ["vfio_virqfd while there is one", { modules: ["vfio_virqfd"] }, kernel("5.15.0-91-generic")],
    [
      "dracut's parameters with dracut",
      { kernelParameters: ["rd.driver.pre=vfio-pci"] },
      { initramfsTools: ["dracut"] },
    ],
    [
      "ids of bound devices alone",
      { devices: { a: { address: "0000:01:00" }, b: { address: "0000:02:00" } } },
      { devices: twins, ...modprobe("options vfio-pci ids=10de:2204\n") },
    ],
    [
      "ids of another class",
      {},
      { devices: twins, ...modprobe("options vfio-pci ids=10de:2204:ffffffff:ffffffff:040300:ffffff\n") },
    ],
    [
      "declared unsafe interrupts",
      { allowUnsafeInterrupts: true },
      modprobe("options vfio_iommu_type1 allow_unsafe_interrupts=1\n"),
    ],
    ["ids written into new_id", {}, script("echo 10de 1b80 > /sys/bus/pci/drivers/vfio-pci/new_id")],
    ["a comment", {}, modprobe("# blacklist vfio-pci\n")],
    ["dracut's list with blanks", {}, script('add_drivers+=" vfio vfio_pci "')],
    ["GRUB's settings where GRUB reads them", {}, grub("quiet intel_iommu=on")],
    [
      "options that only look alike",
      {},
      modprobe("options kvm ignore_msrs=1\noptions snd_hda_intel power_save=0\n"),
    ],
  ])("%s", (_what, declared, host) => {
    expect(advice(declared, host)).toEqual([]);
  });

  test("our own lines are nobody's bad advice", () => {
    const text = "options vfio-pci ids=10de:2204\n";
    const record = JSON.stringify({
      version: 1,
      owner: "",
      boot: {},
      digest: "",
      build: {},
      departed: {},
      hostDrivers: {},
      files: { [paths.modprobe]: text },
    });
    expect(advice({}, { devices: twins, files: { [paths.modprobe]: text }, record })).toEqual([]);
  });
});

test("words name the host, the place, what is wrong and the source, and hostile text stays text", () => {
  const [found] = advice({}, modprobe('blacklist vfio-pci "; $(reboot) `id`\n'));
  if (found === undefined) throw new Error("nothing found");
  expect(adviceWords("pve1", found)).toEqual([
    'pve1: blacklist vfio-pci "; $(reboot) `id`',
    "In /etc/modprobe.d/guide.conf. It keeps vfio-pci from being loaded at boot, and devices are handed over by it. " +
      "Take the line out. Source: kmod, modprobe.d(5).",
  ]);
});

test("docs/advice.md has every rule, with what it says", () => {
  const text = readFileSync(join(__dirname, "../../docs/advice.md"), "utf8").replace(/ +/g, " ");
  for (const { name, applies, source } of adviceRules) {
    const [, declared = {}, host = {}] = cases.find(([rule]) => rule === name) ?? [];
    const said = advice(declared, host)[0]?.words ?? "";
    expect(text).toContain(`| \`${name}\` | ${applies} | It ${said}. | ${source} |`);
  }
});
