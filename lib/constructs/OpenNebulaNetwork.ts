import type { IResolvable } from "cdktf";
import type { Construct } from "constructs";
import { openNebulaNetworkSchema, type ConfigOf } from "../schema";
import { requireStackOf } from "./names";
import type { OpenNebula } from "./OpenNebula";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import type { ProvidedNetwork } from "./slots";
import * as valid from "./validation";

/** Addresses that a network gives to its NICs. */
export interface OpenNebulaAddressRange {
  /** How many addresses. */
  readonly size: number;
  /**
   * The first IPv4 address.
   * @default no IPv4 addresses
   */
  readonly ip?: string;
  /**
   * The first MAC address.
   * @default OpenNebula chooses
   */
  readonly mac?: string;
  /**
   * IPv6 prefix, such as `2001:db8::`.
   * @default no IPv6 addresses
   */
  readonly globalPrefix?: string;
}

export interface OpenNebulaNetworkProps extends PassthroughResourceProps {
  /** The front end; of the same stack. */
  readonly frontEnd: OpenNebula;
  /**
   * Name of the network, as VMs name it.
   * @default the construct's id
   */
  readonly name?: string;
  /**
   * What connects its NICs. A passed-through NIC has nothing that a driver could configure on the host.
   * @default "dummy", and "802.1Q" where there is a vlanId
   */
  readonly driver?: "dummy" | "802.1Q";
  /**
   * OpenNebula wants a word there, which passed-through NICs never use.
   * @default "passthrough"
   */
  readonly bridge?: string;
  /**
   * PHYDEV, which passed-through NICs never use either.
   * @default none
   */
  readonly physicalDevice?: string;
  /**
   * The VLAN that guests tag, from 1 to 4094.
   * @default none
   */
  readonly vlanId?: number;
  /**
   * Addresses to give, by a name of yours. They come with the network: others replace it, which is refused while a VM
   * has a NIC in it.
   * @default none
   */
  readonly ranges?: Readonly<Record<string, OpenNebulaAddressRange>>;
}

/**
 * A virtual network for NICs that are passed through, with the drivers that OpenNebula's guide has for them. A network
 * of that name that is there already is only taken over with `adopt`, and then stays at the destroy.
 */
export class OpenNebulaNetwork
  extends PassthroughResource<typeof openNebulaNetworkSchema.attributes>
  implements ProvidedNetwork
{
  /** Its front end. */
  readonly frontEnd: OpenNebula;
  /** Name of the network, as a VM's configuration names it. */
  readonly slotValue: string;
  /** `network/passthrough` */
  readonly provides: string;
  readonly #props: OpenNebulaNetworkProps;
  readonly #users: string[] = [];

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: OpenNebulaNetworkProps) {
    super(scope, id, openNebulaNetworkSchema, props);
    const { path } = this.node;
    requireStackOf(props.frontEnd, this);
    this.frontEnd = props.frontEnd;
    this.slotValue = props.name ?? id;
    this.provides = `network/${this.slotValue}`;
    this.#props = props;
    valid.isOpenNebulaName(`${path}: name`, this.slotValue);
    valid.check(valid.isVlanId, `${path}: vlanId`, props.vlanId);
    for (const [key, { mac }] of Object.entries(props.ranges ?? {})) {
      valid.isDeviceKey(`${path}: ranges`, key);
      valid.check(valid.isMac, `${path}: ranges.${key}.mac`, mac);
    }
  }

  /** Our settings in OpenNebula's own words, by attribute; a range by `AR <name>`. */
  get settings(): Record<string, string> {
    return this.getStringMapAttribute("settings");
  }

  /** This declaration made the network, so its destroy removes it. */
  get created(): IResolvable {
    return this.getBooleanAttribute("created");
  }

  /** @internal */
  _addUser(vmId: string): void {
    if (!this.#users.includes(vmId)) this.#users.push(vmId);
  }

  protected override predecessors(): readonly string[] {
    const { _reboot: event } = this.frontEnd;
    return event === undefined ? [] : [event];
  }

  protected override declared(): ConfigOf<typeof openNebulaNetworkSchema.attributes> {
    const { driver, bridge, physicalDevice, vlanId, ranges } = this.#props;
    return {
      host: this.frontEnd.name,
      name: this.slotValue,
      driver: driver ?? (vlanId === undefined ? undefined : "802.1Q"),
      bridge,
      physical_device: physicalDevice,
      vlan_id: vlanId,
      ranges:
        ranges && Object.fromEntries(Object.entries(ranges).map(([key, range]) => [key, written(range)])),
      users: this.#users.length > 0 ? [...this.#users] : undefined,
    };
  }
}

function written({ size, ip, mac, globalPrefix }: OpenNebulaAddressRange) {
  return { size, ip: ip ?? null, mac: mac ?? null, global_prefix: globalPrefix ?? null };
}
