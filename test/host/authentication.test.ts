import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utils, type ParsedKey } from "ssh2";
import { fingerprint } from "../../lib/host/hostKey";
import { createSession, HostError, isNotUpYet } from "../../lib/host/session";
import type { Connection } from "../../lib/host/types";
import { SshAgent } from "../support/sshAgent";
import {
  ed25519,
  HOST_KEY,
  OTHER_USER_KEY,
  publicLine,
  SshServer,
  sound,
  USER_KEY,
  type KeyPair,
  type SshServerOptions,
} from "../support/sshServer";

const SECRET = "correct horse";
const LOCKED_KEY = ed25519(SECRET);
const RSA_KEY = sound(() => utils.generateKeyPairSync("rsa", { bits: 2048 }));
const ECDSA_KEY = sound(() => utils.generateKeyPairSync("ecdsa", { bits: 256 }));

let home: string;
let stops: (() => Promise<unknown>)[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "login-"));
  mkdirSync(join(home, ".ssh"));
  stops = [];
});
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
  rmSync(home, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(home, ".ssh", name);
  writeFileSync(path, text);
  return path;
}

async function agent(...keys: KeyPair[]): Promise<{ agent: SshAgent; socket: string }> {
  const socket = join(home, "agent.sock");
  const started = await SshAgent.start(
    socket,
    keys.map((pair) => pair.private),
  );
  stops.push(() => started.stop());
  return { agent: started, socket };
}

let server: SshServer;

/** Log in to a server that takes `authorized`, and tell who came in. */
async function logIn(
  connection: Partial<Connection>,
  environment: Record<string, string> = {},
  options: SshServerOptions = {},
): Promise<string> {
  const started = await SshServer.start(options);
  server = started;
  stops.push(() => started.stop());
  const session = createSession(
    "pve1",
    {
      host: "127.0.0.1",
      port: server.port,
      hostKey: publicLine(HOST_KEY),
      configFile: "none",
      ...connection,
    },
    { home, environment, retries: 0 },
  );
  stops.push(() => session.close());
  return (await session.run("printf in")).stdout;
}

async function failure(promise: Promise<unknown>): Promise<HostError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof HostError) return error;
  throw new Error(`no HostError but ${String(error)}`);
}

const print = ({ public: line }: KeyPair): string =>
  fingerprint((utils.parseKey(line) as ParsedKey).getPublicSSH());

describe("a key", () => {
  it.each<[string, KeyPair]>([
    ["ed25519", USER_KEY],
    ["RSA", RSA_KEY],
    ["ECDSA", ECDSA_KEY],
  ])("of type %s given directly", async (_, pair) => {
    await expect(logIn({ privateKey: pair.private }, {}, { authorized: [pair.public] })).resolves.toBe("in");
  });

  it("given directly, encrypted, with its passphrase", async () => {
    const connection = { privateKey: LOCKED_KEY.private, passphrase: SECRET };
    await expect(logIn(connection, {}, { authorized: [LOCKED_KEY.public] })).resolves.toBe("in");
  });

  it("from PASSTHROUGH_PRIVATE_KEY", async () => {
    await expect(logIn({}, { PASSTHROUGH_PRIVATE_KEY: USER_KEY.private })).resolves.toBe("in");
  });

  it("from PASSTHROUGH_PRIVATE_KEY_FILE, opened by PASSTHROUGH_PASSPHRASE", async () => {
    const environment = {
      PASSTHROUGH_PRIVATE_KEY_FILE: file("deploy", LOCKED_KEY.private),
      PASSTHROUGH_PASSPHRASE: SECRET,
    };
    await expect(logIn({}, environment, { authorized: [LOCKED_KEY.public] })).resolves.toBe("in");
  });

  it("from the identity file of the connection", async () => {
    file("mine", USER_KEY.private);
    await expect(logIn({ identityFile: "~/.ssh/mine" })).resolves.toBe("in");
  });

  it("from an identity file of the config file", async () => {
    file("wrong", OTHER_USER_KEY.private);
    file("mine", USER_KEY.private);
    const config = "IdentityFile ~/.ssh/missing\nIdentityFile ~/.ssh/wrong\nIdentityFile ~/.ssh/mine\n";
    await expect(logIn({ configFile: file("config", config) })).resolves.toBe("in");
  });

  it.each(["id_ed25519", "id_ecdsa", "id_rsa"])("from the default file %s", async (name) => {
    file(name, USER_KEY.private);
    await expect(logIn({})).resolves.toBe("in");
  });

  it("from the agent", async () => {
    const { agent: running, socket } = await agent(OTHER_USER_KEY, USER_KEY);
    await expect(logIn({}, { SSH_AUTH_SOCK: socket })).resolves.toBe("in");
    expect(running.signatures).toBe(1);
  });

  it("of type RSA from the agent", async () => {
    const { socket } = await agent(RSA_KEY);
    await expect(logIn({}, { SSH_AUTH_SOCK: socket }, { authorized: [RSA_KEY.public] })).resolves.toBe("in");
  });

  it("from the agent, for an encrypted identity file that it holds", async () => {
    const { socket } = await agent(USER_KEY);
    file("mine", LOCKED_KEY.private);
    await expect(logIn({ identityFile: "~/.ssh/mine" }, { SSH_AUTH_SOCK: socket })).resolves.toBe("in");
  });
});

