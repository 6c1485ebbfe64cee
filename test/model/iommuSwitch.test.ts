import { neverIommu } from "../../lib/model/iommuSwitch";

it.each([
  ["quiet iommu=pt", undefined, null],
  ["iommu=off iommu=pt", undefined, "iommu=off"],
  ["iommu=soft,off", undefined, "iommu=soft,off"],
  ["amd_iommu=off amd_iommu=on", "amd", "amd_iommu=off"],
  ["amd_iommu=off", "intel", null],
  ["intel_iommu=off", "amd", null],
  ["intel_iommu=off intel_iommu=on", "intel", null],
  ["intel_iommu=on,sm_on intel-iommu=off", "intel", "intel-iommu=off"],
  ["intel_iommu=off,strict intel_iommu=strict", "intel", "intel_iommu=off,strict"],
  ["quiet -- iommu=off", undefined, null],
] as const)("%j of vendor %j: %j leaves the IOMMU off", (line, vendor, expected) => {
  expect(neverIommu(line, vendor)).toBe(expected);
});
