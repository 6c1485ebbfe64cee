import { Token } from "cdktf";
import type { IInterpolatingParent } from "cdktf";
import type { IConstruct } from "constructs";
import type { DeviceSelector } from "../schema";
import type { Claim } from "./claims";

/** The host of a binding, as VMs that another place has see it. */
export interface BindingHost extends IConstruct {
  /** @internal */
  _claimElsewhere?(claims: readonly Claim[]): void;
}

/** What a bound device needs to know of its binding. */
export interface DeviceBinding extends IInterpolatingParent, IConstruct {
  readonly fqn: string;
  readonly host: BindingHost;
  /** @internal */
  _addUser?(vmId: string): void;
}

/** A device of a VfioBinding, made by `binding.device(key)`, or a virtual function, by `functions.function(number)`. */
export class BoundDevice {
  constructor(
    readonly binding: DeviceBinding,
    readonly key: string,
    /** What selects it on the host. */
    readonly selector: DeviceSelector,
  ) {}

  /** Its PCI address once it is bound, as an expression: the slot, or the function; several joined by `;`. */
  get address(): string {
    return Token.asString(this.binding.interpolationForAttribute(`addresses[${JSON.stringify(this.key)}]`));
  }

  toString(): string {
    return `${this.binding.node.path}.device(${JSON.stringify(this.key)})`;
  }
}
