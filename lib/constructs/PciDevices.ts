import { TerraformDataSource, type IResolvable } from "cdktf";
import type { Construct } from "constructs";
import { pciDevicesSchema, type ConfigOf } from "../schema";
import type { IommuHost } from "./IommuHost";
import { requireStackOf } from "./names";
import * as valid from "./validation";
import { asHcl, withoutUnset, type Written } from "./written";

export interface PciDevicesProps {
  /** The host to look at; of the same stack. */
  readonly host: IommuHost;
  /**
   * Only this slot or function.
   * @default all
   */
  readonly address?: string;
  /**
   * Only devices of this `vvvv:dddd`.
   * @default all
   */
  readonly deviceId?: string;
  /**
   * Only devices of this PCI class: two or four hex digits, such as `03` for displays.
   * @default all
   */
  readonly class?: string;
}

/** The PCI devices of a host, read at every plan. For outputs and checks: a VfioBinding takes literals. */
export class PciDevices extends TerraformDataSource {
  readonly #props: PciDevicesProps;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: PciDevicesProps) {
    super(scope, id, {
      terraformResourceType: pciDevicesSchema.typeName,
      terraformGeneratorMetadata: { providerName: "passthrough" },
    });
    const { path } = this.node;
    requireStackOf(props.host, this);
    valid.check(valid.isAddress, `${path}: address`, props.address);
    valid.check(valid.isDeviceId, `${path}: deviceId`, props.deviceId);
    valid.check(valid.isClass, `${path}: class`, props.class);
    this.#props = props;
  }

  /** By address: id, class, name, driver, IOMMU group, and what of the host depends on it. */
  get devices(): Record<string, unknown> {
    return this.getAnyMapAttribute("devices");
  }

  /** The IOMMU is on. */
  get iommu(): IResolvable {
    return this.getBooleanAttribute("iommu");
  }

  protected override synthesizeAttributes(): Written {
    return withoutUnset(this.#declared());
  }

  protected override synthesizeHclAttributes(): Written {
    return asHcl(this.synthesizeAttributes());
  }

  #declared(): ConfigOf<typeof pciDevicesSchema.attributes> {
    const { host, address, deviceId } = this.#props;
    return { host: host.name, address, device_id: deviceId, class: this.#props.class };
  }
}
