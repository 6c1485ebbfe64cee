import { Annotations, Token } from "cdktf";
import { Construct } from "constructs";
import type { ConfigOf, engineAttributes } from "../schema";
import { claimOnce } from "./claims";
import type { WhenUnreachable } from "./connection";
import * as errors from "./errors";
import { nameInStack } from "./names";
import { PassthroughProvider } from "./PassthroughProvider";
import * as valid from "./validation";
import type { Guest, VmPlace } from "./VmTarget";

export interface OvirtEngineProps {
  /** `https://engine.example`, with or without `/ovirt-engine`. HTTPS only. */
  readonly url: string;
  /**
   * Login name with its profile, such as `admin@internal` or `admin@ovirt@internalsso`.
   * @default none; a token is given
   */
  readonly user?: string;
  /**
   * Its password. Never in plain text: give it through an ephemeral variable.
   * @default PASSTHROUGH_OVIRT_PASSWORD_<NAME>, else PASSTHROUGH_OVIRT_PASSWORD, at deploy time
   */
  readonly password?: string;
  /**
   * An OAuth token instead of user and password. Never in plain text: give it through an ephemeral variable.
   * @default PASSTHROUGH_OVIRT_TOKEN_<NAME>, else PASSTHROUGH_OVIRT_TOKEN, at deploy time
   */
  readonly token?: string;
  /**
   * PEM of the CA that signed the engine's certificate: its /etc/pki/ovirt-engine/ca.pem.
   * @default the public CAs that Node.js knows
   */
  readonly ca?: string;
  /**
   * File with that PEM: absolute, or below `~/`.
   * @default none
   */
  readonly caFile?: string;
  /**
   * SHA-256 fingerprint of the engine's own certificate, instead of a CA.
   * @default none
   */
  readonly fingerprint?: string;
  /**
   * Seconds that one request may take.
   * @default 30
   */
  readonly timeout?: number;
  /**
   * Whether a plan may go on with what the state remembers where the engine does not answer.
   * @default the provider's
   */
  readonly whenUnreachable?: WhenUnreachable;
}

/** An oVirt or Red Hat Virtualization engine. Nothing of it is a resource; its VMs are (`Ovirt.vm`). */
export class OvirtEngine extends Construct implements VmPlace {
  /** Its name for the provider: the construct's path in its stack. */
  readonly name: string;
  readonly #props: OvirtEngineProps;
  readonly #guests: Guest[] = [];

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: OvirtEngineProps) {
    super(scope, id);
    this.name = nameInStack(this);
    checkProps(this.node.path, props);
    this.#props = props;
    for (const secret of ["password", "token"] as const) {
      const value = props[secret];
      if (value === undefined || Token.isUnresolved(value)) continue;
      Annotations.of(this).addWarning(errors.passwordInCode(secret));
    }
    PassthroughProvider.of(this)._addEngine(this);
  }

  /** Where it is. */
  get url(): string {
    return this.#props.url;
  }

  /** @internal */
  get _event(): undefined {
    return undefined;
  }

  /** @internal */
  _addGuest(guest: Guest): void {
    for (const other of this.#guests) {
      if (other.vmId === guest.vmId)
        throw errors.sameVm(`VM ${guest.vmId} of ${this.node.path}`, other.path, guest.path);
    }
    // An address names another device on each host, and where a VM runs is only known for one that is pinned.
    const neighbours = this.#guests.filter(({ pinTo }) => pinTo !== undefined && pinTo === guest.pinTo);
    claimOnce(
      neighbours.flatMap(({ claims }) => claims),
      guest.claims,
      (device, one, other) => errors.claimedTwice(device, guest.pinTo ?? this.node.path, one, other),
    );
    this.#guests.push(guest);
  }

  /** @internal */
  _peersOf(vmId: string): string[] {
    return this.#guests.map((guest) => guest.vmId).filter((id) => id !== vmId);
  }

  /**
   * Which of its hosts an IommuHost is, only the engine knows.
   * @internal
   */
  _reaches(): boolean {
    return true;
  }

  /**
   * As the provider block takes it.
   * @internal
   */
  get _block(): ConfigOf<typeof engineAttributes> {
    const { password, token, whenUnreachable } = this.#props;
    return { ...this._openBlock, password, token, when_unreachable: whenUnreachable };
  }

  /**
   * The same without what is secret, for the reboot event's environment.
   * @internal
   */
  get _openBlock(): Omit<ConfigOf<typeof engineAttributes>, "password" | "token" | "when_unreachable"> {
    const { url, user, ca, caFile, fingerprint, timeout } = this.#props;
    return { ...{ url, user, ca, fingerprint, timeout }, ca_file: caFile };
  }
}

function checkProps(path: string, props: OvirtEngineProps): void {
  const at = (prop: string): string => `${path}: ${prop}`;
  valid.check(valid.isEngineUrl, at("url"), props.url);
  valid.check(valid.isPath, at("caFile"), props.caFile);
  valid.check(valid.isPem, at("ca"), props.ca);
  valid.check(valid.isFingerprint, at("fingerprint"), props.fingerprint);
  valid.check(valid.isSeconds, at("timeout"), props.timeout);
  valid.check(valid.isWhenUnreachable, at("whenUnreachable"), props.whenUnreachable);
  const { ca, caFile, fingerprint } = props;
  const trusts = Object.entries({ ca, caFile, fingerprint }).filter(([, value]) => value !== undefined);
  if (trusts.length > 1)
    throw errors.manyTrusts(
      path,
      trusts.map(([name]) => name),
    );
}
