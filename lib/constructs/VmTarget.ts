import type { IConstruct } from "constructs";
import type { HypervisorName } from "../schema";
import type { Claim } from "./claims";

/** What a VM takes from the place that has it. */
export interface Guest {
  readonly vmId: string;
  readonly path: string;
  readonly claims: readonly Claim[];
  /** Host that an engine pins it to; undefined where the place is the host, or the engine decides. */
  readonly pinTo?: string | undefined;
}

/** What has VMs: a host of the stack, or an engine that manages several. */
export interface VmPlace extends IConstruct {
  readonly name: string;
  /**
   * What a VM waits for, as an expression; undefined for nothing.
   * @internal
   */
  readonly _event: string | undefined;
  /** @internal */
  _addGuest(guest: Guest): void;
  /** @internal */
  _peersOf(vmId: string): string[];
  /**
   * Whether a VM here can have a device of this host, as far as the code tells.
   * @internal
   */
  _reaches(host: IConstruct): boolean;
}

/** A virtual machine on one of the stack's hosts, or of an engine. */
export interface VmTarget {
  readonly hypervisor: HypervisorName;
  readonly host: VmPlace;
  /** What the hypervisor calls it: a number with Proxmox VE, a name or an id with oVirt. */
  readonly vmId: string;
  /** Host that the VM is pinned to, by its name at the engine. */
  readonly pinTo?: string | undefined;
}
