import type { Construct, IConstruct } from "constructs";
import { pciMappingSchema, type ConfigOf } from "../schema";
import { BoundDevice } from "./BoundDevice";
import { claimedBy, type Claim } from "./claims";
import * as errors from "./errors";
import { IommuHost } from "./IommuHost";
import { checkMapped, ResourceMapping, type ResourceMappingProps } from "./ResourceMapping";
import { literalAddress, resolvedAddress, type AddressOf } from "./slots";
import * as valid from "./validation";

/** A device of a node: one of a VfioBinding, or by its address. */
export type MappedPciDevice = BoundDevice | { readonly host: IommuHost; readonly address: string };

export interface PciMappingProps extends ResourceMappingProps {
  /**
   * The devices, by a name of yours: alike ones of several nodes, or alternatives of one node, of which a VM gets a
   * free one at its start.
   */
  readonly devices: Readonly<Record<string, MappedPciDevice>>;
  /**
   * The devices can make mediated devices.
   * @default left as it is
   */
  readonly mdev?: boolean;
  /**
   * VMs that have it can be migrated live. The device's driver must be able to; Proxmox VE 8.4 and later.
   * @default left as it is
   */
  readonly liveMigration?: boolean;
}

/**
 * A resource mapping of PCI devices. Each entry carries all that Proxmox VE compares at the start of a VM (ids,
 * subsystem ids, IOMMU group), so that a card that moved is told and not mistaken. Entries that others wrote stay.
 */
export class PciMapping extends ResourceMapping<typeof pciMappingSchema.attributes> {
  readonly #props: PciMappingProps;
  readonly #devices: readonly Mapped[];

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: PciMappingProps) {
    super(scope, id, pciMappingSchema, "pci", props);
    const { path } = this.node;
    this.#props = props;
    this.#devices = Object.entries(props.devices).map(([key, device]) => mapped(path, key, device));
    checkMapped(this, Object.fromEntries(this.#devices.map((device) => [device.key, device])));
    for (const { key, device } of this.#devices) {
      if (!(device instanceof BoundDevice))
        valid.check(valid.isAddresses, `${path}: devices.${key}`, device.address);
    }
  }

  /**
   * What a slot that names the mapping takes of a host, where it has no choice.
   * @internal
   */
  _claim(host: IConstruct, by: string): Claim[] {
    const there = this.#devices.filter((device) => device.host === host);
    const [only] = there;
    if (only === undefined || there.length > 1 || this.#props.mdev) return [];
    const { device } = only;
    const claimed =
      device instanceof BoundDevice
        ? { ...claimedBy(device.selector), bound: device.toString() }
        : { address: device.address };
    return [{ by, device: claimed }];
  }

  protected override predecessors(): readonly string[] {
    const bindings = this.#devices.flatMap(({ device }) =>
      device instanceof BoundDevice ? [device.binding.fqn] : [],
    );
    return [...this.eventsOf(this.#devices), ...bindings];
  }

  protected override declared(): ConfigOf<typeof pciMappingSchema.attributes> {
    return this.#declared(resolvedAddress);
  }

  protected override imported(): ConfigOf<typeof pciMappingSchema.attributes> {
    return this.#declared(literalAddress);
  }

  #declared(addressOf: AddressOf): ConfigOf<typeof pciMappingSchema.attributes> {
    const devices = this.#devices.map(({ key, host, device }) => [
      key,
      { host: host.name, address: addressOf(device) },
    ]);
    const { mdev, liveMigration } = this.#props;
    return { ...this.common(), devices: Object.fromEntries(devices), mdev, live_migration: liveMigration };
  }
}

interface Mapped {
  readonly key: string;
  readonly host: IommuHost;
  readonly device: MappedPciDevice;
}

function mapped(path: string, key: string, device: MappedPciDevice): Mapped {
  const host = device instanceof BoundDevice ? device.binding.host : device.host;
  if (!(host instanceof IommuHost)) throw errors.mappedWithoutHost(`${path}: devices.${key}`);
  return { key, host, device };
}
