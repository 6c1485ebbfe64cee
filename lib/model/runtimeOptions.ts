import type { Step } from "./change";
import { moduleName, parseModprobe } from "./modprobe";
import type { Observation } from "./observation";

/** Options of modules that take effect when written to /sys, so that nothing has to boot for them; what they are without. */
const runtimeOptions: Readonly<Record<string, "Y" | "N">> = {
  "vfio_iommu_type1.allow_unsafe_interrupts": "N",
  "kvm.ignore_msrs": "N",
  "kvm.report_ignored_msrs": "Y",
};

/** Whether `module.option` can be changed while the module is loaded. */
export function isRuntimeOption(option: string): boolean {
  return Object.hasOwn(runtimeOptions, option);
}

/**
 * The steps that make loaded modules run with what is declared; an option that left gets its default back, but only
 * where it was us who set it.
 */
export function runtimeSteps(
  { modules }: Observation,
  before: readonly string[],
  declared: readonly string[],
): Step[] {
  const was = switches(before);
  const wanted = switches(declared);
  return Object.entries(runtimeOptions).flatMap(([name, standard]): Step[] => {
    const [module = "", option = ""] = name.split(".");
    const running = modules[module]?.[option];
    const value = wanted.get(name) ?? (was.has(name) ? standard : running);
    if (running === undefined || value === undefined || value === running) return [];
    return [{ step: "sysfs", path: `/sys/module/${module}/parameters/${option}`, value }];
  });
}

/** `module.option` with Y or N, as /sys shows it; the last of several counts. */
function switches(lines: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of parseModprobe(lines.join("\n"))) {
    if (line.kind !== "options") continue;
    for (const text of line.options) {
      const [option = "", value = "1"] = text.split("=");
      found.set(`${moduleName(line.module)}.${option}`, /^(1|y|on)$/i.test(value) ? "Y" : "N");
    }
  }
  return found;
}
