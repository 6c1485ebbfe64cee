import type { BootDeclaration } from "./bootConfiguration";
import type { Observation } from "./observation";
import type { Platform } from "./platform";

/** What the firmware has switched off, and what to switch on: a heading and the rest. */
export function firmwareWarnings(
  { iommu, devices }: Pick<BootDeclaration, "iommu" | "devices">,
  { cpuVendor }: Platform,
  { hostname, architecture, cpu, firmware, iommuUnits, devices: found }: Observation,
): [heading: string, words: string][] {
  if (!/^(x86_64|i[3-6]86)$/.test(architecture) || cpuVendor === "other") return [];
  const names = firmwareNames[cpuVendor];
  const where = `in the firmware's setup${firmware.product === "" ? "" : ` (${firmware.product})`}`;
  const virtual = "If the host is a virtual machine itself, its own hypervisor must offer it.";
  const wanted = iommu || Object.keys(devices).length > 0;
  const shown = firmware.iommuTable !== null || iommuUnits.length > 0;
  return [
    ...(!cpu.virtualization
      ? [
          [
            `${hostname} has virtualization switched off`,
            `/proc/cpuinfo shows no ${names.flag}, and KVM needs it. Switch on ${names.virtualization} ${where}. ${virtual}`,
          ] as [string, string],
        ]
      : []),
    ...(wanted && !shown && found.every(({ iommuGroup }) => iommuGroup === null)
      ? [
          [
            `The firmware of ${hostname} offers no IOMMU`,
            `There is no ${names.table} table in /sys/firmware/acpi/tables, so no kernel parameter and no reboot turns it ` +
              `on. Switch on ${names.iommu} ${where}. ${virtual}`,
          ] as [string, string],
        ]
      : []),
  ];
}

/** How setup programs name it. */
const firmwareNames = {
  intel: {
    flag: "vmx",
    table: "DMAR",
    virtualization: "Intel Virtualization Technology (VT-x)",
    iommu: "VT-d (Intel VT for Directed I/O)",
  },
  amd: { flag: "svm", table: "IVRS", virtualization: "SVM Mode (AMD-V)", iommu: "IOMMU (AMD-Vi)" },
} as const;
