import type { connectionAttributes, ConfigOf } from "../schema";
import * as valid from "./validation";

/**
 * How a host is reached over SSH. What is not set comes from the OpenSSH config file, then from OpenSSH's own
 * defaults. Secrets may also come from the environment at deploy time, and need not be here at all.
 */
export interface Connection {
  /** Name, address or alias of the OpenSSH config file. */
  readonly host: string;
  /**
   * TCP port of its SSH server.
   * @default 22
   */
  readonly port?: number;
  /**
   * Login name.
   * @default the OpenSSH config file's, else root
   */
  readonly user?: string;
  /**
   * Run everything through `sudo -n`.
   * @default true for every user but root
   */
  readonly sudo?: boolean;
  /**
   * Private key file: absolute, or below `~/`.
   * @default the OpenSSH config file's, else OpenSSH's own
   */
  readonly identityFile?: string;
  /**
   * Private key in OpenSSH or PEM form. Never in plain text: give it through an ephemeral variable.
   * @default none
   */
  readonly privateKey?: string;
  /**
   * Passphrase of the private key. Never in plain text: give it through an ephemeral variable.
   * @default none
   */
  readonly passphrase?: string;
  /**
   * Ask the SSH agent of SSH_AUTH_SOCK.
   * @default true
   */
  readonly agent?: boolean;
  /**
   * Pinned host key, `ssh-ed25519 AAAA...` or its `SHA256:...` fingerprint.
   * @default what the known_hosts file says
   */
  readonly hostKey?: string;
  /**
   * known_hosts file: absolute, or below `~/`.
   * @default the OpenSSH config file's, else ~/.ssh/known_hosts
   */
  readonly knownHostsFile?: string;
  /**
   * OpenSSH config file: absolute, or below `~/`; `none` reads none.
   * @default ~/.ssh/config
   */
  readonly configFile?: string;
  /**
   * Jump host in front of this host.
   * @default the OpenSSH config file's ProxyJump
   */
  readonly jump?: JumpHost;
  /**
   * Seconds for connecting and logging in.
   * @default 20
   */
  readonly connectTimeout?: number;
  /**
   * Whether a plan may go on with what the state remembers where this host does not answer.
   * @default the provider's
   */
  readonly whenUnreachable?: WhenUnreachable;
}

/** The SSH server in front of a host. */
export interface JumpHost {
  /** Name, address or alias of the OpenSSH config file. */
  readonly host: string;
  /** @default 22 */
  readonly port?: number;
  /** @default the OpenSSH config file's, else the local user */
  readonly user?: string;
  /** @default the OpenSSH config file's, else OpenSSH's own */
  readonly identityFile?: string;
  /** @default what the known_hosts file says */
  readonly hostKey?: string;
}

/** `error`: an unreachable host fails the plan. `assume-state`: the plan goes on and carries a mark. */
export type WhenUnreachable = "error" | "assume-state";

type ConnectionBlock = ConfigOf<typeof connectionAttributes>;

export function checkConnection(where: string, connection: Connection): void {
  checkEnd(where, connection);
  if (connection.jump !== undefined) checkEnd(`${where}.jump`, connection.jump);
  valid.check(valid.isPath, `${where}.knownHostsFile`, connection.knownHostsFile);
  if (connection.configFile !== "none")
    valid.check(valid.isPath, `${where}.configFile`, connection.configFile);
  valid.check(valid.isSeconds, `${where}.connectTimeout`, connection.connectTimeout);
  valid.check(valid.isWhenUnreachable, `${where}.whenUnreachable`, connection.whenUnreachable);
}

function checkEnd(where: string, end: JumpHost): void {
  valid.check(valid.isConnectionHost, `${where}.host`, end.host);
  valid.check(valid.isPort, `${where}.port`, end.port);
  valid.check(valid.isPath, `${where}.identityFile`, end.identityFile);
}

/** The connection as the provider block takes it. */
export function connectionBlock(connection: Connection): ConnectionBlock {
  return {
    ...openBlock(connection),
    private_key: connection.privateKey,
    passphrase: connection.passphrase,
    when_unreachable: connection.whenUnreachable,
  };
}

/** The same in the same words without what is secret, for the event's environment. */
export function openBlock(
  connection: Connection,
): Omit<ConnectionBlock, "private_key" | "passphrase" | "when_unreachable"> {
  return {
    host: connection.host,
    port: connection.port,
    user: connection.user,
    sudo: connection.sudo,
    identity_file: connection.identityFile,
    agent: connection.agent,
    host_key: connection.hostKey,
    known_hosts_file: connection.knownHostsFile,
    config_file: connection.configFile,
    jump: connection.jump && jumpBlock(connection.jump),
    connect_timeout: connection.connectTimeout,
  };
}

function jumpBlock(jump: JumpHost): NonNullable<ConnectionBlock["jump"]> {
  return {
    host: jump.host,
    port: jump.port ?? null,
    user: jump.user ?? null,
    identity_file: jump.identityFile ?? null,
    host_key: jump.hostKey ?? null,
  };
}

/** Where a connection ends; the same host behind two jump hosts is two hosts. */
export function connectionAddress(connection: Connection): string {
  const end = `${connection.host}:${connection.port ?? 22}`;
  return connection.jump === undefined ? end : `${end} through ${connection.jump.host}`;
}
