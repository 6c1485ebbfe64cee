import type { Connection } from "./types";

/** A connection in the words of the provider block; null or absent where not set. */
export interface ConnectionBlock extends JumpBlock {
  readonly sudo?: boolean | null;
  readonly private_key?: string | null;
  readonly passphrase?: string | null;
  readonly agent?: boolean | null;
  readonly known_hosts_file?: string | null;
  readonly config_file?: string | null;
  readonly connect_timeout?: number | null;
  readonly jump?: JumpBlock | null;
}

interface JumpBlock {
  readonly host: string | null;
  readonly port?: number | null;
  readonly user?: string | null;
  readonly identity_file?: string | null;
  readonly host_key?: string | null;
}

/** The same connection as the SSH layer takes it. */
export function connectionOf(block: ConnectionBlock): Connection {
  return {
    ...endOf(block),
    sudo: block.sudo ?? undefined,
    privateKey: block.private_key ?? undefined,
    passphrase: block.passphrase ?? undefined,
    agent: block.agent ?? undefined,
    knownHostsFile: block.known_hosts_file ?? undefined,
    configFile: block.config_file ?? undefined,
    connectTimeout: block.connect_timeout ?? undefined,
    jump: block.jump ? endOf(block.jump) : undefined,
  };
}

function endOf(block: JumpBlock): Pick<Connection, "host" | "port" | "user" | "identityFile" | "hostKey"> {
  return {
    host: block.host ?? "",
    port: block.port ?? undefined,
    user: block.user ?? undefined,
    identityFile: block.identity_file ?? undefined,
    hostKey: block.host_key ?? undefined,
  };
}
