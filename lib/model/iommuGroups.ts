import type { PciDevice } from "./facts";

/** A function to bind, and others of its IOMMU group. */
export interface GroupFinding {
  readonly address: string;
  readonly group: string;
  readonly siblings: readonly PciDevice[];
}

/** What the IOMMU groups of functions to bind say about handing them over. */
export interface GroupReport {
  /** The host's drivers hold siblings: as long as they do, no guest can have the function. */
  readonly blocked: readonly GroupFinding[];
  /** Siblings that no driver of the host holds: the guest's IOMMU domain gets them too. */
  readonly travelling: readonly GroupFinding[];
  /** The firmware keeps memory for the function (an RMRR): the kernel refuses to assign it. */
  readonly reserved: readonly {
    readonly address: string;
    readonly group: string;
    readonly regions: readonly string[];
  }[];
  /** Functions without a group: the IOMMU is off for them. */
  readonly groupless: readonly string[];
  /** Functions that are bridges, which vfio-pci does not take. */
  readonly bridges: readonly string[];
}

// Drivers that leave DMA alone, so that a group with them in it is viable.
const passiveDriver = /^pci-stub$|vfio[-_]pci$/;

/** Looks at the groups of the functions at the addresses `bound`, as the host shows them now. */
export function groupReport(devices: readonly PciDevice[], bound: readonly string[]): GroupReport {
  const chosen = devices.filter((device) => bound.includes(device.address));
  const siblingsOf = (device: PciDevice, wanted: (sibling: PciDevice) => boolean): GroupFinding[] => {
    const group = device.iommuGroup;
    if (group === null) return [];
    const siblings = devices.filter(
      // A bridge by its header stays with the host and does not count; one by class alone does.
      (other) =>
        other.iommuGroup === group && !bound.includes(other.address) && !other.bridge && wanted(other),
    );
    return siblings.length > 0 ? [{ address: device.address, group, siblings }] : [];
  };
  const passive = ({ driver }: PciDevice) => driver === null || passiveDriver.test(driver);
  return {
    blocked: chosen.flatMap((device) => siblingsOf(device, (sibling) => !passive(sibling))),
    travelling: chosen.flatMap((device) => siblingsOf(device, passive)),
    reserved: chosen.flatMap(({ address, iommuGroup, reservedRegions }) => {
      const regions = reservedRegions.filter((type) => type === "direct");
      return iommuGroup !== null && regions.length > 0 ? [{ address, group: iommuGroup, regions }] : [];
    }),
    groupless: chosen.filter((device) => device.iommuGroup === null).map((device) => device.address),
    bridges: chosen.filter((device) => device.bridge).map((device) => device.address),
  };
}

/** The functions that cannot be handed over because the host's drivers hold siblings in their group. */
export function groupProblems(
  devices: readonly PciDevice[],
  bound: readonly string[],
): readonly GroupFinding[] {
  return groupReport(devices, bound).blocked;
}