describe("the order of the attempts", () => {
  /** The fingerprints offered to a server that takes none, first to last. */
  async function offered(
    connection: Partial<Connection>,
    environment: Record<string, string>,
  ): Promise<string[]> {
    const { detail } = await failure(logIn(connection, environment, { authorized: [] }));
    return [...detail.matchAll(/SHA256:\S+(?=\))/g)].map(([found]) => found);
  }

  it("is the connection, the environment, identity files, the agent, default files; each key once", async () => {
    const [direct, variable, inFile, inConfig, inAgent, byDefault] = Array.from({ length: 6 }, () =>
      ed25519(),
    );
    if (!direct || !variable || !inFile || !inConfig || !inAgent || !byDefault) throw new Error("no keys");
    const { socket } = await agent(direct, inAgent);
    file("mine", inConfig.private);
    file("id_rsa", byDefault.private);
    const environment = {
      PASSTHROUGH_PRIVATE_KEY: variable.private,
      PASSTHROUGH_PRIVATE_KEY_FILE: file("deploy", inFile.private),
      SSH_AUTH_SOCK: socket,
    };

    expect(await offered({ privateKey: direct.private, identityFile: "~/.ssh/mine" }, environment)).toEqual(
      [direct, variable, inFile, inConfig, inAgent].map(print),
    );
    expect(await offered({}, environment)).toEqual([variable, inFile, direct, inAgent, byDefault].map(print));
  });

  it("has the agent's keys that identity files name before its others", async () => {
    const [first, second] = [ed25519(), ed25519()];
    const { socket } = await agent(first, second);
    file("mine.pub", second.public);
    const config = file("config", "IdentityFile ~/.ssh/mine\n");
    const environment = { SSH_AUTH_SOCK: socket };
    expect(await offered({ configFile: config }, environment)).toEqual([second, first].map(print));

    file("config", "IdentityFile ~/.ssh/mine\nIdentitiesOnly yes\n");
    expect(await offered({ configFile: config }, environment)).toEqual([print(second)]);
  });

  it("leaves the agent out where the author says so", async () => {
    const { socket } = await agent(OTHER_USER_KEY);
    const connection = { privateKey: USER_KEY.private, agent: false };
    expect(await offered(connection, { SSH_AUTH_SOCK: socket })).toEqual([print(USER_KEY)]);
  });
});

describe("an encrypted key without its passphrase", () => {
  it("is left out when there is another", async () => {
    file("id_ed25519", LOCKED_KEY.private);
    file("id_rsa", USER_KEY.private);
    await expect(logIn({})).resolves.toBe("in");
  });

  it("is an error when it is the only one, which says how to give it", async () => {
    const path = file("id_ed25519", LOCKED_KEY.private);
    const error = await failure(logIn({}));
    expect(error).toMatchObject({
      kind: "bad-key",
      title: expect.stringContaining("Unable to log in to pve1"),
    });
    expect(error.detail).toContain(path);
    expect(error.detail).toContain("PASSTHROUGH_PASSPHRASE");
    expect(error.detail).toContain("ssh-add");
    expect(server.connections).toBe(0);
  });

  it("is named when the others were refused", async () => {
    const path = file("id_ed25519", LOCKED_KEY.private);
    file("id_rsa", OTHER_USER_KEY.private);
    const error = await failure(logIn({}));
    expect(error.kind).toBe("refused-login");
    expect(error.detail).toMatch(new RegExp(`Left out, for they are encrypted:\n +identity file ${path}\n`));
  });
});

