import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Runner } from "../model/rebootHazards";

type Server = NonNullable<Runner["servers"]>[number];

/** What of this machine tells where Terraform's state is kept. */
export interface TerraformPlace {
  /** The folder that Terraform runs in. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The kernel's table of neighbours, as /proc/net/arp has it; empty where there is none. */
  readonly neighbours: string;
}

export function thisPlace(): TerraformPlace {
  return { folder: process.cwd(), environment: process.env, neighbours: textOf("/proc/net/arp") };
}

/**
 * The servers that keep Terraform's state, with the MAC addresses that they answer with in this machine's own networks:
 * what `terraform init` noted in the folder, else the backend's environment variables. One behind a router cannot be
 * told from others, and has none.
 */
export async function stateServers(place: TerraformPlace): Promise<Server[]> {
  const names = [...new Set(addressesOf(place).flatMap(hostsIn))];
  const macs = macsByAddress(place.neighbours);
  const servers = await Promise.all(
    names.map(async (name) => {
      const found = await lookup(name, { all: true }).catch(() => []);
      return {
        use: `the server that keeps Terraform's state (${name})`,
        macAddresses: [...new Set(found.flatMap(({ address }) => macs.get(address) ?? []))],
      };
    }),
  );
  return servers.filter(({ macAddresses }) => macAddresses.length > 0);
}

/** Where a backend's server stands in its settings, by its type; a later variable is for where no setting names one. */
const backends: Readonly<
  Record<string, { readonly settings: readonly string[]; readonly variables: readonly string[] }>
> = {
  pg: { settings: ["conn_str"], variables: ["PG_CONN_STR", "PGHOST"] },
  http: { settings: ["address", "lock_address"], variables: ["TF_HTTP_ADDRESS", "TF_HTTP_LOCK_ADDRESS"] },
  s3: { settings: ["endpoint", "endpoints"], variables: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] },
  consul: { settings: ["address"], variables: ["CONSUL_HTTP_ADDR"] },
  kubernetes: { settings: ["host"], variables: ["KUBE_HOST"] },
  remote: { settings: ["hostname"], variables: [] },
};

function addressesOf({ folder, environment }: TerraformPlace): string[] {
  const data = environment["TF_DATA_DIR"] || join(folder, ".terraform");
  let noted: { backend?: { type?: unknown; config?: Record<string, unknown> | null } };
  try {
    noted = JSON.parse(textOf(join(data, "terraform.tfstate"))) as typeof noted;
  } catch {
    // No backend: the state is a file here.
    return [];
  }
  const { type, config } = noted.backend ?? {};
  const backend = typeof type === "string" && Object.hasOwn(backends, type) ? backends[type] : undefined;
  if (backend === undefined) return [];
  const set = backend.settings.flatMap((name) => textsIn(config?.[name]));
  return set.length > 0 ? set : backend.variables.flatMap((name) => environment[name] || []);
}

/** A text, or those in a list or a block. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Of a URL, of PostgreSQL's `host=a,b port=1`, or of `name:port`: never what else stands there, such as a password. */
function hostsIn(address: string): string[] {
  const [, listed] = /(?:^|[\s?&])host(?:addr)?\s*=\s*'?([^\s'&]+)/.exec(address) ?? [];
  const [, authority] = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/]*@)?([^/?#]*)/i.exec(address) ?? [];
  const given = listed ?? authority ?? (/[=\s]/.test(address) ? "" : address);
  return given.split(",").flatMap((one) => {
    const [, bracketed, bare] = /^(?:\[([^\]]+)\]|([\w.-]+))(?::\d+)?$/.exec(one) ?? [];
    return bracketed ?? bare ?? [];
  });
}

/** Of `address, type, flags, MAC address, mask, device`, a line each below a heading: those that answered. */
function macsByAddress(neighbours: string): ReadonlyMap<string, string> {
  const rows = neighbours.split("\n").map((line) => line.split(/\s+/));
  return new Map(
    rows.flatMap(([address = "", , flags = "", mac = ""]) =>
      (Number(flags) & 2) !== 0 && /^[0-9a-f:]{17}$/i.test(mac)
        ? [[address, mac.toLowerCase()] as const]
        : [],
    ),
  );
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
