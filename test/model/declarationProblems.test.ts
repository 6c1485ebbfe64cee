import type { BootDeclaration } from "../../lib/model/bootConfiguration";
import { checkDeclaration, declarationProblems } from "../../lib/model/declarationProblems";

const sound: BootDeclaration = {
  iommu: true,
  kernelParameters: ["iommu=pt", "intel_iommu=on,sm_on", 'dyndbg="file a.c +p"'],
  modules: ["vfio_virqfd"],
  modprobeOptions: { kvm: "ignore_msrs=1", "vfio-pci": "disable_vga=1" },
  blacklist: ["nouveau", "nvidiafb"],
  softdeps: { nouveau: "pre: vfio-pci" },
  devices: { "gpu/card": { address: "0000:01:00" }, "nic/port": { id: "8086:1521" } },
  allowUnsafeInterrupts: false,
  vfioModules: true,
};

it("has nothing to say against a sound declaration", () => {
  expect(declarationProblems(sound)).toEqual([]);
  expect(() => checkDeclaration(sound)).not.toThrow();
});

it.each<[Partial<BootDeclaration>, keyof BootDeclaration, RegExp]>([
  [{ kernelParameters: ["a\nb"] }, "kernelParameters", /line break/],
  [{ kernelParameters: ["hugepages=1", "quiet quiet"] }, "kernelParameters", /space outside/],
  [{ kernelParameters: ["a=1", "a=2"] }, "kernelParameters", /"a=1" is undone/],
  [{ kernelParameters: ["amd_iommu=off"] }, "kernelParameters", /switches the IOMMU off/],
  [{ kernelParameters: ["iommu=off"] }, "kernelParameters", /switches the IOMMU off/],
  [{ kernelParameters: ["vfio-pci.ids=10de:2204"] }, "kernelParameters", /passthrough_vfio_binding/],
  [{ modules: ["a b"] }, "modules", /not the name of a kernel module/],
  [{ modules: ["kvm\nevil"] }, "modules", /not the name of a kernel module/],
  [{ modprobeOptions: { kvm: "" } }, "modprobeOptions", /they are empty/],
  [{ modprobeOptions: { vfio_pci: "ids=10de:2204" } }, "modprobeOptions", /passthrough_vfio_binding/],
  [{ blacklist: ["vfio_pci"] }, "blacklist", /what passthrough stands on/],
  [{ blacklist: ["../x"] }, "blacklist", /not the name of a kernel module/],
  [{ softdeps: { nouveau: "vfio-pci" } }, "softdeps", /"pre:" or "post:"/],
  [{ devices: { "gpu/card": {} } }, "devices", /^gpu\/card: .*none is given/],
  [{ devices: { "gpu/card": { address: "1:2:3" } } }, "devices", /^gpu\/card: "1:2:3" is not a PCI address/],
])("%j is told of", (part, of, words) => {
  const problems = declarationProblems({ ...sound, ...part });
  expect(problems).toEqual([{ of, words: expect.stringMatching(words) }]);
  expect(() => checkDeclaration({ ...sound, ...part })).toThrow(words);
});

it("tells each value by itself", () => {
  expect(declarationProblems({ ...sound, kernelParameters: ["", "$(x)"], modules: ["-"] })).toHaveLength(3);
});

it("lets the IOMMU be off where that is declared", () => {
  expect(declarationProblems({ ...sound, iommu: false, kernelParameters: ["amd_iommu=off"] })).toEqual([]);
});
