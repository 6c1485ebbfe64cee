import type { HypervisorName } from "../schema";
import type { IommuHost } from "./IommuHost";

/** A virtual machine on one of the stack's hosts. */
export interface VmTarget {
  readonly hypervisor: HypervisorName;
  readonly host: IommuHost;
  /** What the hypervisor calls it: a number with Proxmox VE. */
  readonly vmId: string;
}
