import { request as httpsRequest } from "node:https";
import { backOff } from "exponential-backoff";
import {
  abortedRequest,
  EngineError,
  forbidden,
  lost,
  notAnEngine,
  notFound,
  refused,
  refusedLogin,
  unreachable,
  type EnginePeer,
} from "./errors";
import type { EngineSettings } from "./settings";
import { TrustingAgent } from "./tls";
import type { Json, JsonObject } from "./types";

/** Nothing the API sends is nearly as long. */
const longestAnswer = 64 * 1024 * 1024;

export interface ClientOptions {
  /** How often a read is repeated after an error that may pass. @default 3 */
  readonly retries?: number;
  /** Milliseconds before the first repetition; each next one waits twice as long. @default 300 */
  readonly retryDelay?: number;
}

type Query = Readonly<Record<string, string>>;
type Method = "GET" | "POST" | "PUT" | "DELETE";

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * The REST API of one engine, version 4, as JSON. Logs in at the first request and again when the token has expired;
 * only reads are repeated by themselves.
 */
export class EngineClient {
  readonly peer: EnginePeer;
  private readonly agent: TrustingAgent;
  private token: Promise<string> | null = null;

  constructor(
    private readonly settings: EngineSettings,
    private readonly options: ClientOptions = {},
  ) {
    this.peer = { name: settings.name, url: settings.url };
    this.agent = new TrustingAgent(this.peer, settings.trust);
  }

  /** @param path segments below `/api`; each is encoded */
  async get(path: readonly string[], query: Query = {}, signal?: AbortSignal): Promise<JsonObject> {
    const { retries = 3, retryDelay = 300 } = this.options;
    return backOff(() => this.api("GET", path, query, undefined, signal), {
      numOfAttempts: retries + 1,
      startingDelay: retryDelay,
      retry: (error: unknown) => !signal?.aborted && mayPass(error),
    });
  }

  /** A change: sent once. */
  async send(
    method: "POST" | "PUT" | "DELETE",
    path: readonly string[],
    body?: JsonObject,
    signal?: AbortSignal,
  ): Promise<JsonObject> {
    return this.api(method, path, {}, body, signal);
  }

  /** Ends the session where it is ours, and the connections. */
  async close(): Promise<void> {
    const token = this.token;
    this.token = null;
    if (token !== null && this.settings.login.token === undefined) {
      const form = new URLSearchParams({ scope: "ovirt-app-api", token: await token.catch(() => "") });
      // A session that cannot be ended here ends by itself.
      await this.exchange("POST", "/services/sso-logout", formBody(form)).catch(() => undefined);
    }
    this.agent.destroy();
  }

  private async api(
    method: Method,
    path: readonly string[],
    query: Query,
    body: JsonObject | undefined,
    signal: AbortSignal | undefined,
  ): Promise<JsonObject> {
    const target = `/api${path.map((segment) => `/${encodedSegment(segment)}`).join("")}${encodedQuery(query)}`;
    const label = `${method} ${target}`;
    const once = async (): Promise<Answer> =>
      this.exchange(method, target, {
        ...(body === undefined ? {} : { content: JSON.stringify(body), type: "application/json" }),
        authorization: `Bearer ${await this.login(signal)}`,
        signal,
      });
    const token = this.token;
    let answer = await once();
    // A token that has expired is exchanged once; 401 means that nothing was done.
    if (answer.status === 401 && token !== null && this.settings.login.token === undefined) {
      this.token = null;
      answer = await once();
    }
    return this.judged(label, answer);
  }

  private login(signal: AbortSignal | undefined): Promise<string> {
    this.token ??= this.ask(signal).catch((error: unknown) => {
      this.token = null;
      throw error;
    });
    return this.token;
  }

