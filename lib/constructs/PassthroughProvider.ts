import { Lazy, TerraformProvider, TerraformStack, Token } from "cdktf";
import type { Construct, IConstruct } from "constructs";
import { bundles } from "../placement/bundles";
import { providerSource } from "../placement/source";
import type { ConfigOf, engineAttributes, providerSchema } from "../schema";
import {
  checkConnection,
  connectionAddress,
  connectionBlock,
  type Connection,
  type WhenUnreachable,
} from "./connection";
import * as errors from "./errors";
import { placeAtSynth } from "./placement";
import type { RebootGroup } from "./RebootGroup";
import * as valid from "./validation";
import { asHcl, withoutUnset, type Written } from "./written";

export interface PassthroughProviderProps {
  /**
   * What a plan does about a host that does not answer. PASSTHROUGH_OFFLINE=1 in the environment asks for
   * `assume-state` for all hosts and dials none.
   * @default "error"
   */
  readonly whenUnreachable?: WhenUnreachable;
  /**
   * The resource that stands for a reboot: `terraform_data`, built into Terraform and OpenTofu, or `null_resource`
   * of the registry's null provider.
   * @default "terraform_data"
   */
  readonly events?: RebootEvents;
  /**
   * One host at a time: no host is changed while another one still has to prove its reboot. `false` lets hosts reboot
   * in parallel. Hosts of a RebootGroup keep to that instead.
   * @default true
   */
  readonly rolling?: boolean;
  /**
   * Connections, by host name, of hosts whose IommuHost is gone while their destroy is not applied yet. Needed only
   * where the connection holds a secret; the state remembers the rest.
   * @default none
   */
  readonly hosts?: Readonly<Record<string, Connection>>;
}

export type RebootEvents = "terraform_data" | "null_resource";

/** A host of the stack, as the provider block and its neighbours know it. */
export interface ProviderHost {
  readonly name: string;
  readonly connection: Connection;
  readonly node: IConstruct["node"];
  /** The event that proves the host; the next host waits for it. Absent for a machine that this stack never reboots. */
  readonly event?: { readonly fqn: string };
  /** The hosts that it takes turns with; absent: those without a group. */
  readonly group?: RebootGroup | undefined;
}

/** An engine of the stack, as the provider block knows it. */
export interface ProviderEngine {
  readonly name: string;
  readonly url: string;
  readonly node: IConstruct["node"];
  readonly _block: ConfigOf<typeof engineAttributes>;
}

const providers = new WeakMap<TerraformStack, PassthroughProvider>();

/**
 * The provider of a stack: it knows the hosts' connections. The first IommuHost makes one by itself; construct it
 * before that to set its props, or to keep the provider in the stack until the destroy of its last resource is
 * applied.
 */
export class PassthroughProvider extends TerraformProvider {
  /** The stack's provider, made where there is none yet. */
  static of(scope: Construct): PassthroughProvider {
    const stack = TerraformStack.of(scope);
    return providers.get(stack) ?? new PassthroughProvider(stack, "cdktf-passthrough");
  }

  readonly events: RebootEvents;
  readonly rolling: boolean;
  readonly #props: PassthroughProviderProps;
  readonly #hosts: ProviderHost[] = [];
  readonly #engines: ProviderEngine[] = [];

  constructor(scope: Construct, id: string, props: PassthroughProviderProps = {}) {
    super(scope, id, {
      terraformResourceType: "passthrough",
      terraformProviderSource: providerSource,
      terraformGeneratorMetadata: {
        providerName: "passthrough",
        // Asked for at synth, so that constructs can be made before the provider is built.
        get providerVersion() {
          return bundles().version;
        },
      },
    });
    const stack = TerraformStack.of(this);
    const first = providers.get(stack);
    if (first !== undefined) throw errors.secondProvider(stack.node.path, first.node.path);
    valid.check(valid.isWhenUnreachable, `${this.node.path}: whenUnreachable`, props.whenUnreachable);
    valid.check(valid.isEvents, `${this.node.path}: events`, props.events);
    for (const [name, connection] of Object.entries(props.hosts ?? {})) {
      checkConnection(`${this.node.path}: hosts.${name}`, connection);
    }
    providers.set(stack, this);
    this.#props = props;
    this.events = props.events ?? "terraform_data";
    this.rolling = props.rolling ?? true;
    placeAtSynth(stack);
  }

  /** @internal */
  _addHost(host: ProviderHost): void {
    for (const other of this.#hosts) {
      if (other.name === host.name) throw errors.sameName("host", host.name, other.node.path, host.node.path);
      const address = connectionAddress(host.connection);
      if (connectionAddress(other.connection) === address) {
        throw errors.sameConnection(address, other.node.path, host.node.path);
      }
    }
    if (this.#props.hosts?.[host.name] !== undefined)
      throw errors.hostStillConstructed(host.name, host.node.path);
    this.#hosts.push(host);
  }

  /** @internal */
  _addEngine(engine: ProviderEngine): void {
    const place = (url: string) => url.replace(/\/+$/, "").replace(/\/ovirt-engine(?:\/api)?$/, "");
    for (const other of this.#engines) {
      if (!Token.isUnresolved(engine.url) && place(other.url) === place(engine.url))
        throw errors.sameEngine(engine.url, other.node.path, engine.node.path);
    }
    this.#engines.push(engine);
  }

  /**
   * The events that must be over before this host is changed: those of everybody in the turn before its own.
   * @internal
   */
  _before(host: ProviderHost): NonNullable<ProviderHost["event"]>[] {
    if (host.group === undefined && !this.rolling) return [];
    const atOnce = host.group?.maxUnavailable ?? 1;
    const group = this.#hosts.filter(({ event, group }) => event !== undefined && group === host.group);
    const turn = Math.floor(group.indexOf(host) / atOnce);
    return group.slice(Math.max(0, (turn - 1) * atOnce), turn * atOnce).flatMap(({ event }) => event ?? []);
  }

  protected override synthesizeAttributes(): Written {
    // Behind a token, because cdktf would turn the names of the hosts into snake case.
    return withoutUnset({
      ...this.#declared(),
      hosts: Lazy.anyValue({ produce: () => this.#connections() }),
      ...(this.#engines.length > 0
        ? { engines: Lazy.anyValue({ produce: () => this.#engineBlocks() }) }
        : {}),
    });
  }

  protected override synthesizeHclAttributes(): Written {
    return asHcl(
      withoutUnset({
        ...this.#declared(),
        hosts: this.#connections(),
        ...(this.#engines.length > 0 ? { engines: this.#engineBlocks() } : {}),
      }),
    );
  }

  #declared(): ConfigOf<typeof providerSchema.attributes> {
    return { when_unreachable: this.#props.whenUnreachable };
  }

  #engineBlocks(): Written {
    return Object.fromEntries(this.#engines.map(({ name, _block }) => [name, withoutUnset(_block)]));
  }

  #connections(): Written {
    const gone = Object.entries(this.#props.hosts ?? {});
    const here = this.#hosts.map(({ name, connection }) => [name, connection] as const);
    return Object.fromEntries(
      [...gone, ...here].map(([name, connection]) => [name, withoutUnset(connectionBlock(connection))]),
    );
  }
}
