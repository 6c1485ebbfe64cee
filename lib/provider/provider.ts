import type { Provider, UNKNOWN } from "../plugin/types";
import { providerSchema } from "../schema";
import { Engines, type EngineBlocks } from "./engines";
import { Hosts, type Connections } from "./hosts";
import { iommuHost } from "./iommuHost";
import { libvirtDeviceAccess } from "./libvirtDeviceAccess";
import { pciMapping, usbMapping } from "./mapping";
import { ovirtHost } from "./ovirtHost";
import { openNebulaNetwork } from "./openNebulaNetwork";
import { openNebulaPci } from "./openNebulaPci";
import { pciDevices } from "./pciDevices";
import { romFile } from "./romFile";
import { vfioBinding } from "./vfioBinding";
import { virtualFunctions } from "./virtualFunctions";
import { vm } from "./vm";

export const passthroughProvider: Provider<Hosts> = {
  schema: providerSchema,

  configure(config) {
    const hosts = config["hosts"] as Connections | typeof UNKNOWN | null;
    const engines = config["engines"] as EngineBlocks | typeof UNKNOWN | null;
    const all = config["when_unreachable"];
    const policy = {
      whenUnreachable: typeof all === "string" ? all : null,
      offline: process.env["PASSTHROUGH_OFFLINE"] === "1",
    };
    return Promise.resolve({
      configured: new Hosts(
        { hosts: hosts ?? {}, ...policy },
        new Engines({ engines: engines ?? {}, ...policy }),
      ),
    });
  },

  resources: [
    iommuHost,
    vfioBinding,
    virtualFunctions,
    vm,
    ovirtHost,
    pciMapping,
    usbMapping,
    romFile,
    libvirtDeviceAccess,
    openNebulaPci,
    openNebulaNetwork,
  ],
  dataSources: [pciDevices],
  close: (hosts) => hosts.close(),
};
