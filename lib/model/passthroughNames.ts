/** Which of a host's kernel parameters and modules concern passthrough, by name. */

/** Parameters of the kernel and of modules; a dash is an underscore to the kernel. */
const parameters: readonly RegExp[] = [
  /^(intel_iommu|amd_iommu|iommu|iommu\..*|ivrs_.*)$/,
  /^(vfio|vfio_pci|vfio_iommu_type1|kvm|kvm_intel|kvm_amd|pci_stub)\./,
  /^(pci|pcie_acs_override|pcie_aspm|pcie_port_pm)$/,
  // What keeps a driver or the boot's own frame buffer off a card.
  /^(video|nofb|nomodeset|initcall_blacklist|modprobe\.blacklist|module_blacklist|rd\.driver\..*)$/,
  // Guests with devices pin their memory.
  /^(default_hugepagesz|hugepagesz|hugepages)$/,
];

export function concernsPassthrough(parameter: string): boolean {
  return parameters.some((form) => form.test(parameter));
}

/** Modules, by their names with underscores. */
export const moduleNames = {
  /** Whose loading at boot is about passthrough. */
  loaded: /^(vfio(_.*)?|pci_stub|kvmgt|mdev)$/,
  /** Whose options are. */
  options: /^(vfio(_.*)?|pci_stub|kvm(_.*)?)$/,
  /** That are blacklisted to leave a card alone. */
  blacklisted:
    /^(nouveau|nova_core|nvidia(_drm|_modeset|_uvm)?|amdgpu|radeon|i915|xe|snd_hda_intel|ast|mgag200)$/,
} as const;
