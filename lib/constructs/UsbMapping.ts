import type { Construct } from "constructs";
import { usbMappingSchema, type ConfigOf } from "../schema";
import type { IommuHost } from "./IommuHost";
import { checkMapped, ResourceMapping, type ResourceMappingProps } from "./ResourceMapping";
import * as valid from "./validation";

/** A USB device of a node. */
export interface MappedUsbDevice {
  readonly host: IommuHost;
  /** `vvvv:pppp`, vendor and product id. */
  readonly id: string;
  /**
   * `bus-port[.port...]` that it is plugged into.
   * @default any port
   */
  readonly port?: string;
}

export interface UsbMappingProps extends ResourceMappingProps {
  /** The devices, by a name of yours. */
  readonly devices: Readonly<Record<string, MappedUsbDevice>>;
}

/** A resource mapping of USB devices of a Proxmox VE cluster. Entries that others wrote stay. */
export class UsbMapping extends ResourceMapping<typeof usbMappingSchema.attributes> {
  readonly #props: UsbMappingProps;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: UsbMappingProps) {
    super(scope, id, usbMappingSchema, "usb", props);
    checkMapped(this, props.devices);
    for (const [key, device] of Object.entries(props.devices)) {
      const where = `${this.node.path}: devices.${key}`;
      valid.check(valid.isUsbId, `${where}.id`, device.id);
      valid.check(valid.isUsbPort, `${where}.port`, device.port);
    }
    this.#props = props;
  }

  protected override predecessors(): readonly string[] {
    return this.eventsOf(Object.values(this.#props.devices));
  }

  protected override declared(): ConfigOf<typeof usbMappingSchema.attributes> {
    const devices = Object.entries(this.#props.devices).map(([key, { host, id, port }]) => [
      key,
      { host: host.name, id, port: port ?? null },
    ]);
    return { ...this.common(), devices: Object.fromEntries(devices) };
  }
}
