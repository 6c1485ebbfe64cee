import { TerraformDataSource, type IResolvable } from "cdktf";
import type { Construct } from "constructs";
import { pciDevicesSchema, type ConfigOf } from "../schema";
import { checkSelector, writtenSelector, type DeviceSelector } from "./DeviceSelector";
import type { IommuHost } from "./IommuHost";
import { requireStackOf } from "./names";
import { asHcl, withoutUnset, type Written } from "./written";

export interface PciDevicesProps {
  /** The host to look at; of the same stack. */
  readonly host: IommuHost;
  /**
   * Only what this selects: as many cards as match, unless `count` or `nth` say which. Values that other resources
   * give are taken too.
   * @default every device
   */
  readonly select?: DeviceSelector;
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
    if (props.select !== undefined) checkSelector(`${path}: select`, props.select, false);
    this.#props = props;
  }

  /** What `select` found, as an expression: the slots of which it is every function, else the functions, joined by `;`. */
  get address(): string {
    return this.getStringAttribute("address");
  }

  /** By address: id, class, subsystem, name, serial, MAC addresses, driver, IOMMU group, and what of the host depends on it. */
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
    const { host, select } = this.#props;
    return { host: host.name, select: select && writtenSelector(select) };
  }
}
