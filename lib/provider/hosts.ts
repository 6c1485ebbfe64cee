import { createHost } from "../host/host";
import { createSession } from "../host/session";
import { connectionOf } from "../host/connectionBlock";
import { isUnreachable } from "../host/errors";
import type { Connection, Host } from "../host/types";
import type { HostFacts } from "../model/facts";
import { UNKNOWN, type Diagnostic } from "../plugin/types";
import type { ConnectionSettings } from "../schema";
import type { Engines } from "./engines";
import { JUST_READ, notDialled, notReached } from "./reading";
import { Turns } from "./turns";
import { openBlock } from "./openBlock";
import { hasUnknown, type Planned } from "./values";

export type Connections = Readonly<Record<string, Planned<ConnectionSettings>>>;

export interface HostsConfig {
  /** The provider block's `hosts`; UNKNOWN while a connection is only known after apply. */
  readonly hosts: Connections | typeof UNKNOWN;
  readonly whenUnreachable: string | null;
  /** PASSTHROUGH_OFFLINE: dial nothing. */
  readonly offline: boolean;
}

/** The non-secret connection that a resource keeps beside its state, for a destroy after its construct is gone. */
export type KeptConnection = Omit<Connection, "privateKey" | "passphrase">;

/** A host as it is now. */
export interface Seen {
  readonly kind: "seen";
  readonly host: Host;
  readonly facts: HostFacts;
  readonly connection: KeptConnection;
}

/** What could be learnt of a host. */
export type Sight =
  | Seen
  /** Not reached, and the author or the CI said to go on with what the state remembers. */
  | { readonly kind: "assumed"; readonly notice: Diagnostic }
  /** Its connection is only known after apply. */
  | { readonly kind: "unknown" };

/**
 * A create's `assumed`, as planned: a plan that did not see the host leaves it open, and that is the mark a review
 * can find in the plan's JSON. An update has it in what was before.
 */
export function assumedIn(
  sight: { readonly kind: string; readonly notice?: Diagnostic } | null,
): false | typeof UNKNOWN {
  return sight?.kind === "assumed" ? UNKNOWN : false;
}

/** The hosts of one provider block: one SSH connection each, shared by all resources, dialled at first need. */
export class Hosts {
  private readonly open = new Map<string, { host: Host; connection: KeptConnection }>();
  private readonly turns = new Turns();
  private readonly failed = new Map<string, Diagnostic>();
  /** This process applies: between two resources, other steps of the apply may change a host, or reboot it. */
  private applying = false;

  constructor(
    private readonly config: HostsConfig,
    /** The engines of the same provider block. */
    readonly engines: Engines,
  ) {}

  /**
   * Reads a host, or says why not. `kept` is the connection of an earlier run, for a host that the provider block
   * does not name any more. Throws where the host cannot be reached and that is not allowed.
   */
  async look(name: string, kept: unknown, signal: AbortSignal): Promise<Sight> {
    if (this.config.offline) return { kind: "assumed", notice: notDialled(name) };
    const known = this.failed.get(name);
    if (known) return { kind: "assumed", notice: known };
    const settings = this.settings(name, kept);
    if (settings === UNKNOWN) return { kind: "unknown" };
    const { host, connection } = this.connect(name, settings);
    if (this.applying) host.refresh();
    try {
      return { kind: "seen", host, facts: await host.probe(signal), connection };
    } catch (error) {
      const policy = whenUnreachable(this.config, name);
      if (policy !== "assume-state" || !isUnreachable(error)) throw error;
      const notice = notReached(name, error);
      this.failed.set(name, notice);
      return { kind: "assumed", notice };
    }
  }

  /** How a host of the provider block is reached, in its words and without what is secret; null: not known. */
  openBlock(name: string): Readonly<Record<string, unknown>> | null {
    return openBlock(this.config.hosts, name, ["private_key", "passphrase"]);
  }

  /**
   * For an apply: the host as it is now, or an error. Applies of one host run one after another, each from reading
   * to reading back, so that none decides on what another is just changing.
   */
  async alone<T>(
    name: string,
    kept: unknown,
    signal: AbortSignal,
    work: (sight: Seen) => Promise<T>,
  ): Promise<T> {
    const settings = this.settings(name, kept);
    if (settings === UNKNOWN) throw new Error(`Unable to reach ${name}: its connection is still unknown.`);
    const { host, connection } = this.connect(name, settings);
    this.applying = true;
    return this.turns.take(name, async () => {
      signal.throwIfAborted();
      // Terraform plans a resource once more right before it applies it, and what that read still holds. Anything
      // older may be of another boot: the provider lives on while a provisioner reboots the host.
      host.refresh(JUST_READ);
      return work({ kind: "seen", host, facts: await host.probe(signal), connection });
    });
  }

  async close(): Promise<void> {
    await Promise.all([...[...this.open.values()].map(({ host }) => host.close()), this.engines.close()]);
  }

  private connect(name: string, connection: Connection): { host: Host; connection: KeptConnection } {
    let entry = this.open.get(name);
    if (!entry) {
      const { privateKey: _privateKey, passphrase: _passphrase, ...keep } = connection;
      entry = { host: createHost(name, createSession(name, connection)), connection: keep };
      this.open.set(name, entry);
    }
    return entry;
  }

  private settings(name: string, kept: unknown): Connection | typeof UNKNOWN {
    if (this.config.hosts === UNKNOWN) return UNKNOWN;
    const found = this.config.hosts[name];
    if (found) return hasUnknown(found) ? UNKNOWN : connectionOf(found as ConnectionSettings);
    if (typeof kept === "object" && kept !== null) return kept as Connection;
    const names = Object.keys(this.config.hosts);
    throw new Error(
      `No connection for host ${name}\nThe provider block names ${names.length > 0 ? names.join(", ") : "no hosts"}. ` +
        `Correct the name, or add its connection there; it stays until the host's last resource is destroyed.`,
    );
  }
}

function whenUnreachable({ hosts, whenUnreachable: all }: HostsConfig, name: string): string | null {
  const own = hosts === UNKNOWN ? null : (hosts[name]?.when_unreachable ?? null);
  return typeof own === "string" ? own : all;
}
