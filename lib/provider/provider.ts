import type { Provider, UNKNOWN } from "../plugin/types";
import { providerSchema } from "../schema";
import { Hosts, type Connections } from "./hosts";
import { iommuHost } from "./iommuHost";
import { pciMapping, usbMapping } from "./mapping";
import { pciDevices } from "./pciDevices";
import { vfioBinding } from "./vfioBinding";
import { vm } from "./vm";

export const passthroughProvider: Provider<Hosts> = {
  schema: providerSchema,

  configure(config) {
    const hosts = config["hosts"] as Connections | typeof UNKNOWN | null;
    const whenUnreachable = config["when_unreachable"];
    return Promise.resolve({
      configured: new Hosts({
        hosts: hosts ?? {},
        whenUnreachable: typeof whenUnreachable === "string" ? whenUnreachable : null,
        offline: process.env["PASSTHROUGH_OFFLINE"] === "1",
      }),
    });
  },

  resources: [iommuHost, vfioBinding, vm, pciMapping, usbMapping],
  dataSources: [pciDevices],
  close: (hosts) => hosts.close(),
};
