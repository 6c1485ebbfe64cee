import type { HostFacts, OpenNebulaFacts } from "../../../lib/model/facts";
import { hostFacts } from "../../support/facts";

type Json = Readonly<Record<string, unknown>>;

export const pciConf = ":filter: '0:0'\n\n# foreign\n:short_address: []\n:nvidia_vendors:\n  - '10de'\n";

/** One device as `onehost` lists it: `01:00.0 10de:1e84:0300`, and the VM that has it. */
export function device(text: string, vmId = "-1"): Json {
  const [address = "", type = ""] = text.split(" ");
  const [vendor, id, pciClass] = type.split(":");
  return {
    ...{ SHORT_ADDRESS: address, VENDOR: vendor, DEVICE: id, CLASS: pciClass, TYPE: type },
    ...{ DEVICE_NAME: `Device ${id ?? ""}`, VMID: vmId },
  };
}

export function host(id: string, name: string, devices: readonly Json[], template: Json = {}): Json {
  return {
    ...{ ID: id, NAME: name, STATE: "2", TEMPLATE: template },
    HOST_SHARE: { RUNNING_VMS: "0", PCI_DEVICES: listed("PCI", devices) },
  };
}

export function vm(id: string, name: string, state: string, hostId: string | null, template: Json): Json {
  return {
    ...{ ID: id, NAME: name, STATE: state, LCM_STATE: state === "3" ? "3" : "0", TEMPLATE: template },
    HISTORY_RECORDS: hostId === null ? {} : { HISTORY: { SEQ: "0", HID: hostId } },
  };
}

export const named = (id: string, name: string, template: Json): Json => ({
  ID: id,
  NAME: name,
  TEMPLATE: template,
});

/** One element stands by itself, several in an array, none is left out. */
function listed(name: string, all: readonly Json[]): Json {
  return all.length === 0 ? {} : { [name]: all.length === 1 ? all[0] : all };
}

export interface Things {
  readonly hosts?: readonly Json[];
  readonly vms?: readonly Json[];
  readonly templates?: readonly Json[];
  readonly networks?: readonly Json[];
}

/** A front end `one` that manages these. */
export function frontEnd(things: Things, different: Partial<OpenNebulaFacts> = {}): HostFacts {
  const pool = (name: string, all: readonly Json[] = []) =>
    JSON.stringify({ [`${name}_POOL`]: listed(name, all) });
  return hostFacts({
    hostname: "one",
    opennebula: {
      pciConf,
      hosts: pool("HOST", things.hosts),
      vms: pool("VM", things.vms),
      templates: pool("VMTEMPLATE", things.templates),
      networks: pool("VNET", things.networks),
      failure: null,
      ...different,
    },
  });
}
