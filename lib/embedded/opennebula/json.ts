import type { Attributes, Section } from "./templateSyntax";
import { cloudOf, hostOf } from "./database";
import type { Machine } from "../machine";
import type { Database, HostRow, Row, VmRow, VmState } from "./types";

/** As the commands print it: made from XML, so an empty element is `{}` and a name that stands twice is an array. */
export type Json = string | { readonly [name: string]: Json | readonly Json[] };

export function print(json: Json): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}

export function templateJson(template: Attributes): Json {
  const result: Record<string, Json | Json[]> = {};
  for (const [name, value] of template) {
    const json = typeof value === "string" ? text(value) : section(value);
    const before = result[name];
    result[name] = before === undefined ? json : Array.isArray(before) ? [...before, json] : [before, json];
  }
  return result;
}

const text = (value: string): Json => (value === "" ? {} : value);
const section = (value: Section): Json =>
  Object.fromEntries(Object.entries(value).map(([key, words]) => [key, text(words)]));

function listed(name: string, rows: readonly Json[]): Json {
  if (rows.length === 0) return {};
  return { [name]: rows.length === 1 ? (rows[0] ?? {}) : rows };
}

const hostStates: Readonly<Record<HostRow["state"], string>> = {
  MONITORED: "2",
  ERROR: "3",
  DISABLED: "4",
  OFFLINE: "8",
};

export function hostJson(machine: Machine, database: Database, host: HostRow): Json {
  const node = cloudOf(machine).hosts.find(({ id }) => id === host.id);
  const pci = host.pci.flatMap(({ shortAddress, vmId }): Json[] => {
    const device = node?.devices.find((one) => one.shortAddress === shortAddress);
    if (!device) return [];
    const [vendor = "", id = "", pciClass = ""] = device.type.split(":");
    const [bus = "", slot = "", fn = ""] = shortAddress.split(/[:.]/);
    return [
      {
        ...{ ADDRESS: `0000:${bus}:${slot}:${fn}`, BUS: bus, CLASS: pciClass, CLASS_NAME: device.name },
        ...{ DEVICE: id, DEVICE_NAME: device.name, DOMAIN: "0000", FUNCTION: fn, NUMA_NODE: "-" },
        ...{ SHORT_ADDRESS: shortAddress, SLOT: slot, TYPE: device.type, VENDOR: vendor },
        ...{ VENDOR_NAME: "", VMID: String(vmId) },
      },
    ];
  });
  const running = database.vms.filter((vm) => vm.host === host.id && vm.state === "RUNNING");
  return {
    ...{ ID: String(host.id), NAME: host.name, STATE: hostStates[host.state], PREV_STATE: "2" },
    ...{ IM_MAD: "kvm", VM_MAD: "kvm", CLUSTER_ID: "0", CLUSTER: "default" },
    HOST_SHARE: { RUNNING_VMS: String(running.length), PCI_DEVICES: listed("PCI", pci) },
    VMS: listed(
      "ID",
      database.vms.filter((vm) => vm.host === host.id).map(({ id }) => String(id)),
    ),
    TEMPLATE: templateJson(host.template),
  };
}

const vmStates: Readonly<Record<VmState, readonly [state: string, lcm: string]>> = {
  PENDING: ["1", "0"],
  RUNNING: ["3", "3"],
  POWEROFF: ["8", "0"],
  UNDEPLOYED: ["9", "0"],
};

export function vmJson(_machine: Machine, database: Database, vm: VmRow): Json {
  const [state, lcm] = vmStates[vm.state];
  const host = hostOf(database, vm);
  const history = host ? [{ OID: String(vm.id), SEQ: "0", HOSTNAME: host.name, HID: String(host.id) }] : [];
  return {
    ...owned(vm),
    ...{ STATE: state, LCM_STATE: lcm, PREV_STATE: state, RESCHED: "0" },
    TEMPLATE: templateJson(vm.template),
    USER_TEMPLATE: {},
    HISTORY_RECORDS: listed("HISTORY", history),
  };
}

export function vmTemplateJson(_machine: Machine, _database: Database, row: Row): Json {
  return { ...owned(row), REGTIME: "1700000000", TEMPLATE: templateJson(row.template) };
}

export function networkJson(_machine: Machine, _database: Database, row: Row): Json {
  const text = (name: string): Json => {
    const value = row.template.find(([key]) => key === name)?.[1];
    return typeof value === "string" && value !== "" ? value : {};
  };
  const ranges = row.template.flatMap(([name, value], index) =>
    name === "AR" && typeof value !== "string"
      ? [{ MAC: `02:00:00:00:${row.id.toString(16).padStart(2, "0")}:0${index}`, ...value }]
      : [],
  );
  return {
    ...owned(row),
    ...{ VN_MAD: text("VN_MAD"), BRIDGE: text("BRIDGE"), PHYDEV: text("PHYDEV"), VLAN_ID: text("VLAN_ID") },
    ...{ USED_LEASES: "0", STATE: "1" },
    TEMPLATE: templateJson(row.template.filter(([name]) => name !== "AR")),
    AR_POOL: listed(
      "AR",
      ranges.map((range, index) => ({ ...range, AR_ID: String(index), USED_LEASES: "0", LEASES: {} })),
    ),
  };
}

const owned = ({ id, name }: Row) => ({
  ...{ ID: String(id), UID: "0", GID: "0", UNAME: "oneadmin", GNAME: "oneadmin", NAME: name },
});

export function poolJson(pool: string, name: string, rows: readonly Json[]): Json {
  return { [pool]: listed(name, rows) };
}
