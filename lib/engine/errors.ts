/** What went wrong between us and an engine. */
export type EngineErrorKind =
  | "bad-config"
  /** No answer: wrong address, down, or too slow. */
  | "unreachable"
  /** Cut off after the request was sent: what came of it is not known. */
  | "lost"
  | "untrusted"
  | "refused-login"
  | "forbidden"
  | "not-found"
  /** The engine understood and said no. */
  | "refused"
  /** It answers, but not as an engine does. */
  | "not-an-engine"
  | "aborted";

/** Everything that can go wrong on the way to an engine; `title` is one line, `detail` holds the engine's own words. */
export class EngineError extends Error {
  constructor(
    readonly kind: EngineErrorKind,
    readonly title: string,
    readonly detail: string,
    /** Status of the answer, where there was one. */
    readonly status: number | null = null,
  ) {
    super(`${title}\n${detail}`);
    this.name = "EngineError";
  }
}

export function isEngineUnreachable(error: unknown): boolean {
  return error instanceof EngineError && (error.kind === "unreachable" || error.kind === "lost");
}

export function isNotFound(error: unknown): boolean {
  return error instanceof EngineError && error.kind === "not-found";
}

/** Who a message is about. */
export interface EnginePeer {
  /** Name of the engine in the stack. */
  readonly name: string;
  readonly url: string;
}

const at = ({ name, url }: EnginePeer): string => `engine ${name} (${url})`;

export function badConfig(name: string, what: string): EngineError {
  return new EngineError("bad-config", `Unable to use engine ${name}`, what);
}

export function unreachable(peer: EnginePeer, words: string): EngineError {
  return new EngineError(
    "unreachable",
    `Unable to reach ${at(peer)}`,
    `${words}. Is the address right, and is ovirt-engine running there?`,
  );
}

export function lost(peer: EnginePeer, request: string, words: string): EngineError {
  return new EngineError(
    "lost",
    `${at(peer)} was cut off`,
    `${request} was sent and its answer never came: ${words}.`,
  );
}

export function untrusted(peer: EnginePeer, words: string, fingerprint: string | null): EngineError {
  return new EngineError(
    "untrusted",
    `The certificate of ${at(peer)} is not trusted`,
    `${words}. Nothing was sent. ` +
      (fingerprint === null ? "" : `It shows the certificate with the SHA-256 fingerprint ${fingerprint}. `) +
      "Compare it with `openssl x509 -noout -fingerprint -sha256 -in /etc/pki/ovirt-engine/certs/apache.cer` on the " +
      "engine and set it as `fingerprint`, or set `caFile` to a copy of the engine's /etc/pki/ovirt-engine/ca.pem.",
  );
}

export function refusedLogin(peer: EnginePeer, user: string | null, words: string): EngineError {
  return new EngineError(
    "refused-login",
    `${at(peer)} refused the login`,
    user === null
      ? `It does not take the token: ${words}. Tokens expire; ask for another one, or give user and password.`
      : `${user}: ${words}. The login name carries its profile, such as admin@internal or admin@ovirt@internalsso.`,
  );
}

export function forbidden(peer: EnginePeer, request: string, words: string): EngineError {
  return new EngineError(
    "forbidden",
    `${at(peer)} does not allow this`,
    `${request}: ${words}. Give the user a role that may do it, such as UserVmManager on the VM and HostAdmin on its host.`,
    403,
  );
}

export function notFound(peer: EnginePeer, request: string, words: string): EngineError {
  return new EngineError("not-found", `${at(peer)} knows no such thing`, `${request}: ${words}`, 404);
}

export function refused(peer: EnginePeer, request: string, status: number, words: string): EngineError {
  return new EngineError("refused", `${at(peer)} said no`, `${request}: ${words} (HTTP ${status})`, status);
}

export function notAnEngine(peer: EnginePeer, request: string, words: string): EngineError {
  return new EngineError(
    "not-an-engine",
    `${at(peer)} does not answer as an engine does`,
    `${request}: ${words}. Expected the address of an oVirt or Red Hat Virtualization engine, such as ` +
      "https://engine.example/ovirt-engine.",
  );
}

export function abortedRequest(peer: EnginePeer, request: string): EngineError {
  return new EngineError("aborted", `Stopped`, `${request} of ${at(peer)} was not waited for.`);
}
