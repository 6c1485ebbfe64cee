import { debianIntel } from "../debianIntel";
import { withBuiltin } from "../modules";
import type { Profile } from "../types";

/** The same machine under another system: its IOMMU is off until it is asked for, as many kernels have it. */
export const server = (system: System): Profile => ({
  ...debianIntel,
  iommu: (parameters) =>
    parameters.some((word) => /^intel_iommu=(.*,)?on(,|$)/.test(word)) ? "all" : "none",
  modules: withBuiltin(debianIntel.modules, "xhci_pci"),
  ...system,
  files: { "/etc/fstab": debianIntel.files["/etc/fstab"] ?? "", ...system.files },
});

type System = Pick<
  Profile,
  "name" | "summary" | "hostname" | "osRelease" | "kernels" | "bootLoader" | "files"
> &
  Partial<Profile>;

/** GRUB's environment block, as long as GRUB wants it. */
export const environmentBlock = (...lines: readonly string[]): string =>
  ["# GRUB Environment Block", ...lines, ""].join("\n").padEnd(1024, "#");
