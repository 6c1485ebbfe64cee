import type { CriticalUse } from "../model/facts";
import { checked } from "./input";
import type { Inspection } from "./inspection";

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;
const textOrNull = { type: ["string", "null"] } as const;
const texts = { type: "array", items: text } as const;
const object = (properties: Readonly<Record<string, object>>) =>
  ({ type: "object", required: Object.keys(properties), properties }) as const;
const hex = (digits: number) => ({ type: "string", pattern: `^[0-9a-f]{${digits}}$` }) as const;
const pciAddress = { type: "string", pattern: "^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\\.[0-7]$" } as const;
const kinds: readonly CriticalUse["kind"][] = [
  "disk",
  "network",
  "display",
  "esp",
  "console",
  "chipset",
  "usb",
  "guest",
  "other",
];

const schema = object({
  hostname: text,
  machineId: text,
  kernel: object({ release: text }),
  distribution: text,
  firmware: object({ efi: flag, iommuTable: { enum: ["DMAR", "IVRS", null] }, product: text }),
  proxmox: { oneOf: [{ type: "null" }, object({ node: text, version: text })] },
  owner: textOrNull,
  unresolved: texts,
  devices: {
    type: "array",
    items: object({
      address: pciAddress,
      vendor: hex(4),
      device: hex(4),
      subsystemVendor: text,
      subsystemDevice: text,
      class: hex(6),
      path: { type: "array", items: pciAddress },
      bridge: flag,
      driver: textOrNull,
      driverOverride: textOrNull,
      iommuGroup: textOrNull,
      reservedRegions: texts,
      bootVga: flag,
      physicalFunction: textOrNull,
      resetMethods: texts,
      name: text,
      critical: { type: "array", items: object({ kind: { enum: kinds }, use: text, essential: flag }) },
      vms: {
        type: "array",
        items: object({
          vmId: text,
          vmName: text,
          slot: text,
          running: flag,
          inUse: flag,
          configured: flag,
          shared: flag,
        }),
      },
      binding: textOrNull,
    }),
  },
});

/**
 * @param content of a file that `passthrough inspect --json` wrote
 * @param file its name, for messages
 * @throws an Error that says what in it is not as expected
 */
export function readInspection(content: string, file: string): Inspection {
  return checked<Inspection>(content, schema, file, "what `passthrough inspect --json` prints");
}