describe("a key that cannot be used", () => {
  it.each<[string, Partial<Connection>, RegExp]>([
    [
      "is no key",
      { privateKey: "open sesame" },
      /Unable to read a private key.*`private_key` of the connection/,
    ],
    [
      "is not opened by the passphrase",
      { privateKey: LOCKED_KEY.private, passphrase: "wrong" },
      /Unable to decrypt.*`private_key`/,
    ],
    [
      "is in a file that is not there",
      { identityFile: "/no/such/key" },
      /identity file \/no\/such\/key: ENOENT/,
    ],
  ])("for it %s", async (_, connection, message) => {
    const error = await failure(logIn(connection));
    expect(error.message).toMatch(message);
    expect(server.connections).toBe(0);
  });

  it("is passed over where nobody named it for this host", async () => {
    file("id_ed25519", "garbage");
    file("id_ecdsa", LOCKED_KEY.private);
    file("id_rsa", USER_KEY.private);
    await expect(logIn({ passphrase: "another key's" })).resolves.toBe("in");
  });
});

describe("a refused login", () => {
  it("tells what was tried, what the host accepts, and its words", async () => {
    const { socket } = await agent(OTHER_USER_KEY);
    const error = await failure(
      logIn(
        { privateKey: ECDSA_KEY.private, user: "admin" },
        { SSH_AUTH_SOCK: socket },
        { banner: "Authorized use only", methods: ["publickey", "password"] },
      ),
    );
    expect(error).toMatchObject({ kind: "refused-login" });
    expect(error.title).toBe(`Unable to log in to pve1 (admin@127.0.0.1:${server.port})`);
    expect(error.detail).toContain("It said: Authorized use only.");
    expect(error.detail).toContain("It accepts: publickey, password.");
    expect(error.detail).toContain(
      `\`private_key\` of the connection (ecdsa-sha2-nistp256 ${print(ECDSA_KEY)})`,
    );
    expect(error.detail).toMatch(/agent's key .*\(ssh-ed25519 SHA256:/);
    expect(isNotUpYet(error)).toBe(false);
  });

  it("without any key says where none was found", async () => {
    const error = await failure(logIn({}));
    expect(error).toMatchObject({ kind: "refused-login" });
    expect(error.detail).toContain(`not there: ${home}/.ssh/id_ed25519`);
    expect(error.detail).toContain("SSH_AUTH_SOCK");
  });

  it("with an agent that is not there says so", async () => {
    const error = await failure(logIn({}, { SSH_AUTH_SOCK: "/no/such/agent" }));
    expect(error.detail).toMatch(/agent at \/no\/such\/agent did not answer/);
  });

  it("by a host that takes passwords only offers no key", async () => {
    const error = await failure(
      logIn({ privateKey: USER_KEY.private }, {}, { methods: ["password"], authorized: [] }),
    );
    expect(error.detail).toContain("It accepts: password.\nNo key was offered.");
  });

  it("for a second factor says that the key was good", async () => {
    const error = await failure(logIn({ privateKey: USER_KEY.private }, {}, { twoFactors: true }));
    expect(error.detail).toContain("The key was accepted, but the host asks for more.");
    expect(error.detail).toContain("keyboard-interactive");
  });

  it("by a host that is still booting is not final", async () => {
    const banner = "System is booting up. Unprivileged users are not permitted to log in yet.";
    const error = await failure(logIn({ privateKey: USER_KEY.private }, {}, { banner, authorized: [] }));
    expect(error).toMatchObject({ kind: "still-booting", detail: expect.stringContaining(banner) });
    expect(isNotUpYet(error)).toBe(true);
  });
});

describe("no error tells a secret", () => {
  const body = (text: string): string => text.split("\n")[3] ?? "missing";
  it.each<[string, Partial<Connection>, Record<string, string>]>([
    ["a refused key", { privateKey: OTHER_USER_KEY.private }, {}],
    ["a cut key", { privateKey: USER_KEY.private.slice(0, 300) }, {}],
    ["a wrong passphrase", { privateKey: LOCKED_KEY.private, passphrase: "hunter2!" }, {}],
    [
      "the environment",
      {},
      { PASSTHROUGH_PRIVATE_KEY: LOCKED_KEY.private, PASSTHROUGH_PASSPHRASE: "hunter2!" },
    ],
  ])("with %s", async (_, connection, environment) => {
    const error = await failure(logIn(connection, environment));
    const told = `${error.message}${error.stack}${JSON.stringify(error)}`;
    for (const pair of [OTHER_USER_KEY, USER_KEY, LOCKED_KEY]) expect(told).not.toContain(body(pair.private));
    expect(told).not.toContain("hunter2");
  });
});
