import type { PciDevice } from "../../lib/model/facts";

/** A PCI function below a root port, with what a test wants different. */
export function pciDevice(address: string, different: Partial<PciDevice> = {}): PciDevice {
  return {
    address,
    vendor: "10de",
    device: "2204",
    subsystemVendor: "1462",
    subsystemDevice: "3881",
    class: "030000",
    revision: "a1",
    path: ["0000:00:03.1", address],
    bridge: false,
    driver: null,
    driverOverride: null,
    iommuGroup: null,
    reservedRegions: [],
    bootVga: false,
    modalias: "",
    serial: null,
    pcieSerial: null,
    macs: [],
    physicalFunction: null,
    resetMethods: ["bus"],
    name: "",
    ...different,
  };
}
