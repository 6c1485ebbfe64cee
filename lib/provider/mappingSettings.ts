/** A mapping as its hosts stand. */
import { desiredMapping, entrySetting, type MappingOptions } from "../hypervisors/proxmox/mappingChange";
import { identify } from "../hypervisors/proxmox/mapping";
import type { Settings } from "../hypervisors/types";
import { normalisePciAddress } from "../model/pciAddress";
import { UNKNOWN, type Unknown } from "../plugin/types";
import { cluster, devicesOf, type MappingState, type Sights } from "./mappingHosts";

/** What is declared as the hosts stand, and what cannot be told. */
export function desiredOf(
  options: MappingOptions,
  state: MappingState,
  sights: Sights,
): { settings: Settings; missing: string[] } {
  const missing: string[] = [];
  const entries = Object.entries(devicesOf(state)).flatMap(([key, device]) => {
    const sight = sights[device.host];
    if (sight?.kind !== "seen") return [];
    cluster(device.host, sight.facts);
    return identify(options.kind, device, sight.facts).flatMap((found) => {
      if ("entry" in found) return [found.entry];
      missing.push(`${key} on ${device.host}: ${found.missing}`);
      return [];
    });
  });
  return { settings: desiredMapping(options, entries), missing };
}

/**
 * What a plan can promise: options, and the entries of the refresh. Of a device that is new here only the key is known,
 * as a reboot in the same apply may bring its IOMMU group about or number it anew.
 */
export function plannedSettings(
  options: MappingOptions,
  state: MappingState,
  before: MappingState | null,
  refreshed: Settings,
  sights: Sights,
): Record<string, string | Unknown> {
  const known = before === null ? {} : refreshed;
  const entries = Object.values(devicesOf(state)).flatMap(({ host, address, id, port }) => {
    const sight = sights[host];
    const node = sight?.kind === "seen" ? cluster(host, sight.facts).node : "";
    const paths =
      address === null ? [port ?? id?.toLowerCase() ?? ""] : address.split(";").map(normalisePciAddress);
    return paths.map((path) => {
      const key = entrySetting(`node=${node},path=${path}`);
      return [key, known[key] ?? UNKNOWN] as const;
    });
  });
  return { ...desiredMapping(options, []), ...Object.fromEntries(entries) };
}
