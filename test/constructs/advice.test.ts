import { adviceAgainst } from "../../lib/constructs/advice";

const parameters = (...kernelParameters: string[]) => ({ kernelParameters });
const options = (module: string, text: string) => ({ modprobeOptions: { [module]: text } });

test.each([
  [parameters("amd_iommu=on"), 'pve1: kernelParameters: "amd_iommu=on" does nothing'],
  [parameters("amd-iommu=pgtbl_v2,on"), "does nothing"],
  [parameters("amd_iommu=pt"), "Expected iommu=pt"],
  [parameters("intel_iommu=on,pt"), "Expected iommu=pt"],
  [options("pci_ids", "default_hugepagesz=2M"), 'pve1: modprobeOptions.pci_ids: "default_hugepagesz=2M"'],
  [options("kvm", "ignore_msrs=1 hugepages=2"), "a parameter of the kernel"],
])("%j is warned about", (props, words) => {
  expect(adviceAgainst("pve1", props)).toEqual([expect.stringContaining(words)]);
});

test.each([
  parameters("iommu=pt", "intel_iommu=on", "amd_iommu=pgtbl_v2", "hugepages=2", "${var.mine}"),
  options("kvm", "ignore_msrs=1"),
  options("vfio_iommu_type1", "disable_hugepages=1"),
  {},
])("%j is not", (props) => {
  expect(adviceAgainst("pve1", props)).toEqual([]);
});
