import { Annotations, Token, Tokenization } from "cdktf";
import { Construct } from "constructs";
import { claimOnce } from "./claims";
import { checkConnection, openBlock, type Connection } from "./connection";
import * as errors from "./errors";
import type { IommuHost } from "./IommuHost";
import type { ManagedHost } from "./ManagedHost";
import { nameInStack, requireStackOf } from "./names";
import { PassthroughProvider } from "./PassthroughProvider";
import * as valid from "./validation";
import type { Guest, VmPlace, VmTarget } from "./VmTarget";

export interface OpenNebulaHostOptions {
  /**
   * Running VMs move to other hosts (`onehost flush`). `false` only disables the host (`onehost disable`): then no running
   * VM can move, and `immovable` says what becomes of them.
   * @default true
   */
  readonly flush?: boolean;
}

export interface OpenNebulaProps {
  /**
   * How the front end is reached over SSH.
   * @default none; `host` is set
   */
  readonly connection?: Connection;
  /**
   * The host of the stack that is the front end too.
   * @default none; `connection` is set
   */
  readonly host?: IommuHost;
}

/**
 * An OpenNebula front end: the machine where oned runs and `onehost`, `onevm`, `onetemplate` and `onevnet` do what
 * oneadmin may.
 */
export class OpenNebula extends Construct implements VmPlace {
  /**
   * An existing VM. Its devices change while it is powered off.
   * @param vm its id or name, as `onevm list` shows it; may be another resource's attribute
   * @throws an Error if this cannot be the id or name of a VM
   */
  static vm(frontEnd: OpenNebula, vm: number | string): VmTarget {
    return { hypervisor: "opennebula", host: frontEnd, vmId: identifier("VM", frontEnd, vm) };
  }

  /**
   * An existing VM template: what VMs that are made of it ask for.
   * @param template its id or name, as `onetemplate list` shows it; may be another resource's attribute
   * @throws an Error if this cannot be the id or name of a template
   */
  static template(frontEnd: OpenNebula, template: number | string): VmTarget {
    const id = identifier("VM template", frontEnd, template);
    return { hypervisor: "opennebula", host: frontEnd, vmId: `template:${id}` };
  }

  /**
   * A host of OpenNebula, for `beforeReboot.managedBy`: it is disabled before a reboot, its VMs move (`onehost flush`), and
   * it is enabled afterwards.
   * @param host its name or id, as `onehost list` shows it
   * @throws an Error if this cannot be the name or id of a host
   */
  static host(frontEnd: OpenNebula, host: number | string, options: OpenNebulaHostOptions = {}): ManagedHost {
    const name = identifier("host", frontEnd, host);
    return { kind: "opennebula", manager: frontEnd, name, moves: options.flush };
  }

  /** The front end's name in plans and messages. */
  readonly name: string;
  /** The reboot that it waits for, where it is a host of the stack too. */
  readonly #host: IommuHost | undefined;
  readonly #connection: Connection;
  readonly #guests: Guest[] = [];
  #filter: { readonly path: string; readonly fqn: string } | undefined;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, { connection, host }: OpenNebulaProps) {
    super(scope, id);
    const { path } = this.node;
    const given = Object.entries({ connection, host }).flatMap(([prop, value]) =>
      value === undefined ? [] : [prop],
    );
    if (given.length !== 1) throw errors.frontEndWithoutPlace(path, given);
    this.name = host?.name ?? nameInStack(this);
    this.#host = host;
    this.#connection = host?._connection ?? connection ?? { host: "" };
    if (host !== undefined) requireStackOf(host, this);
    if (connection === undefined) return;
    checkConnection(`${path}: connection`, connection);
    PassthroughProvider.of(this)._addHost({ name: this.name, connection, node: this.node });
    for (const secret of ["privateKey", "passphrase"] as const) {
      const value = connection[secret];
      if (value !== undefined && !Token.isUnresolved(value))
        Annotations.of(this).addWarning(errors.secretInCode(`connection.${secret}`));
    }
  }

  /**
   * How it is reached, without what is secret.
   * @internal
   */
  get _openBlock(): object {
    return openBlock(this.#connection);
  }

  /**
   * The reboot of the machine itself, as an expression.
   * @internal
   */
  get _reboot(): string | undefined {
    return this.#host?._event;
  }

  /**
   * What VMs wait for: that the hosts list the devices.
   * @internal
   */
  get _event(): string | undefined {
    return this.#filter?.fqn ?? this._reboot;
  }

  /** @internal */
  _addGuest(guest: Guest): void {
    const { path } = this.node;
    for (const other of this.#guests) {
      if (other.vmId === guest.vmId) throw errors.sameVm(`${guest.vmId} of ${path}`, other.path, guest.path);
    }
    // A template only asks: the VMs made of it get whatever is free then.
    const vms = this.#guests.filter(({ vmId }) => !vmId.startsWith("template:"));
    if (!guest.vmId.startsWith("template:"))
      claimOnce(
        vms.flatMap(({ claims }) => claims),
        guest.claims,
        (device, one, other) => errors.claimedTwice(device, path, one, other),
      );
    this.#guests.push(guest);
  }

  /** @internal */
  _peersOf(vmId: string): string[] {
    return this.#guests.map((guest) => guest.vmId).filter((id) => id !== vmId);
  }

  /**
   * Which machine an OpenNebula host is cannot be told from the code.
   * @internal
   */
  _reaches(): boolean {
    return true;
  }

  /** @internal */
  _addFilter(filter: { readonly path: string; readonly fqn: string }): void {
    if (this.#filter !== undefined) throw errors.secondFilter(this.node.path, this.#filter.path, filter.path);
    this.#filter = filter;
  }
}

function identifier(what: string, frontEnd: OpenNebula, id: number | string): string {
  if (typeof id === "number") return Tokenization.stringifyNumber(id);
  valid.check(valid.isOpenNebulaName, `${what} of ${frontEnd.node.path}`, id);
  return id;
}
