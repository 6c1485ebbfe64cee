export * from "./attribute";
export * from "./provider";
export * from "./iommuHost";
export * from "./vfioBinding";
export * from "./vm";
export * from "./hypervisors";
export * from "./pciDevices";
export * from "./mapping";
