import { readFileSync } from "node:fs";
import {
  BaseAgent,
  createAgent,
  utils,
  type AnyAuthMethod,
  type AuthenticationType,
  type AuthHandlerMiddleware,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from "ssh2";
import {
  encryptedKey,
  noKey,
  refusedLogin,
  stillBooting,
  unreadableFile,
  unreadableKey,
  wrongPassphrase,
  type HostError,
} from "./errors";
import { fingerprint } from "./hostKey";
import { reason, type Settings, type Surroundings } from "./settings";

/** A key that a login is tried with. */
interface Identity {
  /** For messages: where it comes from, its type and fingerprint. Never the key. */
  readonly label: string;
  readonly blob: string;
  readonly method: (username: string) => AnyAuthMethod;
}

/** Everything found to log in with. */
interface Identities {
  readonly usable: readonly Identity[];
  /** Encrypted keys nobody gave a passphrase for. */
  readonly encrypted: readonly string[];
  readonly notes: readonly string[];
}

/** One login: what it offers to the server, and what came of it. */
export interface Login {
  readonly handler: AuthHandlerMiddleware;
  /** The error to report when the server refused. `words` are its own. */
  refused(words: string): HostError;
  /** Something worth telling if the login fails. */
  note(text: string): void;
}

const AGENT_TIMEOUT = 10_000;

/**
 * Gather the keys: the connection's, the environment's, the identity files, the agent's; each once.
 *
 * @throws HostError where a key that was named cannot be used, or where there is none at all
 */
export async function prepareLogin(settings: Settings, around: Surroundings): Promise<Login> {
  const identities = await gather(settings, around.environment ?? process.env);
  if (identities.usable.length === 0) {
    const { encrypted, notes } = identities;
    throw encrypted.length > 0
      ? encryptedKey(settings.peer, encrypted, notes)
      : noKey(settings.peer, [...notes, ...looked(settings)]);
  }
  return loginWith(settings, identities);
}

function looked({ identityFiles, agent }: Settings): string[] {
  return [
    ...identityFiles.map(({ path }) => `not there: ${path}`),
    agent === undefined
      ? "no SSH agent is set (SSH_AUTH_SOCK)"
      : `the SSH agent at ${agent} has no key to offer`,
  ];
}

function loginWith(settings: Settings, identities: Identities): Login {
  const { peer, user } = settings;
  const waiting = [...identities.usable];
  const tried: string[] = [];
  const notes = [...identities.notes];
  let accepted: readonly string[] = [];
  let partial = false;
  let askedForMethods = false;

  const handler: AuthHandlerMiddleware = (methodsLeft, partialSuccess, next) => {
    // null, against its type, before the first answer of the server.
    accepted = (methodsLeft as AuthenticationType[] | null) ?? accepted;
    partial ||= partialSuccess === true;
    if (!askedForMethods) {
      askedForMethods = true;
      next({ type: "none", username: user });
      return;
    }
    const identity = accepted.includes("publickey") ? waiting.shift() : undefined;
    if (identity === undefined) {
      // The documented way to give up, which the type leaves out.
      next(false as unknown as AuthenticationType);
      return;
    }
    tried.push(identity.label);
    next(identity.method(user));
  };
  return {
    handler,
    note: (text) => void notes.push(text),
    refused: (words) =>
      /booting up|going down|shutting down|nologin/i.test(words)
        ? stillBooting(peer, words)
        : refusedLogin(peer, { tried, accepted, partial, encrypted: identities.encrypted, notes, words }),
  };
}

/** A private key before it is read. */
interface Source {
  readonly label: string;
  readonly read: () => string;
  /** Named for this connection: it must be usable. */
  readonly required: boolean;
  readonly isDefault: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

async function gather(settings: Settings, environment: Environment): Promise<Identities> {
  const { peer, passphrase } = settings;
  const encrypted: string[] = [];
  const notes: string[] = [];
  const given: Identity[] = [];
  const byDefault: Identity[] = [];
  const named = new Set(publicHalves(settings));

  for (const source of sources(settings, environment)) {
    const text = readSource(settings, source);
    if (text === undefined) continue;
    const key = parsePrivateKey(text, passphrase);
    switch (key) {
      case "encrypted":
        encrypted.push(source.label);
        break;
      case "wrong passphrase":
        // One passphrase is given for all keys; only a key that was named must open with it.
        if (source.required) throw wrongPassphrase(peer, source.label);
        notes.push(`${source.label}: the passphrase given does not open it`);
        break;
      case "unreadable":
        if (source.required) throw unreadableKey(peer, source.label);
        notes.push(`${source.label}: not a private key in OpenSSH or PEM form`);
        break;
      default: {
        const blob = key.getPublicSSH().toString("base64");
        named.add(blob);
        // A public key only tells which of the agent's keys to use.
        if (!key.isPrivateKey()) break;
        (source.isDefault ? byDefault : given).push({
          label: `${source.label} (${describe(key)})`,
          blob,
          method: (username) => ({ type: "publickey", username, key }),
        });
      }
    }
  }

  const fromAgent = await agentIdentities(settings).catch((error: unknown) => {
    notes.push(`the SSH agent at ${settings.agent} did not answer: ${reason(error)}`);
    return [];
  });
  const namedInAgent = fromAgent.filter(({ blob }) => named.has(blob));
  const othersInAgent = settings.identitiesOnly ? [] : fromAgent;

  // A server allows few attempts, so the keys meant for it go first, and none twice.
  const once = new Map<string, Identity>();
  for (const identity of [...given, ...namedInAgent, ...othersInAgent, ...byDefault])
    if (!once.has(identity.blob)) once.set(identity.blob, identity);
  return { usable: [...once.values()], encrypted, notes };
}

function sources(settings: Settings, environment: Environment): Source[] {
  const given = (label: string, text: string | undefined): Source[] =>
    text ? [{ label, read: () => text, required: true, isDefault: false }] : [];
  const file = (label: string, path: string, required: boolean, isDefault = false): Source => ({
    label: `${label} ${path}`,
    read: () => readFileSync(path, "utf8"),
    required,
    isDefault,
  });
  const environmentFile = environment["PASSTHROUGH_PRIVATE_KEY_FILE"];
  return [
    ...given("`private_key` of the connection", settings.privateKey),
    ...given("PASSTHROUGH_PRIVATE_KEY", environment["PASSTHROUGH_PRIVATE_KEY"]),
    ...(environmentFile ? [file("PASSTHROUGH_PRIVATE_KEY_FILE", environmentFile, true)] : []),
    ...settings.identityFiles.map(({ path, required, isDefault }) =>
      file("identity file", path, required, isDefault),
    ),
  ];
}

function readSource({ peer }: Settings, { label, read, required }: Source): string | undefined {
  try {
    return read();
  } catch (error) {
    if (required) throw unreadableFile(peer, "a private key", label, reason(error));
    return undefined;
  }
}

/** A key, or why it is none; never the parser's words, which may quote the file. */
function parsePrivateKey(
  text: string,
  passphrase: string | undefined,
): ParsedKey | "encrypted" | "wrong passphrase" | "unreadable" {
  const key = utils.parseKey(text, passphrase);
  if (!(key instanceof Error)) return key;
  const locked = utils.parseKey(text);
  if (!(locked instanceof Error && /no passphrase given/.test(locked.message))) return "unreadable";
  return passphrase ? "wrong passphrase" : "encrypted";
}

/** Public keys that lie beside identity files: an agent may hold the private half of an encrypted file. */
function publicHalves({ identityFiles }: Settings): string[] {
  return identityFiles.flatMap(({ path }) => {
    try {
      const key = utils.parseKey(readFileSync(`${path}.pub`, "utf8"));
      return key instanceof Error ? [] : [key.getPublicSSH().toString("base64")];
    } catch {
      return [];
    }
  });
}

async function agentIdentities({ agent }: Settings): Promise<Identity[]> {
  if (agent === undefined) return [];
  const client = createAgent(agent);
  const keys = await new Promise<readonly unknown[]>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no answer within ${AGENT_TIMEOUT / 1000} s`)),
      AGENT_TIMEOUT,
    );
    client.getIdentities((error, found) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve(found ?? []);
    });
  });
  return keys.flatMap((entry) => {
    const key = utils.parseKey(entry as ParsedKey);
    if (key instanceof Error) return [];
    return {
      label: `agent's key ${key.comment} (${describe(key)})`,
      blob: key.getPublicSSH().toString("base64"),
      method: (username: string) => ({ type: "agent" as const, username, agent: new OneKey(client, key) }),
    };
  });
}

/** One key of an agent, so that each is tried, and reported, by itself. */
class OneKey extends BaseAgent<ParsedKey> {
  constructor(
    private readonly agent: BaseAgent,
    private readonly key: ParsedKey,
  ) {
    super();
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(null, [this.key]);
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    if (typeof options === "function") this.agent.sign(key, data, options);
    else this.agent.sign(key, data, options, done);
  }
}

function describe(key: ParsedKey): string {
  return `${key.type} ${fingerprint(key.getPublicSSH())}`;
}
