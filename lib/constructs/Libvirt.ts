import type { IommuHost } from "./IommuHost";
import * as valid from "./validation";
import type { VmTarget } from "./VmTarget";

/** libvirt with QEMU and KVM, the system instance (`qemu:///system`). */
export class Libvirt {
  /**
   * An existing domain of a libvirt host. It must be persistent: a transient one forgets its devices at shutdown.
   * @param name as `virsh list --all` shows it; may be another resource's attribute
   * @throws an Error if this cannot be the name of a domain
   */
  static domain(host: IommuHost, name: string): VmTarget {
    valid.check(valid.isDomainName, "Libvirt.domain", name);
    return { hypervisor: "libvirt", host, vmId: name };
  }
}
