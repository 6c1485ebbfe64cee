import type { HostFacts } from "../../lib/model/facts";
import { describeHost } from "../../lib/model/hostDescription";
import { observe } from "../../lib/model/observation";
import { hostFacts, pciDevice } from "../support/facts";

const describeFacts = (facts: Partial<HostFacts>) => describeHost(observe(hostFacts(facts)));

/** What GRUB is configured with, and what runs. */
const booted = (configured: string, running = configured): Partial<HostFacts> => ({
  kernel: { release: "6.8.0-1", commandLine: `ro ${running}`, next: "6.8.0-1", installed: ["6.8.0-1"] },
  grubForeign: { linux: "", linuxDefault: configured },
});
const modprobe = (text: string): Partial<HostFacts> => ({ files: { "/etc/modprobe.d/vfio.conf": text } });
const card = { driver: "vfio-pci", iommuGroup: "1" };

test("a host without passthrough has nothing to declare but that", () => {
  expect(describeFacts(booted("quiet"))).toEqual({
    declaration: {
      iommu: false,
      kernelParameters: [],
      vfioModules: false,
      modules: [],
      modprobeOptions: {},
      blacklist: [],
      softdeps: {},
      devices: {},
      allowUnsafeInterrupts: false,
    },
    devices: [],
    iommuIsOn: false,
    leftOut: [],
  });
});

test.each<[string, Partial<HostFacts>, object]>([
  ["the IOMMU of its vendor", booted("quiet intel_iommu=on"), { iommu: true, kernelParameters: [] }],
  [
    "more than that",
    booted("intel_iommu=on,sm_on iommu=pt"),
    { kernelParameters: ["intel_iommu=on,sm_on", "iommu=pt"] },
  ],
  [
    "huge pages, which mean something in their order",
    booted("default_hugepagesz=1G hugepagesz=1G hugepages=16"),
    { kernelParameters: ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=16"] },
  ],
  [
    "a driver that is kept away",
    modprobe("blacklist nouveau\nblacklist pcspkr\nsoftdep snd_hda_intel pre: vfio-pci\n"),
    { blacklist: ["nouveau"], softdeps: { snd_hda_intel: "pre: vfio-pci" } },
  ],
  [
    "options, the last of a name",
    modprobe("options kvm ignore_msrs=0 report_ignored_msrs=0\noptions kvm ignore_msrs=1\n"),
    { modprobeOptions: { kvm: "ignore_msrs=1 report_ignored_msrs=0" } },
  ],
  [
    "options of vfio-pci without the ids",
    modprobe("options vfio-pci ids=10de:2204 disable_vga=1\n"),
    { modprobeOptions: { "vfio-pci": "disable_vga=1" } },
  ],
  [
    "unsafe interrupts",
    modprobe("options vfio_iommu_type1 allow_unsafe_interrupts=1\n"),
    { allowUnsafeInterrupts: true, modprobeOptions: {} },
  ],
  [
    "all modules of vfio",
    { files: { "/etc/modules": "vfio\nvfio_iommu_type1\nvfio_pci\n" }, ...booted("") },
    { vfioModules: true, modules: [] },
  ],
  [
    "some of them",
    { files: { "/etc/modules": "loop\nvfio-pci\n" }, ...booted("") },
    { vfioModules: false, modules: ["vfio-pci"] },
  ],
])("declares %s", (_, facts, declared) => {
  const { declaration, leftOut } = describeFacts(facts);
  expect(declaration).toMatchObject(declared);
  expect(leftOut).toEqual([]);
});

test.each<[string, Partial<HostFacts>, RegExp]>([
  ["is configured and not booted", booted("iommu=pt", "quiet"), /iommu=pt, configured but not what/],
  ["runs and will not boot again", booted("quiet", "iommu=pt"), /iommu=pt, which the kernel runs with but/],
  [
    "binds by ids behind the bindings' back",
    booted("vfio-pci.ids=10de:2204"),
    /parameter vfio-pci\.ids=10de:2204/,
  ],
  ["GRUB would expand", booted("video=`reboot`"), /parameter video=`reboot`/],
  [
    "is blacklisted and drives a card",
    {
      ...modprobe("blacklist nouveau\n"),
      devices: [pciDevice({ address: "0000:01:00.0", driver: "nouveau" })],
    },
    /nouveau, which is blacklisted/,
  ],
  [
    "a running module does not have",
    { ...modprobe("options kvm_intel nested=1\n"), modules: { kvm_intel: { nested: "N" } } },
    /options of kvm_intel: nested=1/,
  ],
])("leaves out, and says, what %s", (_, facts, words) => {
  const { declaration, leftOut } = describeFacts(facts);
  expect(leftOut).toEqual([expect.stringMatching(words)]);
  expect(declaration).toMatchObject({ kernelParameters: [], blacklist: [], modprobeOptions: {} });
});

describe("devices", () => {
  const slot = [
    pciDevice({ address: "0000:01:00.0", ...card }),
    pciDevice({ address: "0000:01:00.1", device: "1aef", class: "040300", name: "", ...card }),
  ];

  test("a slot that is held as a whole is one device", () => {
    const { devices, leftOut } = describeFacts({
      ...modprobe("options vfio-pci ids=10de:2204,10de:1aef\n"),
      devices: slot,
    });
    expect(devices).toEqual([
      {
        address: "0000:01:00",
        class: "030000",
        iommuGroup: "1",
        words: "NVIDIA Corporation GA102 [GeForce RTX 3090], 10de:1aef",
      },
    ]);
    expect(leftOut).toEqual([]);
  });

  test("of one that is held in part the functions are, and what nobody holds from boot on is said", () => {
    const { devices, leftOut } = describeFacts({
      ...modprobe("options vfio-pci ids=10de:2204\n"),
      devices: slot,
    });
    expect(devices.map(({ address }) => address)).toEqual(["0000:01:00.0"]);
    expect(leftOut).toEqual([
      "0000:01:00.1 10de:1aef, on vfio-pci now, but nothing was found that holds it from boot on",
    ]);
  });

  test("one that its own driver has is the host's", () => {
    const devices = [pciDevice({ address: "0000:01:00.0", driver: "nouveau" })];
    expect(describeFacts({ ...modprobe("options vfio-pci ids=10de:2204\n"), devices }).devices).toEqual([]);
  });
});

test.each<[string, Partial<HostFacts>, RegExp]>([
  [
    "that is declared already",
    { record: "{}" },
    /deb1 is declared already: a record of cdktf-passthrough stands there/,
  ],
  [
    "with files of ours",
    { files: { "/etc/modprobe.d/zz-cdktf-passthrough.conf": "" } },
    /zz-cdktf-passthrough\.conf stands there/,
  ],
  ["that cannot be understood", { initramfsTools: ["booster"] }, /booster on deb1 .* is not supported/],
])("a host %s is refused", (_, facts, words) => {
  expect(() => describeFacts(facts)).toThrow(words);
});
