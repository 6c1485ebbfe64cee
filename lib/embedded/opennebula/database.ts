import type { Machine } from "../machine";
import type { Files } from "../files";
import { monitor } from "./monitoring";
import { parseTemplate } from "./templateSyntax";
import type { Database, HostRow, OpenNebulaCloud, Row, VmRow } from "./types";

const path = "/var/lib/one/one.db.json";

/** A command said no: its words, and its exit code. */
export class OneError extends Error {
  constructor(
    message: string,
    readonly code = 255,
  ) {
    super(message);
  }
}

export const defaultPciConf = `# This option specifies the main filters for PCI card monitoring, as lspci takes them.
:filter: '0:0'

# Exact addresses of those that the filter leaves.
:short_address: []

# Names, as regular expressions.
:device_name: []

:nvidia_vendors:
  - '10de'
`;

export const pciConfFile = "/var/lib/one/remotes/etc/im/kvm-probes.d/pci.conf";

/** A front end as its administrator left it: the hosts are monitored with the configuration that is delivered. */
export function installOpenNebula(files: Files, cloud: OpenNebulaCloud): void {
  files.write(pciConfFile, defaultPciConf);
  const database: Database = {
    hosts: cloud.hosts.map(({ id, name, template = "" }) => ({
      ...{ id, name, template: parseTemplate(template) },
      ...{ state: "MONITORED" as const, synced: defaultPciConf, pci: [] },
    })),
    vms: cloud.vms.map(({ id, name, state, host, template }) => ({
      ...{ id, name, state, host: host ?? null },
      template: parseTemplate(template),
    })),
    templates: cloud.templates.map((row) => ({ ...row, template: parseTemplate(row.template) })),
    networks: cloud.networks.map((row) => ({ ...row, template: parseTemplate(row.template) })),
  };
  for (const host of database.hosts) monitor(cloud, host, database.vms);
  files.write(path, JSON.stringify(database, null, 2));
}

export function readDatabase({ files }: Machine): Database {
  return JSON.parse(files.read(path) ?? "{}") as Database;
}

export function saveDatabase({ files }: Machine, database: Database): void {
  files.replace(path, JSON.stringify(database, null, 2));
}

export function cloudOf({ profile }: Machine): OpenNebulaCloud {
  return profile.openNebula ?? { hosts: [], vms: [], templates: [], networks: [] };
}

/** By id or name, as the commands take it. */
export function find<T extends Row>(kind: string, rows: readonly T[], word: string): T {
  const byId = /^\d+$/.test(word);
  const named = rows.filter((row) => (byId ? String(row.id) === word : row.name === word));
  const [found] = named;
  if (named.length > 1) throw new OneError(`There are multiple ${kind}s with name ${word}.`);
  if (found) return found;
  throw byId
    ? new OneError(`[one.${apiName[kind] ?? ""}.info] Error getting ${words[kind] ?? ""} [${word}].`)
    : new OneError(`${kind} named ${word} not found.`);
}

const apiName: Readonly<Record<string, string>> = {
  HOST: "host",
  VM: "vm",
  VMTEMPLATE: "template",
  VNET: "vn",
};
const words: Readonly<Record<string, string>> = {
  HOST: "host",
  VM: "virtual machine",
  VMTEMPLATE: "virtual machine template",
  VNET: "virtual network",
};

export function hostOf(database: Database, vm: VmRow): HostRow | undefined {
  return database.hosts.find(({ id }) => id === vm.host);
}
