import type { ResourceSchema } from "./attribute";
import { iommuHostSchema } from "./iommuHost";
import { libvirtDeviceAccessSchema } from "./libvirtDeviceAccess";
import { pciMappingSchema, usbMappingSchema } from "./mapping";
import { openNebulaNetworkSchema } from "./openNebulaNetwork";
import { openNebulaPciSchema } from "./openNebulaPci";
import { ovirtHostSchema } from "./ovirtHost";
import { romFileSchema } from "./romFile";
import { vfioBindingSchema } from "./vfioBinding";
import { virtualFunctionsSchema } from "./virtualFunctions";
import { vmSchema } from "./vm";

/** Every resource of the provider, in the order that a reader meets them. */
export const resourceSchemas: readonly ResourceSchema[] = [
  iommuHostSchema,
  vfioBindingSchema,
  virtualFunctionsSchema,
  vmSchema,
  pciMappingSchema,
  usbMappingSchema,
  romFileSchema,
  libvirtDeviceAccessSchema,
  ovirtHostSchema,
  openNebulaPciSchema,
  openNebulaNetworkSchema,
];