  private async ask(signal: AbortSignal | undefined): Promise<string> {
    const { login } = this.settings;
    if (login.token !== undefined) return login.token;
    const form = new URLSearchParams({
      grant_type: "password",
      scope: "ovirt-app-api",
      username: login.user,
      password: login.password,
    });
    const label = "POST /sso/oauth/token";
    const answer = await this.exchange("POST", "/sso/oauth/token", { ...formBody(form), signal });
    const said = parsed(answer.text);
    const error = said?.["error_description"] ?? said?.["error"];
    if (typeof error === "string") throw refusedLogin(this.peer, login.user, error);
    const token = said?.["access_token"];
    if (answer.status !== 200 || typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token))
      throw notAnEngine(this.peer, label, `HTTP ${answer.status}, and no token`);
    return token;
  }

  /** The document of an answer that says yes; whatever else becomes an error in the engine's own words. */
  private judged(label: string, answer: Answer): JsonObject {
    const { status, text } = answer;
    const said = parsed(text);
    const fault = faultOf(said);
    if (status === 401)
      throw refusedLogin(
        this.peer,
        this.settings.login.token === undefined ? this.settings.login.user : null,
        fault ?? "HTTP 401",
      );
    if (status === 403) throw forbidden(this.peer, label, fault ?? "HTTP 403");
    if (status === 404 && said === null && text.trim() !== "")
      throw notAnEngine(this.peer, label, "HTTP 404 and a page instead of JSON");
    if (status === 404) throw notFound(this.peer, label, fault ?? "there is none");
    if (status === 502 || status === 503 || status === 504) throw unreachable(this.peer, `HTTP ${status}`);
    if (status >= 400) throw refused(this.peer, label, status, fault ?? "no reason given");
    if (status >= 300) throw notAnEngine(this.peer, label, `HTTP ${status}, a redirection`);
    // An action that failed may come as 200 with the fault inside.
    if (said?.["status"] === "failed") throw refused(this.peer, label, status, fault ?? "the action failed");
    if (text.trim() === "") return {};
    if (said === null) throw notAnEngine(this.peer, label, "the answer is not a JSON object");
    return said;
  }

  private exchange(method: Method, target: string, options: ExchangeOptions = {}): Promise<Answer> {
    const { content, type, authorization, signal } = options;
    const label = `${method} ${target}`;
    const { peer } = this;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return void reject(abortedRequest(peer, label));
      const timeout = AbortSignal.timeout(this.settings.timeoutMs);
      let sent = false;
      const request = httpsRequest(`${this.settings.url}${target}`, {
        method,
        agent: this.agent,
        headers: {
          Accept: "application/json",
          Version: "4",
          ...(content === undefined
            ? {}
            : { "Content-Type": type ?? "", "Content-Length": Buffer.byteLength(content) }),
          ...(authorization === undefined ? {} : { Authorization: authorization }),
        },
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      });
      const failed = (error: NodeJS.ErrnoException) => {
        if (error instanceof EngineError) return void reject(error);
        if (signal?.aborted) return void reject(abortedRequest(peer, label));
        const words = timeout.aborted
          ? `no answer within ${this.settings.timeoutMs / 1000} s`
          : error.message || error.code || "the connection failed";
        reject(sent ? lost(peer, label, words) : unreachable(peer, words));
      };
      request.on("socket", () => (sent = true));
      request.on("error", failed);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (length > longestAnswer) return void request.destroy(new Error("the answer is too long"));
          chunks.push(chunk);
        });
        response.on("error", failed);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
        );
      });
      request.end(content);
    });
  }
}

interface ExchangeOptions {
  readonly content?: string;
  readonly type?: string;
  readonly authorization?: string;
  readonly signal?: AbortSignal | undefined;
}

function formBody(form: URLSearchParams): Pick<ExchangeOptions, "content" | "type"> {
  return { content: form.toString(), type: "application/x-www-form-urlencoded" };
}

function mayPass(error: unknown): boolean {
  return error instanceof EngineError && (error.kind === "unreachable" || error.kind === "lost");
}

/** A dot segment would climb out of the collection, encoded or not. */
function encodedSegment(segment: string): string {
  if (segment === "" || segment === "." || segment === "..")
    throw new Error(`${JSON.stringify(segment)} cannot be part of an address.`);
  return encodeURIComponent(segment);
}

function encodedQuery(query: Query): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? "" : `?${text}`;
}

function parsed(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** `{reason, detail}` by itself, or as the fault of an action. */
function faultOf(said: JsonObject | null): string | null {
  if (said === null) return null;
  const fault = isObject(said["fault"]) ? said["fault"] : said;
  const words = [fault["reason"], fault["detail"]].filter((word) => typeof word === "string" && word !== "");
  return words.length > 0 ? words.join(": ") : null;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
