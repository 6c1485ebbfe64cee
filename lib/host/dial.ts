import { connect } from "node:net";
import { Client, type ClientErrorExtensions } from "ssh2";
import { prepareLogin, type Login } from "./authentication";
import {
  aborted,
  closedEarly,
  connectionRefused,
  connectTimeout,
  type HostError,
  incompatible,
  jumpRefused,
  noRoute,
  type Peer,
  unresolvedName,
} from "./errors";
import { type HostKeyCheck, hostKeyCheck } from "./hostKey";
import { Link, type Transport } from "./link";
import type { Settings, Surroundings } from "./settings";

/**
 * Connect and log in, once, through the jump host if there is one.
 *
 * @throws HostError
 */
export async function dial(settings: Settings, around: Surroundings, signal?: AbortSignal): Promise<Link> {
  // Mistakes of ours are found before anything is dialled.
  const check = hostKeyCheck(settings);
  const login = await prepareLogin(settings, around);
  if (signal?.aborted) throw aborted(settings.peer, false);
  if (settings.jump === undefined) return logIn(settings, direct(settings), check, login, signal);

  const jump = await dial(settings.jump, around, signal);
  try {
    return await logIn(settings, await forward(jump, settings, signal), check, login, signal);
  } catch (error) {
    await jump.close();
    throw error;
  }
}

function direct({ host, port, family }: Settings): Transport {
  // The default of 250 ms per address is too short for far hosts with several.
  const socket = connect({ host, port, family, autoSelectFamilyAttemptTimeout: 2000 }).setNoDelay(true);
  return {
    stream: socket,
    keepProcess: (alive) => void (alive ? socket.ref() : socket.unref()),
    close: () => Promise.resolve(),
  };
}

function forward(jump: Link, settings: Settings, signal: AbortSignal | undefined): Promise<Transport> {
  const { peer, host, port, connectTimeout: seconds } = settings;
  return new Promise((resolve, reject) => {
    const expired = (): void => reject(connectTimeout(peer, seconds, "The jump host did not reach it"));
    const cancelled = (): void => reject(aborted(peer, false));
    const timer = setTimeout(expired, seconds * 1000);
    signal?.addEventListener("abort", cancelled, { once: true });
    jump.client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancelled);
      if (error !== undefined && error !== null) reject(forwardError(settings, jump, error));
      else
        resolve({
          stream: channel,
          keepProcess: (alive) => jump.keepProcess(alive),
          close: () => jump.close(),
        });
    });
  });
}

function logIn(
  settings: Settings,
  transport: Transport,
  check: HostKeyCheck,
  login: Login,
  signal: AbortSignal | undefined,
): Promise<Link> {
  const { peer, user, connectTimeout: seconds } = settings;
  const client = new Client();
  let phase: Phase = "connecting";
  let refusal: HostError | undefined;
  let words = "";
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      signal?.removeEventListener("abort", cancel);
      client.removeListener("error", onError).removeListener("close", onClose);
    };
    const fail = (error: HostError): void => {
      settle();
      // Whatever else it says is of no interest, but an "error" without a listener would end the process.
      client.on("error", () => undefined);
      transport.stream.destroy();
      reject(error);
    };
    const cancel = (): void => fail(aborted(peer, false));
    const onError = (error: ClientError): void => {
      // Not fatal: the next key is tried.
      if (error.level === "agent") login.note(`the SSH agent said: ${error.message}`);
      else fail(refusal ?? dialError(settings, error, phase, login, words));
    };
    const onClose = (): void => fail(refusal ?? closedEarly(peer, "the other side hung up"));

    signal?.addEventListener("abort", cancel, { once: true });
    client
      .on("connect", () => (phase = "handshake"))
      .on("handshake", () => (phase = "login"))
      .on("banner", (text) => (words += text))
      .on("error", onError)
      .on("close", onClose)
      .once("ready", () => {
        settle();
        resolve(new Link(client, transport));
      });
    client.connect({
      sock: transport.stream,
      username: user,
      readyTimeout: seconds * 1000,
      algorithms: { serverHostKey: check.algorithms },
      hostVerifier: (key: Buffer) => {
        refusal = check.refuse(key);
        return refusal === undefined;
      },
      authHandler: login.handler,
    });
  });
}

