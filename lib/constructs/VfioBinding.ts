import type { Construct } from "constructs";
import { vfioBindingSchema, type ConfigOf, type DeviceSelector as WrittenSelector } from "../schema";
import { BoundDevice } from "./BoundDevice";
import { checkSelector, writtenSelector, type DeviceSelector } from "./DeviceSelector";
import * as errors from "./errors";
import type { IommuHost } from "./IommuHost";
import { nameInStack, requireStackOf } from "./names";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import * as valid from "./validation";

export interface VfioBindingProps extends PassthroughResourceProps {
  /** The host that has the devices; of the same stack. */
  readonly host: IommuHost;
  /** The devices, by a name of yours, so that adding one moves no other. Literals only: the host's boot needs them. */
  readonly devices: Readonly<Record<string, DeviceSelector>>;
  /**
   * PCI addresses that are handed over although the host itself needs them.
   * @default none
   */
  readonly allowCritical?: readonly string[];
  /**
   * Also rebind display devices without a reboot. Some of their drivers hang on it, and then the reboot hangs too.
   * @default false
   */
  readonly liveRebind?: boolean;
}

/** PCI devices of a host held by vfio-pci, ready to be given to VMs. */
export class VfioBinding extends PassthroughResource<typeof vfioBindingSchema.attributes> {
  /** The binding's name on its host: the construct's path in its stack. */
  readonly name: string;
  readonly host: IommuHost;
  readonly #props: VfioBindingProps;
  readonly #devices: Readonly<Record<string, WrittenSelector>>;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: VfioBindingProps) {
    super(scope, id, vfioBindingSchema, props);
    requireStackOf(props.host, this);
    checkProps(this.node.path, props);
    this.#props = props;
    this.host = props.host;
    this.name = nameInStack(this);
    this.#devices = Object.fromEntries(
      Object.entries(props.devices).map(([key, selector]) => [key, writtenSelector(selector)]),
    );
    props.host._addBinding({
      name: this.name,
      path: this.node.path,
      devices: this.#devices,
      allowCritical: props.allowCritical ?? [],
      liveRebind: props.liveRebind,
    });
  }

  /**
   * One of the devices, to give it to a VM.
   * @throws an Error that lists the devices if there is none of that name.
   */
  device(key: string): BoundDevice {
    const selector = Object.hasOwn(this.#devices, key) ? this.#devices[key] : undefined;
    if (selector === undefined) {
      throw errors.unknownDevice(this.node.path, key, Object.keys(this.#devices));
    }
    return new BoundDevice(this, key, selector);
  }

  /** Address by device key: the slot, or the function; several joined by `;`. */
  get addresses(): Record<string, string> {
    return this.getStringMapAttribute("addresses");
  }

  /** IOMMU group by function address. */
  get iommuGroups(): Record<string, string> {
    return this.getStringMapAttribute("iommu_groups");
  }

  /** Every bound function by address: its ids, name, driver and the driver that gets it back. */
  get functions(): Record<string, unknown> {
    return this.getAnyMapAttribute("functions");
  }

  protected override predecessors(): readonly string[] {
    return [this.host._event];
  }

  protected override declared(): ConfigOf<typeof vfioBindingSchema.attributes> {
    const { allowCritical, liveRebind } = this.#props;
    return {
      host: this.host.name,
      name: this.name,
      devices: { ...this.#devices },
      allow_critical: allowCritical && [...allowCritical],
      live_rebind: liveRebind,
    };
  }
}

function checkProps(path: string, { devices, allowCritical }: VfioBindingProps): void {
  if (Object.keys(devices).length === 0) throw errors.noDevices(path);
  for (const [key, selector] of Object.entries(devices)) {
    valid.isDeviceKey(`${path}: devices`, key);
    checkSelector(`${path}: devices.${key}`, selector, true);
  }
  valid.checkAll(valid.isAddress, `${path}: allowCritical`, allowCritical);
}
