import type { Construct } from "constructs";
import { virtualFunctionsSchema, type ConfigOf } from "../schema";
import { BoundDevice, type DeviceBinding } from "./BoundDevice";
import { writtenSelector } from "./DeviceSelector";
import * as errors from "./errors";
import type { IommuHost } from "./IommuHost";
import { nameInStack, requireStackOf } from "./names";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import * as valid from "./validation";

/** What the network card keeps for one virtual function, at every boot. */
export interface VirtualFunctionProps {
  /**
   * MAC address.
   * @default one made of the machine, the card's place and the function's number: the same at every boot
   */
  readonly mac?: string;
  /**
   * VLAN that the card tags, so that the guest neither sees it nor leaves it.
   * @default none
   */
  readonly vlan?: number;
  /**
   * The guest may change its MAC address and listen to others'.
   * @default false
   */
  readonly trust?: boolean;
  /**
   * The card drops what the guest sends from another MAC address than its own.
   * @default true
   */
  readonly spoofCheck?: boolean;
}

export interface VirtualFunctionsProps extends PassthroughResourceProps {
  /** The host that has the card; of the same stack. */
  readonly host: IommuHost;
  /** Address of the physical function that makes them, `dddd:bb:dd.f`: of a network card, one of its ports. */
  readonly of: string;
  /** How many, for all guests together. Another count takes every one of them away for a moment. */
  readonly count: number;
  /**
   * What the network card keeps for each, by its number from 0.
   * @default what each setting has
   */
  readonly functions?: Readonly<Record<number, VirtualFunctionProps>>;
  /**
   * PCI addresses that a new count may interrupt although the host needs them: the port that carries its network.
   * @default none
   */
  readonly allowCritical?: readonly string[];
}

/**
 * The virtual functions (SR-IOV) of one physical function: made at every boot before any guest starts, held by
 * vfio-pci, and ready to be given to VMs by their number. Needs an IOMMU that gives each a group of its own.
 */
export class VirtualFunctions
  extends PassthroughResource<typeof virtualFunctionsSchema.attributes>
  implements DeviceBinding
{
  /** Their name on the host: the construct's path in its stack. */
  readonly name: string;
  readonly host: IommuHost;
  readonly #props: VirtualFunctionsProps;
  readonly #users: string[] = [];

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: VirtualFunctionsProps) {
    super(scope, id, virtualFunctionsSchema, props);
    requireStackOf(props.host, this);
    checkProps(this.node.path, props);
    this.#props = props;
    this.host = props.host;
    this.name = nameInStack(this);
    props.host._addVirtualFunctions({ path: this.node.path, of: props.of });
  }

  /**
   * One of them by its number, from 0, to give it to a VM.
   * @throws an Error if there is none of that number.
   */
  function(number: number): BoundDevice {
    const { count } = this.#props;
    if (!Number.isInteger(number) || number < 0 || number >= count)
      throw errors.unknownFunction(this.node.path, number, count);
    return new BoundDevice(this, String(number), writtenSelector({}));
  }

  /** Address of each function, by its number. */
  get addresses(): Record<string, string> {
    return this.getStringMapAttribute("addresses");
  }

  /** IOMMU group by function address. */
  get iommuGroups(): Record<string, string> {
    return this.getStringMapAttribute("iommu_groups");
  }

  /** Every function by address: its number, ids, driver, and what the card keeps for it. */
  get functions(): Record<string, unknown> {
    return this.getAnyMapAttribute("functions");
  }

  /** What makes them at every boot, by file. */
  get files(): Record<string, string> {
    return this.getStringMapAttribute("files");
  }

  /** @internal */
  _addUser(vmId: string): void {
    if (!this.#users.includes(vmId)) this.#users.push(vmId);
  }

  protected override predecessors(): readonly string[] {
    return [this.host._event];
  }

  protected override declared(): ConfigOf<typeof virtualFunctionsSchema.attributes> {
    const { of, count, functions, allowCritical } = this.#props;
    return {
      host: this.host.name,
      name: this.name,
      of,
      function_count: count,
      settings:
        functions &&
        Object.fromEntries(
          Object.entries(functions).map(([number, { mac, vlan, trust, spoofCheck }]) => [
            number,
            { mac: mac ?? null, vlan: vlan ?? null, trust: trust ?? null, spoof_check: spoofCheck ?? null },
          ]),
        ),
      allow_critical: allowCritical && [...allowCritical],
      users: this.#users.length > 0 ? [...this.#users] : undefined,
    };
  }
}

function checkProps(path: string, { of, count, functions, allowCritical }: VirtualFunctionsProps): void {
  valid.isLiteral(`${path}: of`, of);
  valid.isAddress(`${path}: of`, of);
  valid.isFunction(`${path}: of`, of);
  valid.isFunctionCount(`${path}: count`, count);
  for (const [number, { mac, vlan }] of Object.entries(functions ?? {})) {
    if (!/^\d+$/.test(number) || Number(number) >= count)
      throw errors.unknownFunction(`${path}: functions`, number, count);
    valid.check(valid.isStationMac, `${path}: functions.${number}.mac`, mac);
    valid.check(valid.isVlanId, `${path}: functions.${number}.vlan`, vlan);
  }
  const macs = new Map<string, string>();
  for (const [number, { mac }] of Object.entries(functions ?? {})) {
    const other = mac === undefined ? undefined : macs.get(mac.toLowerCase());
    if (mac !== undefined && other !== undefined) throw errors.sameMac(path, mac, other, number);
    if (mac !== undefined) macs.set(mac.toLowerCase(), number);
  }
  valid.checkAll(valid.isAddress, `${path}: allowCritical`, allowCritical);
}