type Phase = "connecting" | "handshake" | "login";
type ClientError = Error & ClientErrorExtensions & { readonly code?: string | number };

const PHASES: Readonly<Record<Phase, string>> = {
  connecting: "Nothing answered",
  handshake: "Something answered, but did not begin to speak SSH properly",
  login: "The host answered, but did not finish the login",
};

/** What the operating system's error codes mean here. */
const BY_CODE: Readonly<Record<string, (settings: Settings, words: string) => HostError>> = {
  ECONNREFUSED: ({ peer }, words) => connectionRefused(peer, words),
  ETIMEDOUT: ({ peer, connectTimeout: seconds }) => connectTimeout(peer, seconds, PHASES.connecting),
  EHOSTUNREACH: ({ peer }, words) => noRoute(peer, words),
  ENETUNREACH: ({ peer }, words) => noRoute(peer, words),
  EHOSTDOWN: ({ peer }, words) => noRoute(peer, words),
  ENETDOWN: ({ peer }, words) => noRoute(peer, words),
  EADDRNOTAVAIL: ({ peer }, words) => noRoute(peer, words),
  ENOTFOUND: ({ peer, host }, words) => unresolvedName(peer, host, words),
  EAI_AGAIN: ({ peer, host }, words) => unresolvedName(peer, host, words),
  ECONNRESET: ({ peer }, words) => closedEarly(peer, words),
  EPIPE: ({ peer }, words) => closedEarly(peer, words),
};

function dialError(
  settings: Settings,
  error: ClientError,
  phase: Phase,
  login: Login,
  banner: string,
): HostError {
  const { peer, connectTimeout: seconds } = settings;
  if (error.level === "client-timeout") return connectTimeout(peer, seconds, PHASES[phase]);
  if (error.level === "client-authentication") return login.refused(banner);
  const code = typeof error.code === "string" ? BY_CODE[error.code] : undefined;
  // Several addresses were tried; the message of the whole is empty.
  const words = error.message || (error instanceof AggregateError ? messages(error) : "no reason given");
  if (code !== undefined) return code(settings, words);
  // A numeric code is that of the server's disconnect message.
  if (typeof error.code === "number") return disconnected(peer, words, phase, login, banner);
  return /lost before handshake/i.test(words) ? closedEarly(peer, words) : incompatible(peer, words);
}

function disconnected(peer: Peer, words: string, phase: Phase, login: Login, banner: string): HostError {
  return phase === "login" ? login.refused(`${banner}${words}`) : closedEarly(peer, words);
}

function messages(error: AggregateError): string {
  return error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join("; ");
}

/** What a jump host's words mean when it cannot reach the host. */
const BY_WORDS: readonly (readonly [RegExp, (settings: Settings, words: string) => HostError])[] = [
  [/refused/i, ({ peer }, words) => connectionRefused(peer, words)],
  [/no route|unreachable/i, ({ peer }, words) => noRoute(peer, words)],
  [
    /timed out/i,
    ({ peer, connectTimeout: seconds }) => connectTimeout(peer, seconds, "The jump host got no answer"),
  ],
  [/not known|resolution|no address/i, ({ peer, host }, words) => unresolvedName(peer, host, words)],
];

/** SSH's reason code of a channel that failed for the connection behind it. */
const CONNECT_FAILED = 2;

function forwardError(settings: Settings, jump: Link, error: Error & { reason?: number }): HostError {
  const words = error.message.replace(/^\(SSH\) Channel open failure: /, "");
  const { peer, jump: jumpSettings, host, port } = settings;
  if (jump.ended !== undefined)
    return closedEarly(peer, `the jump host closed the connection: ${jump.ended}`);
  const known = BY_WORDS.find(([pattern]) => pattern.test(words));
  if (known !== undefined) return known[1](settings, `the jump host says: ${words}`);
  return error.reason === CONNECT_FAILED
    ? connectionRefused(peer, `the jump host cannot connect to it: ${words || "it gives no reason"}`)
    : jumpRefused(jumpSettings?.peer ?? peer, `${host}:${port}`, words || "it gives no reason");
}
