import type { Construct } from "constructs";
import { ovirtHostSchema, type ConfigOf } from "../schema";
import type { IommuHost } from "./IommuHost";
import { requireStackOf } from "./names";
import type { OvirtEngine } from "./OvirtEngine";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import * as valid from "./validation";

export interface OvirtHostProps extends PassthroughResourceProps {
  /** The host itself: its kernel parameters are what the engine is to know. */
  readonly host: IommuHost;
  /** The engine that manages it. */
  readonly engine: OvirtEngine;
  /** Its name or id at the engine. */
  readonly name: string;
}

/**
 * The kernel command line that an oVirt engine has for a host ("Kernel" in its dialog), kept in step with the host's
 * own. The engine writes its line whenever it installs the host, and would take away what it does not know; what
 * others wrote there stays.
 */
export class OvirtHost extends PassthroughResource<typeof ovirtHostSchema.attributes> {
  readonly #props: OvirtHostProps;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: OvirtHostProps) {
    super(scope, id, ovirtHostSchema, props);
    requireStackOf(props.host, this);
    requireStackOf(props.engine, this);
    valid.check(valid.isEngineName, `${this.node.path}: name`, props.name);
    this.#props = props;
  }

  /** The parameters of the host that the engine's line says too. */
  get parameters(): string[] {
    return this.getListAttribute("parameters");
  }

  /** After the host: a parameter that it refuses does not come to the engine. */
  protected override predecessors(): readonly string[] {
    return [this.#props.host._event];
  }

  protected override declared(): ConfigOf<typeof ovirtHostSchema.attributes> {
    const { host, engine, name } = this.#props;
    const { kernelParameters, iommu } = host._commandLine;
    return {
      engine: engine.name,
      name,
      kernel_parameters: kernelParameters && [...kernelParameters],
      iommu,
    };
  }
}
