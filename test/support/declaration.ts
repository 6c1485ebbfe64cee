import type { BootDeclaration } from "../../lib/model/bootConfiguration";

/** A declaration with everything a test does not care about at its default. */
export function bootDeclaration(declared: Partial<BootDeclaration> = {}): BootDeclaration {
  return {
    iommu: true,
    kernelParameters: [],
    modules: [],
    modprobeOptions: {},
    blacklist: [],
    softdeps: {},
    devices: {},
    allowUnsafeInterrupts: false,
    vfioModules: true,
    ...declared,
  };
}
