import { textOf } from "../formats/format";
import { moduleName } from "../modprobe";
import { paths } from "../paths";

/** The list that our hooks read, of modules that they do not pack by themselves; no file where there is none. */
export function furtherModules(modules: readonly string[]): Record<string, string> {
  const further = modules.filter((module) => !own.has(moduleName(module)));
  return further.length > 0 ? { [paths.initramfsModules]: textOf(further) } : {};
}

/** Packed with every image: lib/model/scripts. */
const own: ReadonlySet<string> = new Set([
  "vfio",
  "vfio_iommu_type1",
  "vfio_iommu_spapr_tce",
  "vfio_pci",
  "vfio_virqfd",
]);
