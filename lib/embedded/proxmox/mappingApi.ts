import type { Machine } from "../machine";
import { QmError } from "./vm";
import { type MappingKind, type MappingSection, readMappings, writeMappings } from "./mappingFile";
import { complaintsAboutEntry } from "./mappingGrammar";

/** Options of a call by name; `map` may be given several times. */
export type ApiOptions = Readonly<Record<string, readonly string[]>>;

/** Options of the calls that change a mapping; `--map` is a list. */
const known: Readonly<Record<MappingKind, readonly string[]>> = {
  pci: ["description", "mdev", "live-migration-capable", "map"],
  usb: ["description", "map"],
};

/** What `pvesh` does for /cluster/mapping/...; undefined where there is no such path or verb. */
export function mappingApi(
  machine: Machine,
  verb: string,
  path: string,
  options: ApiOptions,
): unknown | undefined {
  const [, kind, id] = /^\/cluster\/mapping\/(pci|usb)(?:\/([^/]+))?\/?$/.exec(path) ?? [];
  if (kind !== "pci" && kind !== "usb") return undefined;
  const handler = handlers[`${verb} ${id === undefined ? "all" : "one"}`];
  return handler?.(machine, kind, id ?? "", options);
}

type Handler = (machine: Machine, kind: MappingKind, id: string, options: ApiOptions) => unknown;

const handlers: Readonly<Record<string, Handler>> = {
  "get all": list,
  "ls all": list,
  "get one": show,
  "create all": create,
  "set one": set,
  "delete one": remove,
};

function list(machine: Machine, kind: MappingKind): unknown {
  const { mappings, digest } = readMappings(machine, kind);
  return Object.entries(mappings).map(([id, section]) => answer(section, { id, digest }));
}

function show(machine: Machine, kind: MappingKind, id: string): unknown {
  const { mappings, digest } = readMappings(machine, kind);
  const section = mappings[id];
  if (section === undefined) throw new QmError(`mapping '${id}' not found`);
  return answer(section, { digest });
}

function answer({ options, map }: MappingSection, more: Readonly<Record<string, string>>): unknown {
  return { ...options, map, ...more };
}

function create(machine: Machine, kind: MappingKind, _id: string, options: ApiOptions): unknown {
  const { id: [id = ""] = [], ...settings } = options;
  const complaints = /^[a-z][a-z0-9_-]+$/i.test(id)
    ? []
    : [id === "" ? "id: property is missing and it is not optional" : `id: invalid configuration ID '${id}'`];
  const section = verified(kind, settings, complaints);
  const { mappings } = readMappings(machine, kind);
  if (mappings[id] !== undefined)
    throw new QmError(`create hardware mapping failed: ${kind} ID '${id}' already defined`);
  writeMappings(machine, kind, { ...mappings, [id]: section });
  return null;
}

function set(machine: Machine, kind: MappingKind, id: string, options: ApiOptions): unknown {
  const { digest: [digest] = [], delete: gone = [], ...settings } = options;
  const removed = gone
    .join(",")
    .split(/[,; ]+/)
    .filter(Boolean);
  const both = removed.filter((name) => settings[name] !== undefined);
  const foreign = removed.filter((name) => !known[kind].includes(name) || name === "map");
  const section = verified(kind, settings, []);
  const { mappings, digest: now } = readMappings(machine, kind);
  const fail = (words: string) => new QmError(`update hardware mapping failed: ${words}`);
  if (digest !== undefined && digest !== now)
    throw fail("detected modified configuration - file changed by other user? Try again.");
  const there = mappings[id];
  if (there === undefined) throw fail(`${kind} ID '${id}' does not exist`);
  if (both[0] !== undefined) throw fail(`unable to set and delete property '${both[0]}' at the same time`);
  if (foreign[0] !== undefined) throw fail(`unable to delete required option '${foreign[0]}'`);
  const kept = Object.entries(there.options).filter(([name]) => !removed.includes(name));
  writeMappings(machine, kind, {
    ...mappings,
    [id]: { options: { ...Object.fromEntries(kept), ...section.options }, map: section.map },
  });
  return null;
}

/** Of a mapping that is not there, Proxmox VE says nothing. */
function remove(machine: Machine, kind: MappingKind, id: string): unknown {
  const { mappings } = readMappings(machine, kind);
  writeMappings(machine, kind, Object.fromEntries(Object.entries(mappings).filter(([name]) => name !== id)));
  return null;
}

/** @throws QmError in the words of Proxmox VE's parameter verification */
function verified(kind: MappingKind, settings: ApiOptions, before: readonly string[]): MappingSection {
  const unknown = Object.keys(settings).find((name) => !known[kind].includes(name));
  if (unknown !== undefined)
    throw new QmError(
      `Unknown option: ${unknown}\n400 unable to parse option\npvesh <command> <api_path> [OPTIONS]`,
    );
  const { map = [], ...rest } = settings;
  const options = Object.fromEntries(
    Object.entries(rest).map(([name, values]) => [name, values.at(-1) ?? ""]),
  );
  const complaints = [
    ...before,
    ...Object.entries(options).flatMap(([name, value]) => complaintsAboutOption(name, value)),
    ...map.flatMap((entry, at) => complaintsAboutEntry(kind, entry).map((words) => `map[${at}]${words}`)),
  ];
  if (complaints.length > 0)
    throw new QmError(
      `400 Parameter verification failed.\n${complaints.join("\n")}\npvesh <command> <api_path> [OPTIONS]`,
    );
  if (map.length === 0) throw new QmError("missing value for required option 'map'");
  return { options, map };
}

function complaintsAboutOption(name: string, value: string): string[] {
  if (name === "description") {
    if (value.includes("\n")) throw new QmError("property 'description' contains a line feed");
    return value.length > 4096 ? ["description: value may only be 4096 characters long"] : [];
  }
  const boolean = /^(0|1|on|off|yes|no|true|false)$/i.test(value);
  return boolean ? [] : [`${name}: type check ('boolean') failed - got '${value}'`];
}
