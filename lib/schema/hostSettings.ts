import { bool, list, map, number, object, optional, string } from "./attribute";

const hugepagesAttributes = {
  default_size: optional(string, "The size that a program gets which asks for none, such as `1G`."),
  pools: optional(map(number), "How many pages, by their size, such as `2M` or `1G`."),
} as const;

const kvmAttributes = {
  ignore_msrs: optional(bool, "Let guests read and write registers that KVM does not know."),
  report_ignored_msrs: optional(bool, "Log each time that a guest does."),
  nested: optional(bool, "Let guests run guests of their own."),
} as const;

const dracutDriversAttributes = {
  load: optional(list(string), "Loaded by dracut's initramfs before any other: `rd.driver.pre`."),
  blacklist: optional(list(string), "Never loaded by dracut's initramfs: `rd.driver.blacklist`."),
} as const;

/** Settings of a host that are declared by name. */
export const hostSettingAttributes = {
  iommu_mode: optional(
    string,
    "`passthrough`: the host's own DMA goes past the IOMMU, `translated`: through it. The kernel's own choice if not set.",
  ),
  acs_override: optional(
    list(string),
    "`downstream`, `multifunction` or `id:vvvv:dddd`: devices that the kernel takes for isolated although they do not " +
      "say so; only on kernels that carry the patch.",
  ),
  hugepages: optional(object(hugepagesAttributes), "Memory set apart in huge pages at boot."),
  kvm: optional(object(kvmAttributes), "Options of KVM."),
  disable_vga: optional(bool, "vfio-pci takes no part in VGA arbitration, for every card of the host."),
  disabled_modules: optional(list(string), "Modules that do not load, not even by name."),
  initramfs_modules: optional(list(string), "Modules packed into the initramfs beside those of vfio."),
  dracut_drivers: optional(object(dracutDriversAttributes), "What dracut's initramfs does with drivers."),
} as const;
