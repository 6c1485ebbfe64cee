import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { createCertificates } from "./certificates";
import { reply } from "./routes";
import { defaultWorld, type EngineWorld } from "./types";
import { byName, createDatabase, type Database, type Host, type Vm } from "./world";

export interface EmbeddedEngineOptions {
  /** @default two hosts and three VMs */
  readonly world?: EngineWorld;
  /** @default a free one */
  readonly port?: number;
}

/** Spoils requests whose `METHOD path` matches. */
export interface EngineFault {
  readonly request: RegExp;
  readonly effect:
    | { readonly kind: "answer"; readonly status: number; readonly body: string }
    /** The connection ends before or after the engine did what it was asked. */
    | { readonly kind: "cut"; readonly when: "before" | "after" }
    /** No answer while the engine lives. */
    | { readonly kind: "silence" };
  /** @default every time */
  readonly times?: number;
}

export interface EmbeddedEngine {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** PEM of its CA. */
  readonly ca: string;
  /** SHA-256 of its certificate. */
  readonly fingerprint: string;
  /** A token that is valid now. */
  token(): string;
  /** How many tokens are valid. */
  sessions(): number;
  /** Every token given out so far is refused from now on. */
  expireTokens(): void;
  vm(name: string): Vm;
  host(name: string): Host;
  /** `METHOD path` of every request to the API, without reads unless asked for. */
  requests(reads?: boolean): string[];
  setFaults(faults: readonly EngineFault[]): void;
  stop(): Promise<void>;
}

/**
 * The REST API of an oVirt engine in this process: the documents and the refusals of the published API, over TLS with
 * a CA of its own, with nothing behind it but memory.
 */
export async function startEmbeddedEngine(options: EmbeddedEngineOptions = {}): Promise<EmbeddedEngine> {
  const certificates = await createCertificates();
  const engine = new Engine(createDatabase(options.world ?? defaultWorld));
  const server = createServer(
    { cert: certificates.certificate, key: certificates.key },
    (request, response) => void engine.serve(request, response),
  );
  const port = await listening(server, options.port ?? 0);
  return {
    url: `https://127.0.0.1:${port}`,
    user: engine.user,
    password: engine.password,
    ca: certificates.ca,
    fingerprint: certificates.fingerprint,
    token: () => engine.issue(),
    sessions: () => engine.tokens.size,
    expireTokens: () => engine.tokens.clear(),
    vm: (name) => byName(engine.database.vms, name),
    host: (name) => byName(engine.database.hosts, name),
    requests: (reads = false) => engine.log.filter((line) => reads || !line.startsWith("GET ")),
    setFaults: (faults) => (engine.faults = faults.map((fault) => ({ ...fault }))),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Engine {
  readonly user = "admin@internal";
  readonly password = randomUUID();
  readonly tokens = new Set<string>();
  readonly log: string[] = [];
  faults: { request: RegExp; effect: EngineFault["effect"]; times?: number }[] = [];

  constructor(readonly database: Database) {}

  issue(): string {
    const token = randomUUID();
    this.tokens.add(token);
    return token;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "https://engine");
    const content = await bodyOf(request);
    const line = `${request.method ?? ""} ${url.pathname}`;
    const effect = this.fault(line);
    if (effect?.kind === "silence") return;
    if (effect?.kind === "cut" && effect.when === "before") return void request.socket.destroy();
    if (effect?.kind === "answer") {
      response.writeHead(effect.status, { "Content-Type": "application/json" });
      return void response.end(effect.body);
    }
    const [status, document] = this.answer(request, url, content);
    if (effect?.kind === "cut") return void request.socket.destroy();
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(document === undefined ? "" : JSON.stringify(document));
  }

  private answer(request: IncomingMessage, url: URL, content: string): [number, unknown] {
    const path = url.pathname;
    if (path === "/ovirt-engine/sso/oauth/token") return this.signOn(new URLSearchParams(content));
    if (path === "/ovirt-engine/services/sso-logout") {
      this.tokens.delete(new URLSearchParams(content).get("token") ?? "");
      return [200, {}];
    }
    if (!path.startsWith("/ovirt-engine/api")) return [404, undefined];
    this.log.push(`${request.method ?? ""} ${path.slice("/ovirt-engine/api".length)}`);
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    if (!this.tokens.has(token)) {
      return [401, { error: "invalid_token", detail: "The access token is expired or invalid" }];
    }
    const segments = path.slice("/ovirt-engine/api".length).split("/").filter(Boolean);
    let body: Record<string, unknown> = {};
    try {
      if (content !== "") body = JSON.parse(content) as Record<string, unknown>;
    } catch {
      return [400, { reason: "Request syntactically incorrect.", detail: "The JSON cannot be read." }];
    }
    const { status, document } = reply(this.database, {
      method: request.method ?? "",
      path: segments.map(decodeURIComponent),
      body,
    });
    return [status, document];
  }

  private signOn(form: URLSearchParams): [number, unknown] {
    const right =
      form.get("grant_type") === "password" &&
      form.get("scope") === "ovirt-app-api" &&
      form.get("username") === this.user &&
      form.get("password") === this.password;
    if (right) return [200, { access_token: this.issue(), scope: "ovirt-app-api", token_type: "bearer" }];
    return [
      400,
      {
        error: "access_denied",
        error_description: "The user name or password is incorrect or the account is locked",
      },
    ];
  }

  private fault(line: string): EngineFault["effect"] | null {
    const found = this.faults.find(({ request, times }) => request.test(line) && times !== 0);
    if (found === undefined) return null;
    if (found.times !== undefined) found.times -= 1;
    return found.effect;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
