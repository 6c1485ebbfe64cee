import { idHalves, modaliasOf } from "../kernel/aliases";
import type { Files } from "../files";
import type { PciFunction, Profile, SriovCapability } from "../profiles/types";

/** Folder of a function below /sys/devices: one component for each bridge above it. */
export function deviceFolder(device: PciFunction, devices: readonly PciFunction[]): string {
  const parent = devices.find(({ address }) => address === device.parent);
  const above = parent ? deviceFolder(parent, devices) : `/sys/devices/pci${device.address.slice(0, 7)}`;
  return `${above}/${device.address}`;
}

/** /sys/devices/pci*, /sys/bus/pci and, where the IOMMU is on, the groups, with no driver loaded yet. */
export function layOutPci(files: Files, profile: Profile, iommu: ReturnType<Profile["iommu"]>): void {
  files.folderAt("/sys/bus/pci/devices");
  files.folderAt("/sys/bus/pci/drivers");
  files.write("/sys/bus/pci/drivers_probe", "");
  files.write("/sys/bus/pci/drivers_autoprobe", "1\n");
  files.folderAt("/sys/kernel/iommu_groups");
  files.folderAt("/sys/class/iommu");
  for (const device of profile.devices) layOutFunction(files, profile, device, iommu);
  if (iommu !== "none") {
    for (const unit of profile.firmware.iommuUnits) {
      files.folderAt(`/sys/devices/virtual/iommu/${unit}/devices`);
      files.link(`/sys/class/iommu/${unit}`, `/sys/devices/virtual/iommu/${unit}`);
    }
  }
}

export function layOutFunction(
  files: Files,
  profile: Profile,
  device: PciFunction,
  iommu: ReturnType<Profile["iommu"]>,
): void {
  const folder = deviceFolder(device, profile.devices);
  const [vendor, id] = idHalves(device.id);
  const [subsystemVendor, subsystemDevice] = idHalves(device.subsystem);
  const attributes: Record<string, string> = {
    vendor: `0x${vendor}`,
    device: `0x${id}`,
    subsystem_vendor: `0x${subsystemVendor}`,
    subsystem_device: `0x${subsystemDevice}`,
    class: `0x${device.class}`,
    revision: `0x${device.revision ?? "00"}`,
    modalias: modaliasOf(device),
    driver_override: "(null)",
    numa_node: String(device.numaNode ?? -1),
    enable: "0",
    irq: "0",
    power_state: "D0",
    ...(device.class.startsWith("0300") ? { boot_vga: device.bootVga ? "1" : "0" } : {}),
    ...(device.bridge
      ? busesBelow(device, profile.devices)
      : { reset_method: device.resetMethods ?? "flr bus" }),
  };
  for (const [name, value] of Object.entries(attributes)) files.write(`${folder}/${name}`, `${value}\n`);
  // Empty until it is switched on.
  if (device.rom !== undefined) files.write(`${folder}/rom`, "");
  files.write(`${folder}/config`, configurationSpace(device, profile.devices));
  files.write(
    `${folder}/uevent`,
    `PCI_CLASS=${device.class.toUpperCase()}\nPCI_ID=${device.id.toUpperCase()}\nPCI_SLOT_NAME=${device.address}\nMODALIAS=${modaliasOf(device)}\n`,
  );
  if (device.sriov) layOutCapability(files, folder, device.sriov);
  files.link(`${folder}/subsystem`, "/sys/bus/pci");
  files.link(`/sys/bus/pci/devices/${device.address}`, folder);
  if (iommu === "all" || (iommu === "all-but-graphics" && !isProcessorGraphics(device))) {
    joinGroup(files, profile, device, folder);
  }
}

/** What a physical function shows of its capability. */
function layOutCapability(files: Files, folder: string, capability: SriovCapability): void {
  const attributes = {
    sriov_totalvfs: capability.total,
    sriov_numvfs: 0,
    sriov_offset: capability.offset,
    sriov_stride: capability.stride,
    sriov_vf_device: capability.device,
    sriov_drivers_autoprobe: 1,
  };
  for (const [name, value] of Object.entries(attributes)) files.write(`${folder}/${name}`, `${value}\n`);
}

/** The numbers of the buses that a bridge leads to. */
function busesBelow(bridge: PciFunction, devices: readonly PciFunction[]): Record<string, string> {
  const children = devices.filter(({ parent }) => parent === bridge.address);
  const own = children.map(({ address }) => parseInt(address.slice(5, 7), 16));
  const below = children.map((child) => Number(busesBelow(child, devices)["subordinate_bus_number"]));
  return {
    secondary_bus_number: String(Math.min(...own, 255)),
    subordinate_bus_number: String(Math.max(...own, ...below, 0)),
  };
}

/** The graphics of the processor itself stand on the root bus. */
function isProcessorGraphics(device: PciFunction): boolean {
  return device.class.startsWith("03") && device.parent === undefined;
}

function joinGroup(files: Files, profile: Profile, device: PciFunction, folder: string): void {
  const group = `/sys/kernel/iommu_groups/${device.group}`;
  const reserved = profile.reservedRegions?.[device.group] ?? "";
  files.write(`${group}/reserved_regions`, `${reserved}0x00000000fee00000 0x00000000feefffff msi\n`);
  files.write(`${group}/type`, "DMA-FQ\n");
  files.link(`${group}/devices/${device.address}`, folder);
  files.link(`${folder}/iommu_group`, group);
}

/**
 * The 64 bytes that every function has, laid out by the PCI specification, then zeros up to 256; with a serial number
 * the 4096 bytes of PCI Express, that number behind the capability for reporting errors.
 */
function configurationSpace(device: PciFunction, devices: readonly PciFunction[]): Buffer {
  const space = Buffer.alloc(device.pcieSerial === undefined ? 256 : 4096);
  if (device.pcieSerial !== undefined) {
    space.writeUInt32LE(0x1401_0001, 0x100);
    space.writeUInt32LE(0x0001_0003, 0x140);
    Buffer.from(device.pcieSerial.replace(/-/g, ""), "hex").reverse().copy(space, 0x144);
  }
  const [vendor, id] = idHalves(device.id);
  const [subsystemVendor, subsystemDevice] = idHalves(device.subsystem);
  space.writeUInt16LE(parseInt(vendor, 16), 0x00);
  space.writeUInt16LE(parseInt(id, 16), 0x02);
  space.writeUInt8(parseInt(device.revision ?? "00", 16), 0x08);
  space.writeUIntLE(parseInt(device.class, 16), 0x09, 3);
  const slot = device.address.slice(0, -1);
  const several = devices.filter(({ address }) => address.startsWith(slot)).length > 1;
  space.writeUInt8((several ? 0x80 : 0) | (device.bridge ? 1 : 0), 0x0e);
  if (!device.bridge) {
    space.writeUInt16LE(parseInt(subsystemVendor, 16), 0x2c);
    space.writeUInt16LE(parseInt(subsystemDevice, 16), 0x2e);
  }
  return space;
}
