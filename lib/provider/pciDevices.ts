import type { PciDevice } from "../model/facts";
import { withIdentities } from "../model/heldDevices";
import { legibleRecord } from "../model/record";
import { addressOf, findDevices } from "../model/selection";
import { serialsOf } from "../model/selector";
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
    const { critical, iommuUnits } = sight.facts;
    const devices = withIdentities(sight.facts.devices, legibleRecord(sight.facts.record)?.held ?? {});
    const chosen = wanted.select === null ? devices : findDevices(devices, wanted.select);
    const usesOf = ({ address }: PciDevice) =>
      critical.filter((found) => found.address === address).map(({ use }) => use);
    const listed = chosen.map((device) => [
      device.address,
      {
        id: `${device.vendor}:${device.device}`,
        class: device.class.slice(0, 4),
        subsystem: `${device.subsystemVendor}:${device.subsystemDevice}`,
        name: device.name,
        serial: serialsOf(device)[0] ?? "",
        macs: [...device.macs],
        driver: device.driver ?? "",
        iommu_group: device.iommuGroup ?? "",
        critical: usesOf(device),
      },
    ]);
    return {
      state: {
        ...config,
        id: name,
        address: wanted.select === null ? "" : addressOf(chosen, devices, wanted.select),
        devices: Object.fromEntries(listed),
        iommu: iommuUnits.length > 0,
      },
    };
  },
};
