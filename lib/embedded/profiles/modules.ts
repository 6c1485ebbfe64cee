import type { KernelModule } from "./types";

const pciClass = (digits: string) => {
  const [base, sub, programming] = [0, 2, 4].map((at) => digits.slice(at, at + 2).toUpperCase());
  return `pci:v*d*sv*sd*bc${base || "*"}sc${sub || "*"}i${programming || "*"}`;
};
const pciIds = (vendor: string, ...devices: string[]) =>
  devices.map((device) => `pci:v0000${vendor.toUpperCase()}d0000${device.toUpperCase()}sv*sd*bc*sc*i*`);

/** The modules that the profiles' hardware needs, with the aliases their real ones claim it by. */
export const commonModules: Readonly<Record<string, KernelModule>> = {
  pcieport: { aliases: [pciClass("0604")], driver: "pcieport", builtin: true },
  ahci: { aliases: [pciClass("010601")], driver: "ahci", initramfs: true },
  nvme_core: { initramfs: true, parameters: { multipath: "Y" } },
  nvme: { aliases: [pciClass("010802")], driver: "nvme", dependsOn: ["nvme_core"], initramfs: true },
  xhci_hcd: { builtin: true },
  xhci_pci: { aliases: [pciClass("0c0330")], driver: "xhci_hcd", dependsOn: ["xhci_hcd"], initramfs: true },
  dca: { initramfs: true },
  i2c_algo_bit: {},
  igb: {
    aliases: pciIds("8086", "1521"),
    driver: "igb",
    dependsOn: ["dca", "i2c_algo_bit"],
    initramfs: true,
    parameters: { max_vfs: "0" },
  },
  igbvf: { aliases: pciIds("8086", "1520"), driver: "igbvf" },
  ixgbe: { aliases: pciIds("8086", "1528", "10fb"), driver: "ixgbe", dependsOn: ["dca"], initramfs: true },
  e1000e: { aliases: pciIds("8086", "15bb", "15bc"), driver: "e1000e", initramfs: true },
  mpt3sas: { aliases: pciIds("1000", "0097"), driver: "mpt3sas", initramfs: true },
  ast: { aliases: pciIds("1a03", "2000"), driver: "ast" },
  nouveau: { aliases: ["pci:v000010DEd*sv*sd*bc03sc*i*"], driver: "nouveau", parameters: { modeset: "-1" } },
  nvidiafb: { aliases: [], driver: "nvidiafb" },
  i915: { aliases: pciIds("8086", "3e92", "3e98"), driver: "i915", dependsOn: ["i2c_algo_bit"] },
  snd_hda_intel: { aliases: [pciClass("0403")], driver: "snd_hda_intel", parameters: { power_save: "1" } },
  i2c_i801: { aliases: pciIds("8086", "a323"), driver: "i801_smbus" },
  i2c_piix4: { aliases: pciIds("1022", "790b"), driver: "piix4_smbus" },
  ccp: { aliases: pciIds("1022", "1486"), driver: "ccp" },
  // Where / is on ZFS it is there before any other module.
  zfs: { builtin: true, parameters: { zfs_arc_max: "0" } },
  bonding: {},
  kvm: { parameters: { ignore_msrs: "N", report_ignored_msrs: "Y" } },
  kvm_amd: { dependsOn: ["kvm", "ccp"], parameters: { nested: "1", npt: "Y" } },
  kvm_intel: { dependsOn: ["kvm"], parameters: { nested: "Y", ept: "Y" } },
  irqbypass: {},
  iommufd: {},
  vfio: { dependsOn: ["iommufd"], parameters: { enable_unsafe_noiommu_mode: "N" } },
  vfio_iommu_type1: {
    dependsOn: ["vfio"],
    parameters: { allow_unsafe_interrupts: "N", disable_hugepages: "N", dma_entry_limit: "65535" },
  },
  vfio_pci_core: { dependsOn: ["irqbypass", "vfio"] },
  vfio_pci: {
    driver: "vfio-pci",
    dependsOn: ["vfio_pci_core", "vfio"],
    parameters: {
      disable_vga: "N",
      disable_idle_d3: "N",
      nointxmask: "N",
      enable_sriov: "N",
      disable_denylist: "N",
    },
  },
  vfio_virqfd: { dependsOn: ["vfio"] },
};

/** All but some, for kernels that lack them. */
export function modulesWithout(...names: string[]): Record<string, KernelModule> {
  return Object.fromEntries(Object.entries(commonModules).filter(([name]) => !names.includes(name)));
}

/** And some built in, as some distributions have them. */
export function withBuiltin(
  modules: Readonly<Record<string, KernelModule>>,
  ...names: string[]
): Record<string, KernelModule> {
  return Object.fromEntries(
    Object.entries(modules).map(([name, module]) => [
      name,
      names.includes(name) ? { ...module, builtin: true } : module,
    ]),
  );
}
