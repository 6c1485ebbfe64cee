import type { PciDevice } from "../facts";
import { parseKernelParameters } from "../kernelParameters";
import { isOlderThan } from "../kernelRelease";
import { moduleName, type ModprobeLine } from "../modprobe";
import { describeDevice } from "../selector";
import { nextRelease } from "./parameters";
import { modprobeLines, modules, parameters, type SaidLine } from "./said";
import type { AdviceContext, AdviceRule, Finding } from "./types";

interface LineRule extends Omit<AdviceRule, "find"> {
  /** What is wrong with a line; null where it is right. */
  judge(said: SaidLine, context: AdviceContext): string | null;
}

/** Parameters of the kernel that modprobe.d is often given. */
const ofTheKernel = new Set([
  "default_hugepagesz",
  "hugepagesz",
  "hugepages",
  "intel_iommu",
  "amd_iommu",
  "iommu",
  "pcie_acs_override",
]);

const rules: readonly LineRule[] = [
  {
    name: "kernel-parameter-as-option",
    applies:
      "`options` lines with a parameter of the kernel, such as `options pci_ids default_hugepagesz=2M`",
    source: "kmod, modprobe.d(5)",
    judge({ line }) {
      if (line.kind !== "options") return null;
      const [found] = line.options.map(optionName).filter((name) => ofTheKernel.has(name));
      if (found !== undefined) {
        const property = found.includes("hugepage")
          ? "`hugepages`"
          : found === "pcie_acs_override"
            ? "`acsOverride`"
            : "`iommu` and `iommuMode`";
        return `does nothing: ${found} is a parameter of the kernel, not of a module. ${property} of the IommuHost put it where it is read`;
      }
      return moduleName(line.module) === "pci_ids" ? "does nothing: there is no module of that name" : null;
    },
  },
  {
    name: "vfio-kept-out",
    applies: "`blacklist` and `install` lines of others that keep a module of vfio from loading",
    source: "kmod, modprobe.d(5)",
    judge({ line }) {
      if (line.kind !== "blacklist" && line.kind !== "install") return null;
      if (!/^vfio(_|$)/.test(moduleName(line.module))) return null;
      return line.kind === "blacklist"
        ? `keeps ${line.module} from being loaded at boot, and devices are handed over by it. Take the line out`
        : `runs a command where ${line.module} should be loaded, and devices are handed over by it. Take the line out`;
    },
  },
  {
    name: "gone-driver",
    applies: "`blacklist`, `alias` and `options` lines for modules that no kernel has any more (`lbm-...`)",
    source: "Ubuntu's linux-backports-modules, last made for 12.04",
    judge({ line }) {
      const module = "module" in line ? (line.kind === "alias" ? line.alias : line.module) : "";
      return /^lbm[-_]/.test(module)
        ? "does nothing: backported modules of that name came with Ubuntu's kernels until 12.04"
        : null;
    },
  },
  {
    name: "address-in-new-id-line",
    applies: "`install` lines that write an address into a driver's new_id",
    source: "Linux, Documentation/ABI/testing/sysfs-bus-pci: new_id takes vendor and device",
    judge: ({ line }) => (line.kind === "install" ? addressInNewId(line.command) : null),
  },
  {
    name: "vga-arbitration",
    applies: "`options vfio-pci disable_vga=1` of others",
    source: "Linux, drivers/vfio/pci/Kconfig: VFIO_PCI_VGA",
    judge: ({ line, declared }) =>
      !declared &&
      isOptionOf(line, "vfio_pci") &&
      line.options.some((option) => /^disable_vga=[1yY]$/.test(option))
        ? "is for every card of the host: one that a guest with SeaBIOS shall have as its first display (x-vga) shows nothing then"
        : null,
  },
];

function ofLines({ judge, ...rule }: LineRule): AdviceRule {
  return {
    ...rule,
    find: (context) =>
      modprobeLines(context).flatMap((said): Finding[] => {
        const words = judge(said, context);
        return words === null ? [] : [{ where: said.where, text: said.text, words }];
      }),
  };
}

