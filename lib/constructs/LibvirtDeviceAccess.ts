import type { Construct } from "constructs";
import { libvirtDeviceAccessSchema, type ConfigOf } from "../schema";
import * as errors from "./errors";
import type { IommuHost } from "./IommuHost";
import { requireStackOf } from "./names";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import type { VfioBinding } from "./VfioBinding";
import type { VirtualFunctions } from "./VirtualFunctions";

export interface LibvirtDeviceAccessProps extends PassthroughResourceProps {
  /** The host with libvirt; of the same stack. */
  readonly host: IommuHost;
  /** The devices whose nodes are meant: bindings and virtual functions of that host. */
  readonly of: readonly (VfioBinding | VirtualFunctions)[];
}

/**
 * The nodes of passed-through devices in `cgroup_device_acl` of /etc/libvirt/qemu.conf, in step with their IOMMU groups.
 * libvirt lets a guest open the nodes of its own `<hostdev>` by itself: this is for guests that get a device otherwise,
 * such as by `<qemu:commandline>`. One for each host.
 */
export class LibvirtDeviceAccess extends PassthroughResource<typeof libvirtDeviceAccessSchema.attributes> {
  readonly #props: LibvirtDeviceAccessProps;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: LibvirtDeviceAccessProps) {
    super(scope, id, libvirtDeviceAccessSchema, props);
    const { path } = this.node;
    requireStackOf(props.host, this);
    if (props.of.length === 0) throw errors.noDeviceAccess(path);
    for (const devices of props.of) {
      if (devices.host !== props.host)
        throw errors.deviceAccessElsewhere(path, devices.node.path, props.host.node.path);
    }
    const other = ofHost.get(props.host);
    if (other !== undefined) throw errors.secondDeviceAccess(props.host.node.path, other, path);
    ofHost.set(props.host, path);
    this.#props = props;
  }

  /** Their nodes that stand in the list, such as `/dev/vfio/17`. */
  get nodes(): string[] {
    return this.getListAttribute("nodes");
  }

  protected override predecessors(): readonly string[] {
    const { host, of: devices } = this.#props;
    return [host._event, ...devices.map(({ fqn }) => fqn)];
  }

  protected override declared(): ConfigOf<typeof libvirtDeviceAccessSchema.attributes> {
    const groups = this.#props.of.map(({ fqn }) => `${fqn}.iommu_groups`).join(", ");
    return {
      host: this.#props.host.name,
      groups: `\${merge(${groups})}` as unknown as Record<string, string>,
    };
  }

  protected override imported(): ConfigOf<typeof libvirtDeviceAccessSchema.attributes> {
    return { host: this.#props.host.name, groups: {} };
  }
}

/** Paths of those that there are: the list is one for each host. */
const ofHost = new WeakMap<IommuHost, string>();
