/** How one oVirt or Red Hat Virtualization engine is reached; what is not set comes from the environment. */
export interface EngineConnection {
  /** `https://engine.example`, with or without `/ovirt-engine` or `/ovirt-engine/api`. */
  readonly url: string;
  /** Login name with its profile, such as `admin@internal`. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** An OAuth token that somebody else asked for, instead of user and password. */
  readonly token?: string | undefined;
  /** PEM of the CA that signed the engine's certificate. */
  readonly ca?: string | undefined;
  /** File with that PEM. */
  readonly caFile?: string | undefined;
  /** SHA-256 fingerprint of the engine's own certificate, instead of a CA. */
  readonly fingerprint?: string | undefined;
  /** Seconds that one request may take. @default 30 */
  readonly timeout?: number | undefined;
}

/** A JSON document, as the engine sends it: numbers and booleans come as text. */
export type Json = null | string | number | boolean | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}
