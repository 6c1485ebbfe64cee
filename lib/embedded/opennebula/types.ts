import type { Attributes } from "./templateSyntax";

/** A PCI function as the monitoring probe reports it. */
export interface NodeDevice {
  /** `bb:dd.f` */
  readonly shortAddress: string;
  /** `vvvv:dddd:cccc` */
  readonly type: string;
  readonly name: string;
}

/** What an OpenNebula front end manages when it is first seen. Templates are in OpenNebula's own syntax. */
export interface OpenNebulaCloud {
  readonly hosts: readonly {
    readonly id: number;
    readonly name: string;
    /** What is plugged into the node, whether it is monitored or not. */
    readonly devices: readonly NodeDevice[];
    readonly template?: string;
  }[];
  readonly vms: readonly {
    readonly id: number;
    readonly name: string;
    readonly state: VmState;
    /** Where it runs or ran; none while it is pending. */
    readonly host?: number;
    readonly template: string;
  }[];
  readonly templates: readonly { readonly id: number; readonly name: string; readonly template: string }[];
  readonly networks: readonly { readonly id: number; readonly name: string; readonly template: string }[];
}

export type VmState = "PENDING" | "RUNNING" | "POWEROFF" | "UNDEPLOYED";

/** How the database keeps what the commands show and change. */
export interface Database {
  hosts: HostRow[];
  vms: VmRow[];
  templates: Row[];
  networks: Row[];
}

export interface Row {
  id: number;
  name: string;
  template: Attributes;
}

export interface HostRow extends Row {
  state: "MONITORED" | "DISABLED" | "OFFLINE" | "ERROR";
  /** pci.conf as the last sync brought it to the node. */
  synced: string;
  /** Devices that the last monitoring reported, with the VM that has each. */
  pci: { shortAddress: string; vmId: number }[];
}

export interface VmRow extends Row {
  state: VmState;
  host: number | null;
}
