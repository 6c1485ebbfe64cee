import { createHash } from "node:crypto";

/** A VM's configuration file: its settings, what waits for the next start, and its snapshots. */
export interface VmConfiguration {
  /** Comment lines at the top, without `#`. */
  readonly description: readonly string[];
  readonly current: Readonly<Record<string, string>>;
  readonly pending: Readonly<Record<string, string>>;
  /** Keys that the next start removes. */
  readonly deleted: readonly string[];
  /** Text of the snapshot sections, as it stands. */
  readonly snapshots: string;
}

export function parseVmConfiguration(text: string): VmConfiguration {
  const description: string[] = [];
  const sections: Record<string, Record<string, string>> = { "": {} };
  let name = "";
  let snapshots = "";
  for (const line of text.split("\n")) {
    const [, section] = /^\[(.+)\]\s*$/.exec(line) ?? [];
    if (section !== undefined) name = section;
    if (name !== "" && name !== "PENDING") {
      snapshots += `${line}\n`;
      continue;
    }
    if (line.startsWith("#")) description.push(line.slice(1));
    const [, key, value] = /^([a-z][a-z_0-9-]*):\s*(.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) (sections[name] ??= {})[key] = value.trim();
  }
  const { delete: deleted = "", ...pending } = sections["PENDING"] ?? {};
  return {
    description,
    current: sections[""] ?? {},
    pending,
    deleted: deleted.split(/[,; ]+/).filter(Boolean),
    snapshots: snapshots.trimEnd(),
  };
}

/** As Proxmox writes it: description, settings by name, then the sections. */
export function printVmConfiguration({
  description,
  current,
  pending,
  deleted,
  snapshots,
}: VmConfiguration): string {
  const waiting = { ...pending, ...(deleted.length > 0 ? { delete: deleted.join(",") } : {}) };
  const sections = [
    description.map((line) => `#${line}\n`).join("") + printSettings(current),
    Object.keys(waiting).length > 0 ? `[PENDING]\n${printSettings(waiting)}` : "",
    snapshots === "" ? "" : `${snapshots}\n`,
  ];
  return sections.filter(Boolean).join("\n");
}

const printSettings = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("");

/** What the next start will run with. */
export function configured({ current, pending, deleted }: VmConfiguration): Record<string, string> {
  const kept = Object.entries(current).filter(([key]) => !deleted.includes(key));
  return { ...Object.fromEntries(kept), ...pending };
}

export function withPendingApplied(configuration: VmConfiguration): VmConfiguration {
  return { ...configuration, current: configured(configuration), pending: {}, deleted: [] };
}

/** What `qm set --digest` compares. */
export const digestOf = (text: string): string => createHash("sha1").update(text).digest("hex");
