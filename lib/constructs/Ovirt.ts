import type { ManagedHost } from "./ManagedHost";
import type { OvirtEngine } from "./OvirtEngine";
import * as valid from "./validation";
import type { VmTarget } from "./VmTarget";

export interface OvirtVmOptions {
  /**
   * Host that the VM is pinned to, by its name at the engine. The engine gives host devices only to a VM that is pinned
   * to exactly one host, and drops them when that host changes.
   * @default left as it is
   */
  readonly pinTo?: string;
}

/** oVirt and Red Hat Virtualization. */
export class Ovirt {
  /**
   * An existing VM of an engine.
   * @param vm its name, or its id: names repeat among data centers
   * @throws an Error if this cannot be the name of a VM or of a host
   */
  static vm(engine: OvirtEngine, vm: string, options: OvirtVmOptions = {}): VmTarget {
    valid.check(valid.isEngineName, `VM of ${engine.node.path}`, vm);
    valid.check(valid.isEngineName, `pinTo of VM ${vm}`, options.pinTo);
    return { hypervisor: "ovirt", host: engine, vmId: vm, pinTo: options.pinTo };
  }

  /**
   * A host of an engine, for `beforeReboot.managedBy`: the engine puts it into maintenance before a reboot and activates
   * it afterwards.
   * @param host its name, or its id
   * @throws an Error if this cannot be the name of a host
   */
  static host(engine: OvirtEngine, host: string): ManagedHost {
    valid.check(valid.isEngineName, `host of ${engine.node.path}`, host);
    return { kind: "ovirt", manager: engine, name: host };
  }
}
