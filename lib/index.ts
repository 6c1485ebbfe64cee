/** PCI passthrough as code: what a stack imports. */
export { BoundDevice } from "./constructs/BoundDevice";
export type { Connection, JumpHost, WhenUnreachable } from "./constructs/connection";
export type { DracutDrivers, HostSettings, Hugepages, KvmSettings } from "./constructs/hostSettings";
export type { BeforeReboot } from "./constructs/BeforeReboot";
export { IommuHost, type IommuHostProps } from "./constructs/IommuHost";
export { Libvirt } from "./constructs/Libvirt";
export { LibvirtDeviceAccess, type LibvirtDeviceAccessProps } from "./constructs/LibvirtDeviceAccess";
export type { ManagedHost } from "./constructs/ManagedHost";
export { OpenNebula, type OpenNebulaHostOptions, type OpenNebulaProps } from "./constructs/OpenNebula";
export {
  OpenNebulaNetwork,
  type OpenNebulaAddressRange,
  type OpenNebulaNetworkProps,
} from "./constructs/OpenNebulaNetwork";
export {
  OpenNebulaPciFilter,
  type OpenNebulaHostSelection,
  type OpenNebulaPciFilterProps,
  type OpenNebulaPciSelection,
} from "./constructs/OpenNebulaPciFilter";
export {
  PassthroughProvider,
  type PassthroughProviderProps,
  type RebootEvents,
} from "./constructs/PassthroughProvider";
export { PassthroughVm, type PassthroughNic, type PassthroughVmProps } from "./constructs/PassthroughVm";
export { Ovirt, type OvirtVmOptions } from "./constructs/Ovirt";
export { OvirtEngine, type OvirtEngineProps } from "./constructs/OvirtEngine";
export { OvirtHost, type OvirtHostProps } from "./constructs/OvirtHost";
export { PciDevices, type PciDevicesProps } from "./constructs/PciDevices";
export { PciMapping, type MappedPciDevice, type PciMappingProps } from "./constructs/PciMapping";
export { Proxmox } from "./constructs/Proxmox";
export { RebootGroup, type RebootGroupProps } from "./constructs/RebootGroup";
export type { ResourceMappingProps } from "./constructs/ResourceMapping";
export { RomFile, type RomFileProps } from "./constructs/RomFile";
export type { PciSlotProps, UsbSlotProps } from "./constructs/slots";
export { UsbMapping, type MappedUsbDevice, type UsbMappingProps } from "./constructs/UsbMapping";
export { VfioBinding, type VfioBindingProps } from "./constructs/VfioBinding";
export type { DeviceSelector } from "./constructs/DeviceSelector";
export {
  VirtualFunctions,
  type VirtualFunctionProps,
  type VirtualFunctionsProps,
} from "./constructs/VirtualFunctions";
export type { VmTarget } from "./constructs/VmTarget";
