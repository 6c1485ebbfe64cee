import type { IResolvable } from "cdktf";
import type { Construct } from "constructs";
import type { Attributes, ResourceSchema } from "../schema";
import * as errors from "./errors";
import type { IommuHost } from "./IommuHost";
import { requireStackOf } from "./names";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import type { Provided } from "./slots";
import * as valid from "./validation";

export interface ResourceMappingProps extends PassthroughResourceProps {
  /** Any node of the cluster: its `pvesh` writes the mapping. Of the same stack. */
  readonly host: IommuHost;
  /**
   * Name of the mapping, as VMs name it.
   * @default the construct's id
   */
  readonly name?: string;
  /**
   * A line of text.
   * @default left as it is
   */
  readonly description?: string;
}

/** A resource mapping of a Proxmox VE cluster: one name for alike devices of its nodes, each with its identity. */
export abstract class ResourceMapping<A extends Attributes>
  extends PassthroughResource<A>
  implements Provided
{
  readonly host: IommuHost;
  /** Name of the mapping in the cluster, as a VM's configuration names it. */
  readonly slotValue: string;
  /** `pci/gpu` */
  readonly provides: string;
  readonly #description: string | undefined;
  readonly #users: string[] = [];

  constructor(
    scope: Construct,
    id: string,
    schema: ResourceSchema<A>,
    kind: "pci" | "usb",
    props: ResourceMappingProps,
  ) {
    super(scope, id, schema, props);
    const { path } = this.node;
    requireStackOf(props.host, this);
    this.host = props.host;
    this.slotValue = props.name ?? id;
    this.provides = `${kind}/${this.slotValue}`;
    this.#description = props.description;
    valid.check(valid.isMappingName, `${path}: name`, this.slotValue);
    valid.check(valid.isLine, `${path}: description`, props.description);
  }

  /** Our part of the mapping in Proxmox VE's own words: options by name, entries by `map <node> <path>`. */
  get settings(): Record<string, string> {
    return this.getStringMapAttribute("settings");
  }

  /** This declaration made the mapping, so its destroy removes it. */
  get created(): IResolvable {
    return this.getBooleanAttribute("created");
  }

  /**
   * A VM that names it.
   * @internal
   */
  _addUser(vmId: string): void {
    if (!this.#users.includes(vmId)) this.#users.push(vmId);
  }

  /** The events of all hosts that the mapping is about: their groups are what they stay. */
  protected eventsOf(devices: readonly { readonly host: IommuHost }[]): string[] {
    return [...new Set([this.host, ...devices.map(({ host }) => host)])].map((host) => host._event);
  }

  protected common() {
    return {
      host: this.host.name,
      name: this.slotValue,
      description: this.#description,
      users: this.#users.length > 0 ? [...this.#users] : undefined,
    };
  }
}

/** @throws an Error unless there is a device, each under a name, on a host of the mapping's own stack. */
export function checkMapped(
  mapping: Construct,
  devices: Readonly<Record<string, { readonly host: IommuHost }>>,
): void {
  const { path } = mapping.node;
  if (Object.keys(devices).length === 0) throw errors.emptyMapping(path);
  for (const [key, { host }] of Object.entries(devices)) {
    valid.isDeviceKey(`${path}: devices`, key);
    requireStackOf(host, mapping);
  }
}