/** Ids take every card of a kind, also the twin that the host keeps for itself. */
const idsOfUnbound: AdviceRule = {
  name: "ids-of-unbound",
  applies: "`vfio-pci.ids=` and `options vfio-pci ids=` of others that match a device which no binding names",
  source: "Linux, drivers/vfio/pci/vfio_pci.c: ids are added to the driver as it loads",
  find(context) {
    const { observation, functions } = context;
    const bound = new Set(functions.map(({ address }) => address));
    const judge = (where: string, text: string, ids: string): Finding[] => {
      const caught = observation.devices.filter(
        (device) => !device.bridge && !bound.has(device.address) && matches(device, ids),
      );
      if (caught.length === 0) return [];
      return [
        {
          where,
          text,
          words: `takes ${caught.map(describeDevice).join(" and ")} from the host at boot, which no binding names: ids hold every card of a kind. Bind it, or take the line out; a binding by address holds exactly one card`,
        },
      ];
    };
    return [
      ...parameters(context)
        .filter(({ parameter, declared }) => !declared && parameter.name === "vfio_pci.ids")
        .flatMap(({ where, text, parameter }) => judge(where, text, parameter.value ?? "")),
      ...modprobeLines(context).flatMap(({ where, text, line, declared }) =>
        declared || !isOptionOf(line, "vfio_pci")
          ? []
          : line.options
              .filter((option) => option.startsWith("ids="))
              .flatMap((option) => judge(where, text, option.slice("ids=".length))),
      ),
    ];
  },
};

const unsafeInterrupts: AdviceRule = {
  name: "unsafe-interrupts",
  applies: "allow_unsafe_interrupts of others, where `allowUnsafeInterrupts` is not declared",
  source: "Linux, drivers/vfio/vfio_iommu_type1.c",
  find(context) {
    if (context.declaration.allowUnsafeInterrupts) return [];
    const words =
      "lets a guest with a device send the host forged interrupts (MSI attacks), and is not declared. Take it out, or declare `allowUnsafeInterrupts`";
    const on = (option: string) => /^allow_unsafe_interrupts(=[1yY].*)?$/.test(option);
    return [
      ...parameters(context)
        .filter(({ parameter: { name, value } }) => {
          const [module, option] = name.split(".");
          return module === "vfio_iommu_type1" && on(value === null ? (option ?? "") : `${option}=${value}`);
        })
        .map(({ where, text }) => ({ where, text, words })),
      ...modprobeLines(context)
        .filter(({ line }) => isOptionOf(line, "vfio_iommu_type1") && line.options.some(on))
        .map(({ where, text }) => ({ where, text, words })),
    ];
  },
};

const virqfdModule: AdviceRule = {
  name: "vfio-virqfd",
  applies: "`vfio_virqfd` among the modules that are loaded at boot, with a kernel from 6.2 on",
  source: "Linux 6.2, drivers/vfio/Makefile: virqfd became a part of vfio",
  find: (context) =>
    isOlderThan(nextRelease(context), 6, 2)
      ? []
      : modules(context)
          .filter(({ module }) => moduleName(module) === "vfio_virqfd")
          .map(({ where, text }) => ({
            where,
            text,
            words: `names a module that Linux ${nextRelease(context)} does not have: it became a part of vfio in 6.2. It only makes a warning at boot`,
          })),
};

export const modprobeRules: readonly AdviceRule[] = [
  ...rules.map(ofLines),
  idsOfUnbound,
  unsafeInterrupts,
  virqfdModule,
];

/** What is wrong with a command that writes an address where ids belong. */
export function addressInNewId(command: string): string | null {
  return /\b(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b.*\/new_id\b/i.test(command)
    ? "does nothing: new_id takes vendor and device (10de 1b80), not an address. A VfioBinding holds exactly the device at an address"
    : null;
}

function isOptionOf(line: ModprobeLine, module: string): line is Extract<ModprobeLine, { kind: "options" }> {
  return line.kind === "options" && moduleName(line.module) === module;
}

const optionName = (option: string): string =>
  (parseKernelParameters(option)[0]?.name ?? option).replace(/^.*\./, "");

/** `vendor:device[:subvendor[:subdevice[:class[:mask]]]]`, several with commas; ffffffff is any. */
function matches(device: PciDevice, ids: string): boolean {
  return ids.split(",").some((id) => {
    const wanted = id.trim().split(":");
    const found = [device.vendor, device.device, device.subsystemVendor, device.subsystemDevice];
    if (wanted.length < 2) return false;
    const same = found.every((value, at) => {
      const one = parseInt(wanted[at] ?? "ffffffff", 16);
      return one === 0xffffffff || one === parseInt(value, 16);
    });
    const mask = parseInt(wanted[5] ?? "0", 16);
    return same && ((parseInt(device.class, 16) ^ parseInt(wanted[4] ?? "0", 16)) & mask) === 0;
  });
}
