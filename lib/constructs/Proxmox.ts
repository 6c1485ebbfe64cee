import { Token, Tokenization } from "cdktf";
import * as errors from "./errors";
import type { IommuHost } from "./IommuHost";
import type { VmTarget } from "./VmTarget";

/** Proxmox VE. */
export class Proxmox {
  /**
   * An existing VM of a Proxmox VE host.
   * @param vmId as `qm list` shows it; may be another resource's attribute
   * @throws an Error if this cannot be the id of a VM
   */
  static vm(host: IommuHost, vmId: number | string): VmTarget {
    const isId = /^[1-9][0-9]{2,8}$/.test(String(vmId));
    if (!Token.isUnresolved(vmId) && !isId) throw errors.badVmId(vmId);
    return {
      hypervisor: "proxmox",
      host,
      vmId: typeof vmId === "number" ? Tokenization.stringifyNumber(vmId) : vmId,
    };
  }
}
