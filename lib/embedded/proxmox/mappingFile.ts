import { createHash } from "node:crypto";
import type { Machine } from "../machine";

export type MappingKind = "pci" | "usb";

/** One section of /etc/pve/mapping/pci.cfg or usb.cfg. */
export interface MappingSection {
  readonly options: Readonly<Record<string, string>>;
  readonly map: readonly string[];
}

export type MappingFile = Readonly<Record<string, MappingSection>>;

const pathOf = (kind: MappingKind) => `/etc/pve/mapping/${kind}.cfg`;

export function readMappings(
  { files }: Machine,
  kind: MappingKind,
): { mappings: MappingFile; digest: string } {
  const text = files.read(pathOf(kind)) ?? "";
  const mappings: Record<string, { options: Record<string, string>; map: string[] }> = {};
  let section: { options: Record<string, string>; map: string[] } | undefined;
  for (const line of text.split("\n")) {
    const [, heading] = /^([^\s#]\S*)\s*$/.exec(line) ?? [];
    if (heading !== undefined) section = mappings[heading] = { options: {}, map: [] };
    const [, key, value = ""] = /^\s+(\S+)(?:\s+(.*?))?\s*$/.exec(line) ?? [];
    if (key === "map") section?.map.push(value);
    else if (key !== undefined && section) section.options[key] = value;
  }
  return { mappings, digest: createHash("sha1").update(text).digest("hex") };
}

/** As Proxmox VE writes it: a heading each, what it holds indented by a tab, an empty line between. */
export function writeMappings({ files }: Machine, kind: MappingKind, mappings: MappingFile): void {
  const sections = Object.entries(mappings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { options, map }]) => {
      const lines = [
        ...Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1)),
        ...map.map((entry) => ["map", entry] as const),
      ];
      return `${name}\n${lines.map(([key, value]) => `\t${key} ${value}\n`).join("")}`;
    });
  files.replace(pathOf(kind), sections.join("\n"));
}
