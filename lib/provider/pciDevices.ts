import type { PciDevice } from "../model/facts";
import { resolveDevices } from "../model/selector";
import type { DataSourceType } from "../plugin/types";
import { pciDevicesSchema, type PciDevicesState } from "../schema";
import type { Hosts } from "./hosts";
import { typed } from "./values";

export const pciDevices: DataSourceType<Hosts> = {
  schema: pciDevicesSchema,

  async read(config, hosts, signal) {
    const wanted = typed<PciDevicesState>(config);
    const name = wanted.host ?? "";
    const sight = await hosts.look(name, null, signal);
    if (sight.kind === "assumed")
      throw new Error(`Unable to list the PCI devices of ${name}: ${sight.notice.detail ?? ""}`);
    if (sight.kind === "unknown")
      throw new Error(`Unable to list the PCI devices of ${name}: its connection is only known after apply.`);
    const { devices, critical, iommuUnits } = sight.facts;
    const chosen =
      wanted.address === null && wanted.device_id === null
        ? devices
        : resolveDevices(devices, { address: wanted.address, id: wanted.device_id });
    const usesOf = ({ address }: PciDevice) =>
      critical.filter((found) => found.address === address).map(({ use }) => use);
    const listed = chosen
      .filter((device) => wanted.class === null || device.class.startsWith(wanted.class.toLowerCase()))
      .map((device) => [
        device.address,
        {
          id: `${device.vendor}:${device.device}`,
          class: device.class.slice(0, 4),
          name: device.name,
          driver: device.driver ?? "",
          iommu_group: device.iommuGroup ?? "",
          critical: usesOf(device),
        },
      ]);
    return {
      state: { ...config, id: name, devices: Object.fromEntries(listed), iommu: iommuUnits.length > 0 },
    };
  },
};
