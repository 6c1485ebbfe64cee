/** What may become of a device, or has. */
export type Role = "host" | "blocked" | "vm" | "bound" | "free" | "untold" | "bridge";

export interface RoleMeaning {
  /** On the device. */
  readonly label: string;
  /** In the legend. */
  readonly meaning: string;
}

/** In the order of the legend. */
export const roles: Readonly<Record<Role, RoleMeaning>> = {
  host: { label: "Host needs it", meaning: "the host or this session lives on it: it must stay" },
  blocked: { label: "Not assignable", meaning: "its IOMMU group or the firmware forbids it" },
  vm: { label: "In a VM", meaning: "a VM has it in its configuration" },
  bound: { label: "Held for VMs", meaning: "vfio-pci holds it, no VM has it yet" },
  free: { label: "Free", meaning: "nothing speaks against handing it out" },
  untold: { label: "Not held", meaning: "no VM has it and vfio-pci does not hold it; a plan tells no more" },
  bridge: { label: "Bridge", meaning: "stays with the host" },
};

export const roleNames = Object.keys(roles) as readonly Role[];
