import type { EngineConnection } from "./types";

/** An engine's connection in the words of the provider block; null or absent where not set. */
export interface EngineBlock {
  readonly url?: string | null;
  readonly user?: string | null;
  readonly password?: string | null;
  readonly token?: string | null;
  readonly ca?: string | null;
  readonly ca_file?: string | null;
  readonly fingerprint?: string | null;
  readonly timeout?: number | null;
}

/** The same connection as the client takes it. */
export function connectionOf(block: EngineBlock): EngineConnection {
  return {
    url: block.url ?? "",
    user: block.user ?? undefined,
    password: block.password ?? undefined,
    token: block.token ?? undefined,
    ca: block.ca ?? undefined,
    caFile: block.ca_file ?? undefined,
    fingerprint: block.fingerprint ?? undefined,
    timeout: block.timeout ?? undefined,
  };
}
