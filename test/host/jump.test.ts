import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSession, HostError, isNotUpYet, type SessionOptions } from "../../lib/host/session";
import type { Connection, Session } from "../../lib/host/types";
import {
  ed25519,
  HOST_KEY,
  OTHER_HOST_KEY,
  OTHER_USER_KEY,
  publicLine,
  SshServer,
  USER_KEY,
  type SshServerOptions,
} from "../support/sshServer";
import { waitFor } from "../support/waitFor";

let home: string;
let target: SshServer;
let jump: SshServer;
let session: Session | undefined;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "jump-"));
  mkdirSync(join(home, ".ssh"));
  session = undefined;
});
afterEach(async () => {
  await session?.close();
  await target.stop();
  await jump.stop();
  rmSync(home, { recursive: true });
});

async function start(jumpOptions: SshServerOptions = {}): Promise<void> {
  target = await SshServer.start();
  jump = await SshServer.start({
    hostKeys: [OTHER_HOST_KEY.private],
    authorized: [OTHER_USER_KEY.public],
    ...jumpOptions,
  });
  writeFileSync(join(home, ".ssh", "jump_key"), OTHER_USER_KEY.private);
}

function open(connection: Partial<Connection> = {}, options: SessionOptions = {}): Session {
  session = createSession(
    "pve1",
    {
      host: "127.0.0.1",
      port: target.port,
      hostKey: publicLine(HOST_KEY),
      privateKey: USER_KEY.private,
      configFile: "none",
      jump: {
        host: "127.0.0.1",
        port: jump.port,
        user: "jumper",
        identityFile: join(home, ".ssh", "jump_key"),
        hostKey: publicLine(OTHER_HOST_KEY),
      },
      ...connection,
    },
    { environment: {}, home, retries: 0, ...options },
  );
  return session;
}

async function failure(connection?: Partial<Connection>, options?: SessionOptions): Promise<HostError> {
  const error: unknown = await open(connection, options)
    .run("true")
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  if (error instanceof HostError) return error;
  throw new Error(`no HostError but ${String(error)}`);
}

describe("through a jump host", () => {
  it("runs commands on the host, each end with its own user, key and host key", async () => {
    await start();
    expect((await open().run("printf in")).stdout).toBe("in");
    expect(jump.users).toContain("jumper");
    expect(jump.forwarded).toEqual([`127.0.0.1:${target.port}`]);
    expect(jump.commands).toEqual([]);
    expect(target.users).toContain("root");
  });

  it("carries a megabyte both ways", async () => {
    await start();
    const payload = "0123456789abcdef".repeat(65_536);
    const { stdout } = await open().run(`cat <<'END'\n${payload}\nEND\n`);
    expect(stdout === `${payload}\n`).toBe(true);
  });

  it("finds everything in the config file and known_hosts", async () => {
    await start();
    writeFileSync(
      join(home, ".ssh", "config"),
      `Host pve1\n  HostName 127.0.0.1\n  Port ${target.port}\n  ProxyJump edge\n` +
        `Host edge\n  HostName 127.0.0.1\n  Port ${jump.port}\n  IdentityFile ~/.ssh/jump_key\n  User jumper\n`,
    );
    writeFileSync(
      join(home, ".ssh", "known_hosts"),
      `[127.0.0.1]:${target.port} ${publicLine(HOST_KEY)}\n[127.0.0.1]:${jump.port} ${publicLine(OTHER_HOST_KEY)}\n`,
    );
    const connection = {
      host: "pve1",
      port: undefined,
      jump: undefined,
      hostKey: undefined,
      configFile: undefined,
    };
    expect((await open(connection).run("printf in")).stdout).toBe("in");
    expect(jump.users).toContain("jumper");
  });

  it("closes both connections when idle", async () => {
    await start();
    await open({}, { idleSeconds: 0.05 }).run("true");
    await waitFor(() => jump.open === 0 && target.open === 0);
  });

  it("loses the command with the jump host, and dials both anew", async () => {
    await start();
    const started = join(home, "started");
    const running = open().run(`touch ${started}; sleep 30`);
    const outcome = running.catch((error: unknown) => error);
    await waitFor(() => existsSync(started));
    jump.drop();
    expect(await outcome).toMatchObject({ kind: "lost" });
    expect((await session?.run("printf back"))?.stdout).toBe("back");
    expect([jump.connections, target.connections]).toEqual([2, 2]);
  });

  it("loses the command when the jump host falls silent", async () => {
    await start();
    const started = join(home, "started");
    const running = open({}, { keepaliveSeconds: 0.05 }).run(`touch ${started}; sleep 30`);
    const outcome = running.catch((error: unknown) => error);
    await waitFor(() => existsSync(started));
    jump.freeze();
    expect(await outcome).toMatchObject({ kind: "lost", detail: expect.stringContaining("no sign of life") });
  });
});

describe("a jump host that does not let us through", () => {
  it("shows an unknown key", async () => {
    await start();
    const error = await failure({ jump: { host: "127.0.0.1", port: jump.port, user: "jumper" } });
    expect(error.kind).toBe("unknown-host-key");
    expect(error.title).toContain(`jump host jumper@127.0.0.1:${jump.port} of pve1`);
    expect(isNotUpYet(error)).toBe(false);
    expect(target.connections).toBe(0);
  });

  it("refuses the login", async () => {
    await start({ authorized: [ed25519().public] });
    const error = await failure();
    expect(error).toMatchObject({
      kind: "refused-login",
      title: expect.stringContaining("jump host jumper@"),
    });
  });

  it("does not forward", async () => {
    await start({ forwarding: false });
    const error = await failure();
    expect(error).toMatchObject({
      kind: "jump-refused",
      title: expect.stringMatching(/^Unable to go through jump host jumper@/),
      detail: expect.stringContaining(`does not forward to 127.0.0.1:${target.port}`),
    });
    await waitFor(() => jump.open === 0);
  });

  it.each([
    [true, /the jump host says: Connection refused\./],
    [false, /the jump host cannot connect to it: it gives no reason\./],
  ])("has no connection to the host; with a reason: %s", async (plainWords, words) => {
    await start({ plainWords });
    const { port } = target;
    await target.stop();
    const error = await failure({ port });
    target = await SshServer.start();
    expect(error).toMatchObject({
      kind: "connection-refused",
      title: expect.stringContaining("pve1 (root@"),
      detail: expect.stringMatching(words),
    });
    expect(isNotUpYet(error)).toBe(true);
  });

  it("does not know the host's name", async () => {
    await start();
    const error = await failure({ host: "no-such-host.invalid" });
    expect(error).toMatchObject({
      kind: "unresolved-name",
      detail: expect.stringContaining("Name or service"),
    });
  });

  it("gets no answer from the host in time", async () => {
    await start();
    const silent = createServer(() => undefined);
    await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
    const { port } = silent.address() as AddressInfo;
    const error = await failure({ port, connectTimeout: 0.3 });
    silent.close();
    expect(error.kind).toBe("timeout");
    await waitFor(() => jump.open === 0);
  });
});

describe("the host behind the jump host", () => {
  it("has its own key checked", async () => {
    await start();
    const error = await failure({ hostKey: publicLine(OTHER_HOST_KEY) });
    expect(error.kind).toBe("changed-host-key");
    expect(error.title).toContain(`pve1 (root@127.0.0.1:${target.port})`);
    expect(isNotUpYet(error)).toBe(true);
    await waitFor(() => jump.open === 0);
  });
});
