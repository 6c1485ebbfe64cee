import { isOlderThan, carriesAcsOverride, kernelsWithAcsOverride } from "../kernelRelease";
import { concernsPassthrough } from "../passthroughNames";
import { parseKernelParameters } from "../kernelParameters";
import { loaderOf } from "../platform";
import { parameters, type SaidParameter } from "./said";
import type { AdviceContext, AdviceRule, Finding } from "./types";

/** Release of the kernel that boots next: what is declared is for that one. */
export const nextRelease = ({ observation: { kernel } }: AdviceContext): string =>
  kernel.next ?? kernel.release;

interface ParameterRule extends Omit<AdviceRule, "find"> {
  /** What is wrong with a parameter; null where it is right. */
  judge(said: SaidParameter, context: AdviceContext): string | null;
}

const items = ({ parameter }: SaidParameter): string[] => (parameter.value ?? "").split(",");

const kernelDocument = "Linux, Documentation/admin-guide/kernel-parameters.txt";

const rules: readonly ParameterRule[] = [
  {
    name: "amd-iommu-on",
    applies: "`amd_iommu=on` or `amd_iommu=pt` among kernel parameters, declared or of others",
    source: `${kernelDocument}, amd_iommu`,
    judge(said) {
      if (said.parameter.name !== "amd_iommu") return null;
      if (items(said).includes("on"))
        return "does nothing: the kernel knows no such value, and AMD's IOMMU is on wherever the firmware offers it. Leave it out";
      return items(said).includes("pt")
        ? 'does nothing: the kernel knows no such value. iommu=pt is what is meant: `iommuMode: "passthrough"`'
        : null;
    },
  },
  {
    name: "intel-iommu-pt",
    applies: "`intel_iommu=pt` among kernel parameters, declared or of others",
    source: `${kernelDocument}, intel_iommu`,
    judge: (said) =>
      said.parameter.name === "intel_iommu" && items(said).includes("pt")
        ? 'does nothing: the kernel knows no such value. iommu=pt is what is meant: `iommuMode: "passthrough"`'
        : null,
  },
  {
    name: "other-vendor",
    applies: "`intel_iommu=` on a host with AMD's IOMMU, `amd_iommu=` on one with Intel's",
    source: `${kernelDocument}, intel_iommu and amd_iommu`,
    judge(said, { platform }) {
      const vendor = ({ intel_iommu: "intel", amd_iommu: "amd" } as const)[said.parameter.name];
      if (vendor === undefined || platform.cpuVendor === vendor || platform.cpuVendor === "other")
        return null;
      // Said by its own rule.
      if (vendor === "amd" && /^(on|pt)$/.test(said.parameter.value ?? "")) return null;
      return `does nothing: the host's IOMMU is ${platform.cpuVendor === "amd" ? "AMD's" : "Intel's"}. Leave it out`;
    },
  },
  {
    name: "iommu-pt-on-arm",
    applies: "`iommu=pt` on a host with an ARM CPU",
    source: `${kernelDocument}, iommu and iommu.passthrough`,
    judge: (said, { observation }) =>
      said.parameter.name === "iommu" &&
      items(said).includes("pt") &&
      /^(aarch64|arm)/.test(observation.architecture)
        ? 'does nothing: only x86 reads it. iommu.passthrough=1 is what is meant: `iommuMode: "passthrough"`'
        : null,
  },
  {
    name: "acs-override",
    applies: "`pcie_acs_override=` with a kernel that is not known to carry the patch",
    source: `The patch is in no release of Linux; ${kernelsWithAcsOverride} carry it`,
    judge: (said, context) =>
      said.parameter.name === "pcie_acs_override" && carriesAcsOverride(nextRelease(context)) === null
        ? `does nothing unless ${nextRelease(context)} was built with the ACS override patch, which Linux itself does not have`
        : null,
  },
  {
    name: "dracut-parameters",
    applies: "`rd.driver.*` with another initramfs builder than dracut",
    source: "dracut, dracut.cmdline(7)",
    judge: (said, { platform }) =>
      said.parameter.name.startsWith("rd.driver.") && platform.initramfs !== "dracut"
        ? `does nothing: it is dracut's, and ${platform.initramfs} makes this host's initramfs. Bound devices are held from boot on without it`
        : null,
  },
  {
    name: "vfio-virqfd-parameter",
    applies: "`rd.driver.pre=vfio_virqfd` or `modules_load=vfio_virqfd` with a kernel from 6.2 on",
    source: "Linux 6.2, drivers/vfio/Makefile: virqfd became a part of vfio",
    judge: (said, context) =>
      ["rd.driver.pre", "modules_load"].includes(said.parameter.name) &&
      items(said).some((module) => /^vfio[-_]virqfd$/.test(module)) &&
      !isOlderThan(nextRelease(context), 6, 2)
        ? `names a module that Linux ${nextRelease(context)} does not have: vfio_virqfd became a part of vfio in 6.2. It only makes a warning at boot`
        : null,
  },
];

function ofParameters({ judge, ...rule }: ParameterRule): AdviceRule {
  return {
    ...rule,
    find: (context) =>
      parameters(context).flatMap((said): Finding[] => {
        const words = judge(said, context);
        return words === null ? [] : [{ where: said.where, text: said.text, words }];
      }),
  };
}

/** On a host that systemd-boot starts, what the guides write into GRUB's settings is never read. */
const unreadGrubSettings: AdviceRule = {
  name: "unread-grub-settings",
  applies:
    "parameters about passthrough in GRUB's settings on a host that another boot loader starts, where the running kernel has them not",
  source: "Proxmox VE, Host Bootloader: Editing the Kernel Commandline",
  find({ platform, observation }) {
    const { grubForeign } = observation;
    const source = "/etc/default/grub";
    const places = loaderOf(platform).places(observation);
    if (grubForeign === null || places.some(({ key }) => key.startsWith(source))) return [];
    const running = new Set(parseKernelParameters(observation.kernel.commandLine).map(({ raw }) => raw));
    return parseKernelParameters(`${grubForeign.linux} ${grubForeign.linuxDefault}`)
      .filter(({ name, raw }) => concernsPassthrough(name) && !running.has(raw))
      .map(({ raw }) => ({
        where: source,
        text: raw,
        words: `does nothing: this host's command line stands in ${places.map((place) => place.source).join(" and ")}`,
      }));
  },
};

export const parameterRules: readonly AdviceRule[] = [...rules.map(ofParameters), unreadGrubSettings];
