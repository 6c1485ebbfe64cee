import type { Files } from "../files";
import type { PciFunction, Profile } from "../profiles/types";
import { deviceFolder, layOutFunction } from "./pci";

/** The functions of the machine and the virtual ones that are there now. */
export function presentDevices(files: Files, profile: Profile): readonly PciFunction[] {
  const able = profile.devices.filter(({ sriov }) => sriov !== undefined);
  return able.length === 0
    ? profile.devices
    : [...profile.devices, ...able.flatMap((device) => virtualFunctions(files, profile, device))];
}

/** The virtual functions that a physical one has now. */
export function virtualFunctions(files: Files, profile: Profile, physical: PciFunction): PciFunction[] {
  const count = Number(files.read(`${deviceFolder(physical, profile.devices)}/sriov_numvfs`) ?? 0);
  return Array.from({ length: count }, (_, number) => virtualFunction(physical, number));
}

/** The n-th virtual function, as the capability places it. */
function virtualFunction(physical: PciFunction, number: number): PciFunction {
  const { sriov, parent, subsystem, revision } = physical;
  if (sriov === undefined) throw new Error(`${physical.address} makes no virtual functions.`);
  const [vendor = ""] = physical.id.split(":");
  const port = physical.gives?.net?.[0]?.name;
  return {
    address: moved(physical.address, sriov.offset + number * sriov.stride),
    ...(parent === undefined ? {} : { parent }),
    ...(subsystem === undefined ? {} : { subsystem }),
    ...(revision === undefined ? {} : { revision }),
    id: `${vendor}:${sriov.device}`,
    class: physical.class,
    group: sriov.group + number,
    physicalFunction: physical.address,
    ...(port === undefined
      ? {}
      : {
          gives: {
            driver: `${sriov.driver}vf`,
            net: [{ name: `${port}v${number}`, mac: `ae:00:00:00:00:0${number}`, up: false }],
          },
        }),
  };
}

/** The function whose routing id is so much higher. */
function moved(address: string, by: number): string {
  const [, domain = "", bus = "", device = "", fn = ""] = /^(.{4,8}):(..):(..)\.(.)$/.exec(address) ?? [];
  const id = (parseInt(bus, 16) << 8) + (parseInt(device, 16) << 3) + Number(fn) + by;
  const hex = (value: number) => value.toString(16).padStart(2, "0");
  return `${domain}:${hex(id >> 8)}:${hex((id >> 3) & 31)}.${id & 7}`;
}

/** A virtual function appears on the bus, with a group where its physical one has one. */
export function addFunction(files: Files, profile: Profile, device: PciFunction, number: number): void {
  const physical = `/sys/bus/pci/devices/${device.physicalFunction ?? ""}`;
  const folder = deviceFolder(device, profile.devices);
  layOutFunction(files, profile, device, files.exists(`${physical}/iommu_group`) ? "all" : "none");
  const owner = profile.devices.find(({ address }) => address === device.physicalFunction);
  if (owner === undefined) return;
  const above = deviceFolder(owner, profile.devices);
  files.link(`${folder}/physfn`, above);
  files.link(`${above}/virtfn${number}`, folder);
}

export function removeFunction(files: Files, profile: Profile, device: PciFunction): void {
  const folder = deviceFolder(device, profile.devices);
  files.remove(`/sys/bus/pci/devices/${device.address}`);
  files.remove(`/sys/kernel/iommu_groups/${device.group}`);
  files.remove(folder);
}
