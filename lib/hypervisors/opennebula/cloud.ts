import { sha256 } from "../../model/digest";
import type { HostFacts } from "../../model/facts";
import { templateOf, type Section, type Template } from "../../model/openNebulaTemplate";

/** What one front end manages, as its commands show it. */
export interface Cloud {
  readonly hosts: readonly CloudHost[];
  readonly vms: readonly CloudVm[];
  readonly templates: readonly VmTemplate[];
  readonly networks: readonly Network[];
  /** sha256 of what each `list -j` printed, to tell later whether anything changed. */
  readonly digests: Readonly<Record<"templates" | "networks", string>>;
}

interface Named {
  readonly id: string;
  readonly name: string;
  readonly template: Template;
}

export interface CloudHost extends Named {
  /** `onehost`'s number of its state. */
  readonly state: string;
  readonly runningVms: number;
  /** The devices that its monitoring lists. */
  readonly devices: readonly CloudDevice[];
}

export interface CloudDevice {
  /** `bb:dd.f` */
  readonly shortAddress: string;
  readonly vendor: string;
  readonly device: string;
  readonly class: string;
  readonly name: string;
  /** The VM that has it; null for none. */
  readonly vmId: string | null;
  /** Of a virtual GPU; empty for any other device. */
  readonly profiles: readonly string[];
}

export interface CloudVm extends Named {
  readonly state: string;
  readonly lifeCycle: string;
  /** The host that it runs on or last ran on. */
  readonly hostId: string | null;
}

export type VmTemplate = Named;

export interface Network extends Named {
  /** Address ranges, in the order of the network. */
  readonly ranges: readonly Section[];
}

/** States of a VM, as `onevm` numbers them. */
export const vmState = { active: "3", done: "6", poweroff: "8", undeployed: "9" } as const;
/** States of a host, as `onehost` numbers them. */
export const hostState = { error: "3", disabled: "4", monitoringDisabled: "7", offline: "8" } as const;

export function isActive({ state }: CloudVm): boolean {
  return state === vmState.active;
}

/**
 * What the front end's commands told of its cloud.
 * @param host name of the front end in the declaration, for messages
 * @throws an Error where it is no front end, or a command gave no answer: nothing is taken for gone then
 */
export function cloudOf(facts: HostFacts, host: string): Cloud {
  const { opennebula } = facts;
  if (opennebula === null) {
    throw new Error(
      `${host} does not answer as an OpenNebula front end: it has no onehost, onevm, onetemplate and onevnet, or no ` +
        "/var/lib/one/remotes. Name the machine that runs oned.",
    );
  }
  if (opennebula.failure !== null) {
    throw new Error(
      `OpenNebula on ${host} does not answer. It said: ${opennebula.failure.trim()}\nIs oned running, and may oneadmin use the commands there?`,
    );
  }
  const { hosts, vms, templates, networks } = opennebula;
  return {
    hosts: pool(hosts, "HOST_POOL", "HOST", "onehost").map(cloudHost),
    vms: pool(vms, "VM_POOL", "VM", "onevm").map(cloudVm),
    templates: pool(templates, "VMTEMPLATE_POOL", "VMTEMPLATE", "onetemplate").map(named),
    networks: pool(networks, "VNET_POOL", "VNET", "onevnet").map((json) => ({
      ...named(json),
      ranges: several(inner(json, "AR_POOL")["AR"]).map(textsOf),
    })),
    digests: { templates: sha256(templates), networks: sha256(networks) },
  };
}

type Json = Readonly<Record<string, unknown>>;

function pool(text: string, poolName: string, name: string, command: string): Json[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`What \`${command} list -j\` printed is not JSON: ${String(error)}`);
  }
  return several(inner(json, poolName)[name]).map((one) => inner({ one }, "one"));
}

/** One element stands by itself, several in an array, none is left out. */
function several(json: unknown): unknown[] {
  if (json === undefined || json === null) return [];
  return Array.isArray(json) ? (json as unknown[]) : [json];
}

function inner(json: unknown, name: string): Json {
  const found: unknown = typeof json === "object" && json !== null ? (json as Json)[name] : undefined;
  return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Json) : {};
}

function word(json: Json, name: string): string {
  const value = json[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** What of an element is text; a range holds its leases besides. */
function textsOf(element: unknown): Section {
  const texts = Object.entries(inner({ element }, "element")).filter(
    (pair): pair is [string, string] => typeof pair[1] === "string",
  );
  return Object.fromEntries(texts);
}

function named(json: Json): Named {
  return { id: word(json, "ID"), name: word(json, "NAME"), template: templateOf(json["TEMPLATE"]) };
}

function cloudHost(json: Json): CloudHost {
  const share = inner(json, "HOST_SHARE");
  return {
    ...named(json),
    state: word(json, "STATE"),
    runningVms: Number(word(share, "RUNNING_VMS")),
    devices: several(inner(share, "PCI_DEVICES")["PCI"]).map((pci) => cloudDevice(inner({ pci }, "pci"))),
  };
}

function cloudDevice(json: Json): CloudDevice {
  const vm = word(json, "VMID");
  return {
    shortAddress: word(json, "SHORT_ADDRESS").toLowerCase(),
    vendor: word(json, "VENDOR").toLowerCase(),
    device: word(json, "DEVICE").toLowerCase(),
    class: word(json, "CLASS").toLowerCase(),
    name: word(json, "DEVICE_NAME"),
    vmId: vm === "" || vm === "-1" ? null : vm,
    profiles: word(json, "PROFILES").split(",").filter(Boolean),
  };
}

function cloudVm(json: Json): CloudVm {
  const last = several(inner(json, "HISTORY_RECORDS")["HISTORY"]).at(-1);
  const host = word(inner({ last }, "last"), "HID");
  return {
    ...named(json),
    state: word(json, "STATE"),
    lifeCycle: word(json, "LCM_STATE"),
    hostId: host === "" ? null : host,
  };
}

/** By id, else by name; null where there is none. Several of one name are an error. */
export function findNamed<T extends Named>(all: readonly T[], wanted: string, what: string): T | null {
  const byId = /^\d+$/.test(wanted) ? all.find(({ id }) => id === wanted) : undefined;
  if (byId) return byId;
  const found = all.filter(({ name }) => name === wanted);
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(", ");
    throw new Error(
      `Several ${what}s are called ${JSON.stringify(wanted)}: ${ids}. Name the one that is meant by its id.`,
    );
  }
  return found[0] ?? null;
}

/** `10de:1e84:0300 at 01:00.0 (TU104)` */
export function describeDevice({ vendor, device, class: pciClass, shortAddress, name }: CloudDevice): string {
  return `${vendor}:${device}:${pciClass} at ${shortAddress}${name === "" ? "" : ` (${name})`}`;
}
