import { parseKernelParameters } from "./kernelParameters";

type Vendor = "intel" | "amd" | "other";

/**
 * The parameter of a command line that leaves the IOMMU off; null where none does. The kernel takes `iommu=off` and
 * `amd_iommu=off` for good, and of several `intel_iommu` the last on or off.
 *
 * @param vendor whose CPU it is; without it, either counts
 */
export function neverIommu(commandLine: string, vendor?: Vendor): string | null {
  let intel: string | null = null;
  for (const { name, value, raw } of parseKernelParameters(commandLine)) {
    const options = (value ?? "").split(",");
    if ((name === "iommu" || (name === "amd_iommu" && vendor !== "intel")) && options.includes("off"))
      return raw;
    const last = options.filter((option) => option === "on" || option === "off").at(-1);
    if (name === "intel_iommu" && vendor !== "amd" && last !== undefined) intel = last === "off" ? raw : null;
  }
  return intel;
}
