import { createHash } from "node:crypto";
import type { HostFacts, MappingKind, PciDevice, UsbDevice } from "../../model/facts";
import { functionsOf, normalisePciAddress } from "../../model/pciAddress";
import { parseProperties, printProperties, type Properties } from "./propertyString";

/** One resource mapping of a cluster, as its configuration file has it. */
export interface ResourceMapping {
  /** What is set for the mapping as a whole, such as `description` and `mdev`. */
  readonly options: Readonly<Record<string, string>>;
  /** One for each device of a node, in Proxmox VE's words: `id=...,node=...,path=...`. */
  readonly entries: readonly string[];
}

/** The mapping of that name in a configuration file; null if there is none. */
export function parseMapping(file: string, name: string): ResourceMapping | null {
  const options: Record<string, string> = {};
  const entries: string[] = [];
  let found = false;
  let here = false;
  for (const line of file.split("\n")) {
    const heading = /^([^\s#]\S*)\s*$/.exec(line)?.[1];
    if (heading !== undefined) {
      here = heading === name;
      found ||= here;
      continue;
    }
    const [, key, value = ""] = here ? (/^\s+(\S+)(?:\s+(.*?))?\s*$/.exec(line) ?? []) : [];
    if (key === "map") entries.push(value);
    else if (key !== undefined) options[key] = value;
  }
  return found ? { options, entries } : null;
}

/** What `pvesh set --digest` compares. */
export function mappingDigest(file: string): string {
  return createHash("sha1").update(file).digest("hex");
}

/** Which device of which node an entry names: `pve1 0000:01:00`. A USB device without a port is named by its id. */
export function entryKey(entry: string): string {
  const { node = "", path, id = "" } = parseEntry(entry);
  return `${node} ${path ?? id}`;
}

/** An entry read for its meaning; a word without a name stands under the empty key. */
export function parseEntry(entry: string): Properties {
  const properties = parseProperties(entry, "") ?? { "": entry };
  const canonical = Object.entries(properties).map(([key, value]) => [key, canonicalValue(key, value)]);
  return Object.fromEntries(canonical) as Properties;
}

/** Whether an entry names the same device with the same identity; a remark that somebody added is no difference. */
export function sameEntry(one: string, other: string): boolean {
  return meaning(one) === meaning(other);
}

function meaning(entry: string): string {
  const { description: _remark, ...identity } = parseEntry(entry);
  return JSON.stringify(Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function canonicalValue(key: string, value: string): string {
  if (key === "id" || key === "subsystem-id") return value.replace(/0x/g, "").toLowerCase();
  if (key !== "path" || !value.includes(":")) return value;
  return value
    .split(";")
    .map((path) => {
      try {
        return normalisePciAddress(path);
      } catch {
        return path;
      }
    })
    .join(";");
}

/** What an author declares of one device of a mapping; null where not set. */
export interface MappedDevice {
  /** PCI: a slot or a function. */
  readonly address: string | null;
  /** USB: `vvvv:pppp`. */
  readonly id: string | null;
  /** USB: `bus-port[.port...]`; any port if null. */
  readonly port: string | null;
}

/** An entry with everything that Proxmox VE compares at the start of a VM, or why there is none. */
export type Identified = { readonly entry: string } | { readonly missing: string };

/**
 * The entries of one declared device on its node, as its host sees it.
 * @throws an Error where an address is malformed.
 */
export function identify(kind: MappingKind, device: MappedDevice, facts: HostFacts): Identified[] {
  const node = facts.proxmox?.node ?? "";
  if (kind === "usb") return [identifyUsb(device, node, facts.usbDevices)];
  // Of an import, an address may only be known once its binding is applied.
  const addresses = device.address?.split(";") ?? [];
  return addresses.map((address) => identifyPci(address, node, facts.devices));
}

function identifyPci(address: string, node: string, devices: readonly PciDevice[]): Identified {
  const path = normalisePciAddress(address);
  // Of a slot, Proxmox VE compares its first function.
  const [first] = functionsOf(devices, path).sort((a, b) => (a.address < b.address ? -1 : 1));
  if (first === undefined) return { missing: `there is no PCI device ${path}` };
  if (first.iommuGroup === null)
    return { missing: `${first.address} has no IOMMU group, so the IOMMU is off in this boot` };
  return {
    entry: printProperties(
      {
        id: `${first.vendor}:${first.device}`,
        iommugroup: first.iommuGroup,
        node,
        path,
        "subsystem-id": `${first.subsystemVendor}:${first.subsystemDevice}`,
      },
      "",
    ),
  };
}

function identifyUsb({ id, port }: MappedDevice, node: string, devices: readonly UsbDevice[]): Identified {
  const wanted = (id ?? "").toLowerCase();
  const there = devices.find((device) => (port === null ? device.id === wanted : device.port === port));
  if (there === undefined)
    return {
      missing: port === null ? `there is no USB device ${wanted}` : `nothing is plugged into ${port}`,
    };
  if (there.id !== wanted)
    return { missing: `${there.id} ${there.name} is plugged into ${port ?? ""}, not ${wanted}` };
  return { entry: printProperties({ id: wanted, node, ...(port === null ? {} : { path: port }) }, "") };
}
