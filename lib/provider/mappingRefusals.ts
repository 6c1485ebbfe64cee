/** Why a mapping is not written, or not taken away. */
import { mappingSatisfies, observedMapping, type MappingRequest } from "../hypervisors/proxmox/mappingChange";
import { parseMapping } from "../hypervisors/proxmox/mapping";
import type { SettingChange, Settings } from "../hypervisors/types";
import type { MappingKind } from "../model/facts";
import { isPciAddress } from "../model/pciAddress";
import type { Diagnostic } from "../plugin/types";
import { failure } from "./diagnostics";
import type { Seen } from "./hosts";
import { cluster, type HostDevice, type MappingState, type Sights } from "./mappingHosts";

export interface VmSlotWords {
  readonly id: string;
  readonly words: string;
}

export function malformed(kind: MappingKind, { address, id, port }: HostDevice): string[] {
  if (kind === "pci") {
    const parts = (address ?? "").split(";");
    return parts
      .filter((part) => !isPciAddress(part))
      .map(
        (part) =>
          `${JSON.stringify(part)} is not a PCI address. Expected [dddd:]bb:dd[.f] in hex, such as 0000:01:00.`,
      );
  }
  return [
    ...(/^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(id ?? "")
      ? []
      : [
          `${JSON.stringify(id)} is not the id of a USB device. Expected vendor and product, such as 046d:c52b.`,
        ]),
    ...(port === null || /^\d+-\d+(?:\.\d+)*$/.test(port)
      ? []
      : [`${JSON.stringify(port)} is not a USB port. Expected bus-port[.port...], such as 1-4.2.`]),
  ];
}

/** Hosts of another cluster. */
export function strangers(
  state: MappingState,
  before: MappingState | null,
  sights: Sights,
  writer: Seen,
): Diagnostic[] {
  const { nodes } = cluster(state.host ?? "", writer.facts);
  const others = Object.entries(sights).flatMap(([host, sight]) => {
    const node = sight.kind === "seen" ? cluster(host, sight.facts).node : null;
    return node === null || nodes.includes(node) ? [] : [`${host} is node ${node}`];
  });
  const moved = before?.node;
  if (moved && before.host !== state.host && !nodes.includes(moved))
    others.push(`it was written on node ${moved}`);
  if (others.length === 0) return [];
  return [
    failure(
      `Resource mapping ${state.name ?? ""} spans more than one cluster`,
      `${others.join(", ")}; the cluster of ${state.host ?? ""} has ${nodes.join(", ")}. A mapping belongs to one cluster: ` +
        "declare one for each.",
      ["devices"],
    ),
  ];
}

/** A mapping of that name is somebody's already. */
export function taken(title: string, state: MappingState, kind: MappingKind, { facts }: Seen): Diagnostic[] {
  const found = parseMapping(cluster(state.host ?? "", facts).mappingFiles[kind], state.name ?? "");
  if (found === null) return [];
  return [
    failure(
      `There is a ${title} already`,
      `It has:${found.entries.map((entry) => `\n  ${entry}`).join("")}\nSet \`adopt: true\` to take it over, or choose ` +
        "another name.",
      ["name"],
    ),
  ];
}

/** VMs that could not start any more; those of `peers` are changed first. */
export function inUse(
  title: string,
  users: readonly VmSlotWords[],
  { facts }: Seen,
  peers: readonly string[],
): Diagnostic[] {
  const left = users.filter(({ id }) => !peers.includes(id));
  if (left.length === 0) return [];
  return [
    failure(
      `${title} is in use`,
      `${left.map(({ words }) => words).join(", ")} ${left.length > 1 ? "name" : "names"} it in the cluster of ` +
        `${facts.proxmox?.node ?? ""}, and could not start without it. Take it out there first.`,
    ),
  ];
}

/** Settings of ours that are neither what the plan saw nor what is wanted. */
export function editedSince(
  before: MappingState,
  { file, options }: MappingRequest,
  desired: Settings | null,
): SettingChange[] {
  const found = parseMapping(file, options.name);
  if (found === null) return [];
  const seenThen = before.settings ?? {};
  const now = observedMapping(found, seenThen);
  return Object.entries(seenThen).flatMap(([key, was]) => {
    const is = now[key] ?? null;
    const wanted = desired?.[key];
    if (mappingSatisfies(key, is, was) || (wanted !== undefined && mappingSatisfies(key, is, wanted)))
      return [];
    return [{ key, before: was, after: is }];
  });
}
