/** The configuration file of one VM, `/etc/pve/qemu-server/<id>.conf`. */
export interface VmConfig {
  /** What it has, or runs with: the main section. */
  readonly current: Readonly<Record<string, string>>;
  /** What changes at the next start: a value, or null where the key goes. */
  readonly pending: Readonly<Record<string, string | null>>;
  readonly snapshots: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

type Section = Record<string, string>;

const heading = /^\[([^\]]+)\]\s*$/;
const setting = /^([a-z][a-z0-9_-]*):\s*(.*?)\s*$/i;

/** Reads a VM's configuration file. Values stay as they are written; comments (the description) are left out. */
export function parseVmConfig(text: string): VmConfig {
  const current: Section = {};
  const pending: Section = {};
  const snapshots: Record<string, Section> = {};
  let section = current;
  for (const line of text.split("\n")) {
    const name = heading.exec(line)?.[1];
    if (name !== undefined) {
      section = /^pending$/i.test(name) ? pending : {};
      // `[special:...]` holds what Proxmox VE notes for itself.
      if (section !== pending && !name.includes(":")) snapshots[name] = section;
      continue;
    }
    const [, key, value] = line.startsWith("#") ? [] : (setting.exec(line) ?? []);
    if (key !== undefined && value !== undefined) section[key] = value;
  }
  const { delete: leaving = "", ...set } = pending;
  return { current, pending: { ...deletions(leaving), ...set }, snapshots };
}

/** `delete: hostpci0,!usb1`; the mark means "by force". */
function deletions(list: string): Record<string, null> {
  const keys = list.split(/[\s,;]+/).filter((key) => key !== "");
  return Object.fromEntries(keys.map((key) => [key.replace(/^!/, ""), null]));
}

/** What is configured: the main section with everything that is pending. */
export function configured(config: VmConfig): Readonly<Record<string, string>> {
  const all: Record<string, string | null> = { ...config.current, ...config.pending };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}
