/** What a mapping declares, and the hosts it speaks of: the one it is written on, and every one that has a device of it. */
import type { MappedDevice } from "../hypervisors/proxmox/mapping";
import type { HostFacts, ProxmoxFacts } from "../model/facts";
import type { Diagnostic, PrivateState } from "../plugin/types";
import type { PciMappingState, UsbMappingState } from "../schema";
import type { Hosts, Seen, Sight } from "./hosts";

export type MappingState = UsbMappingState & Partial<Pick<PciMappingState, "mdev" | "live_migration">>;

/** A declared device with the host that has it. */
export type HostDevice = MappedDevice & { readonly host: string };

export type Sights = Readonly<Record<string, Sight>>;

export function devicesOf(state: MappingState): Record<string, HostDevice> {
  const declared = (state.devices ?? {}) as Record<string, Record<string, string | null>>;
  return Object.fromEntries(
    Object.entries(declared).map(([key, { host, address, id, port }]) => [
      key,
      { host: host ?? "", address: address ?? null, id: id ?? null, port: port ?? null },
    ]),
  );
}

/** The writer and every host that has one of the devices. */
export async function lookAll(
  state: MappingState,
  kept: PrivateState,
  hosts: Hosts,
  signal: AbortSignal,
): Promise<Sights> {
  const connections = (kept["connections"] ?? {}) as Readonly<Record<string, unknown>>;
  const names = new Set([state.host ?? "", ...Object.values(devicesOf(state)).map(({ host }) => host)]);
  const sights = await Promise.all(
    [...names].map(async (name) => [name, await hosts.look(name, connections[name], signal)] as const),
  );
  return Object.fromEntries(sights);
}

export function noticeOf(sights: Sights): Diagnostic | null {
  const assumed = Object.values(sights).find((sight) => sight.kind === "assumed");
  return assumed?.kind === "assumed" ? assumed.notice : null;
}

export function seen(sights: Sights, host: string | null): Seen | null {
  const all = Object.values(sights);
  const sight = sights[host ?? ""];
  return sight?.kind === "seen" && all.every(({ kind }) => kind === "seen") ? sight : null;
}

export function cluster(host: string, facts: HostFacts): ProxmoxFacts {
  if (facts.proxmox === null) {
    throw new Error(
      `${host} does not answer as a Proxmox VE host: /etc/pve cannot be read there. Is the pve-cluster service running?`,
    );
  }
  return facts.proxmox;
}
