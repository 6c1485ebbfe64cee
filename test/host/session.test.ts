import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createSession, HostError, isNotUpYet, type SessionOptions } from "../../lib/host/session";
import type { Connection, Session } from "../../lib/host/types";
import { HOST_KEY, publicLine, SshServer, USER_KEY, type SshServerOptions } from "../support/sshServer";
import { waitFor } from "../support/waitFor";

let home: string;
let servers: SshServer[];
let sessions: Session[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "session-"));
  servers = [];
  sessions = [];
});
afterEach(async () => {
  await Promise.all(sessions.map((session) => session.close()));
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(home, { recursive: true });
});

async function start(options?: SshServerOptions, port?: number): Promise<SshServer> {
  const server = await SshServer.start(options, port);
  servers.push(server);
  return server;
}

function open(port: number, connection: Partial<Connection> = {}, options: SessionOptions = {}): Session {
  const session = createSession(
    "pve1",
    {
      host: "127.0.0.1",
      port,
      hostKey: publicLine(HOST_KEY),
      privateKey: USER_KEY.private,
      configFile: "none",
      ...connection,
    },
    { environment: {}, home, retryDelay: 5, ...options },
  );
  sessions.push(session);
  return session;
}

async function failure(promise: Promise<unknown>): Promise<HostError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof HostError) return error;
  throw new Error(`no HostError but ${String(error)}`);
}

/** A port of this machine that nothing listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

describe("a command", () => {
  it("is one `sh -s` with the script on its standard input", async () => {
    const server = await start();
    const session = open(server.port);

    const result = await session.run('echo "out $1"; echo err >&2; exit 3');

    expect(result).toEqual({ stdout: "out \n", stderr: "err\n", code: 3 });
    expect(server.commands).toEqual(["sh -s"]);
    expect(server.users).toContain("root");
    expect(session.name).toBe(`root@127.0.0.1:${server.port}`);
  });

  it("tells the code of a signal as a shell does", async () => {
    const server = await start();
    await expect(open(server.port).run("kill -TERM $$")).resolves.toMatchObject({ code: 143 });
  });

  it("carries a megabyte both ways, every byte", async () => {
    const server = await start();
    const payload = "0123456789abcdef".repeat(65_536);

    const { stdout, stderr } = await open(server.port).run(
      `text=$(cat <<'END'\n${payload}\nEND\n)\nprintf %s "$text"\nprintf %s "$text" >&2\n`,
    );

    expect(stdout === payload).toBe(true);
    expect(stderr === payload).toBe(true);
  });

  it("decodes UTF-8 that is split between two chunks", async () => {
    const server = await start();
    const split = "printf 'caf\\303'; sleep 0.2; printf '\\251 \\342\\202'; sleep 0.2; printf '\\254'";
    expect((await open(server.port).run(split)).stdout).toBe("café €");
  });

  it("takes UTF-8 in the script", async () => {
    const server = await start();
    expect((await open(server.port).run("printf %s 'naïve €'")).stdout).toBe("naïve €");
  });
});

describe("the connection", () => {
  it("is dialled at the first command and shared by all", async () => {
    const server = await start();
    const session = open(server.port);
    expect(server.connections).toBe(0);

    await session.run("true");
    await session.run("true");

    expect(server.connections).toBe(1);
  });

  it("runs one command at a time, in order", async () => {
    const server = await start();
    const session = open(server.port);
    const log = join(home, "log");
    const script = (n: number): string => `echo begin ${n} >>${log}; sleep 0.1; echo end ${n} >>${log}`;

    await Promise.all([1, 2, 3].map((n) => session.run(script(n))));

    const { stdout } = await session.run(`cat ${log}`);
    expect(stdout).toBe([1, 2, 3].map((n) => `begin ${n}\nend ${n}\n`).join(""));
  });

  it("goes on with the queue after a command that failed", async () => {
    const server = await start();
    const session = open(server.port);
    const first = session.run("sleep 30", { timeoutSeconds: 0.2 });
    const second = session.run("echo next");
    expect((await failure(first)).kind).toBe("command-timeout");
    expect((await second).stdout).toBe("next\n");
  });

  it("is dialled again for the next command after a loss", async () => {
    const server = await start();
    const session = open(server.port);
    await session.run("true");
    server.drop();
    await waitFor(() => server.open === 0);

    expect((await session.run("echo again")).stdout).toBe("again\n");
    expect(server.connections).toBe(2);
  });

  it("closes itself when idle, and opens again", async () => {
    const server = await start();
    const session = open(server.port, {}, { idleSeconds: 0.1 });
    await session.run("true");
    await waitFor(() => server.open === 0);
    await session.run("true");
    expect(server.connections).toBe(2);
  });

  it("says whether the connection of its last command stands", async () => {
    const server = await start();
    const session = open(server.port);
    expect(session.isOpen).toBe(false);
    await session.run("true");
    expect(session.isOpen).toBe(true);
    server.drop();
    await waitFor(() => !session.isOpen);
    await session.run("true");
    expect(session.isOpen).toBe(true);
  });

  it("stays open while a command takes longer than the idle time", async () => {
    const server = await start();
    const session = open(server.port, {}, { idleSeconds: 0.05 });
    await session.run("true");
    expect((await session.run("sleep 0.3; echo done")).stdout).toBe("done\n");
  });

  it("does not keep the process alive when idle", async () => {
    const server = await start();
    const program = join(home, "program.js");
    writeFileSync(
      program,
      `require(${JSON.stringify(resolve("node_modules/tsx/dist/cjs/index.cjs"))});
       const { createSession } = require(${JSON.stringify(resolve("lib/host/session.ts"))});
       const session = createSession("pve1", ${JSON.stringify({
         host: "127.0.0.1",
         port: server.port,
         hostKey: publicLine(HOST_KEY),
         privateKey: USER_KEY.private,
         configFile: "none",
         agent: false,
       })}, { idleSeconds: 3600 });
       session.run("echo hello").then(({ stdout }) => process.stdout.write(stdout));`,
    );

    const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    const code = await new Promise((done) => child.on("exit", done));

    expect({ code, output }).toEqual({ code: 0, output: "hello\n" });
  });

  it("is ended by close, and dialled anew by a later command", async () => {
    const server = await start();
    const session = open(server.port);
    await session.run("true");
    await session.close();
    await waitFor(() => server.open === 0);
    await session.run("true");
    expect(server.connections).toBe(2);
  });
});

describe("a command that does not come to its end", () => {
  it("is lost with the connection, and never run again", async () => {
    const server = await start();
    const session = open(server.port);
    server.trouble = "drop at command";

    const error = await failure(session.run("sleep 30"));

    expect(error).toMatchObject({ kind: "lost", title: expect.stringContaining("pve1 (root@127.0.0.1:") });
    expect(error.detail).toContain("The command may still be running there");
    expect(server.commands).toHaveLength(1);
    server.trouble = undefined;
    expect((await session.run("echo back")).stdout).toBe("back\n");
  });

  it("is run after all when the connection was lost before the script was sent", async () => {
    const server = await start();
    const session = open(server.port);
    server.trouble = "drop before command";
    expect((await session.run("echo once")).stdout).toBe("once\n");
    expect(server.commands).toHaveLength(2);
  });

  it("is lost when the host falls silent", async () => {
    const server = await start();
    const session = open(server.port, {}, { keepaliveSeconds: 0.05 });
    server.trouble = "freeze at command";

    const error = await failure(session.run("sleep 30"));

    expect(error).toMatchObject({ kind: "lost", detail: expect.stringContaining("no sign of life for") });
  });

  it("is not lost when it is only slow", async () => {
    const server = await start();
    const session = open(server.port, {}, { keepaliveSeconds: 0.05 });
    expect((await session.run("sleep 0.6; echo done")).stdout).toBe("done\n");
  });

  it("is given up after its time limit", async () => {
    const server = await start();
    const error = await failure(open(server.port).run("sleep 30", { timeoutSeconds: 0.2 }));
    expect(error).toMatchObject({
      kind: "command-timeout",
      detail: expect.stringMatching(/longer than 0.2 s.*may still be running/),
    });
  });

  it("is given up when it is cancelled", async () => {
    const server = await start();
    const session = open(server.port);
    const abort = new AbortController();
    const started = join(home, "started");
    const running = session.run(`touch ${started}; sleep 30`, { signal: abort.signal });
    await waitFor(() => existsSync(started));

    abort.abort();

    expect(await failure(running)).toMatchObject({
      kind: "aborted",
      detail: expect.stringContaining("may still be running"),
    });
    expect((await session.run("echo next")).stdout).toBe("next\n");
  });

  it("never begins when it is cancelled in the queue", async () => {
    const server = await start();
    const session = open(server.port);
    const abort = new AbortController();
    const first = session.run("sleep 0.3; echo first");
    const second = failure(session.run("echo second", { signal: abort.signal }));
    abort.abort();

    expect(await second).toMatchObject({ kind: "aborted", detail: "It was cancelled before it began." });
    expect((await first).stdout).toBe("first\n");
    await session.run("true");
    expect(server.commands).toHaveLength(2);
  });

  it("never begins when it was cancelled before", async () => {
    const server = await start();
    const error = await failure(open(server.port).run("true", { signal: AbortSignal.abort() }));
    expect(error.kind).toBe("aborted");
    expect(server.connections).toBe(0);
  });

  it("is cancelled while dialling", async () => {
    const server = await start();
    server.trouble = "silence";
    const abort = new AbortController();
    const running = failure(open(server.port).run("true", { signal: abort.signal }));
    await waitFor(() => server.open === 1);
    abort.abort();
    expect((await running).kind).toBe("aborted");
    await waitFor(() => server.open === 0);
  });
});

describe("sudo", () => {
  /** A folder with a `sudo` of our own, put first on the server's PATH. */
  function sudo(script: string): { PATH: string } {
    const folder = join(home, "bin");
    mkdirSync(folder);
    writeFileSync(join(folder, "sudo"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, "sudo"), 0o755);
    return { PATH: `${folder}:${process.env.PATH}` };
  }
  const asAdmin = { user: "admin" };

  it("runs the script, and leaves it SSH_CONNECTION", async () => {
    const environment = sudo(
      '[ "$1 $2" = "-n --" ] || exit 9\nshift 2\nexec env -i PATH="$PATH" SUDO=yes "$@"',
    );
    const server = await start({ environment });
    const { stdout } = await open(server.port, asAdmin).run('echo "$SUDO $SSH_CONNECTION"');
    expect(stdout).toBe("yes 192.0.2.7 50000 192.0.2.1 22\n");
  });

  it("is left out where the author says so", async () => {
    const server = await start({ environment: sudo("exit 9") });
    await open(server.port, { ...asAdmin, sudo: false }).run("true");
    expect(server.commands).toEqual(["sh -s"]);
  });

  it.each([
    ["asks for a password", "sudo: a password is required"],
    ["asks in another language", "sudo: Ein Passwort ist notwendig"],
    ["does not know the user", "admin is not in the sudoers file."],
    ["forbids it", "Sorry, user admin is not allowed to execute '/usr/bin/env sh -s' as root on pve1."],
  ])("that %s is an error with the line to add", async (_, words) => {
    const server = await start({ environment: sudo(`echo "${words}" >&2; exit 1`) });
    const error = await failure(open(server.port, asAdmin).run("true"));
    expect(error).toMatchObject({
      kind: "no-sudo",
      title: expect.stringMatching(/^Unable to become root on pve1/),
    });
    expect(error.detail).toContain(words);
    expect(error.detail).toContain("/etc/sudoers.d/cdktf-passthrough:\n  admin ALL=(root) NOPASSWD: ALL");
  });

  it("that is not installed is the same error", async () => {
    const folder = join(home, "empty");
    mkdirSync(folder);
    const server = await start({ environment: { PATH: folder }, shell: "/bin/sh" });
    const error = await failure(open(server.port, asAdmin).run("true"));
    expect(error).toMatchObject({ kind: "no-sudo", detail: expect.stringContaining("not found") });
  });

  it("does not take a script's own failure for its own", async () => {
    const server = await start({ environment: sudo('shift 2; exec "$@"') });
    const result = await open(server.port, asAdmin).run("echo out; echo 'sudo: no' >&2; exit 1");
    expect(result).toEqual({ stdout: "out\n", stderr: "sudo: no\n", code: 1 });
  });
});

describe("dialling", () => {
  it("is repeated after an error that may pass", async () => {
    const server = await start({ flakyConnections: 2 });
    expect((await open(server.port).run("echo up")).stdout).toBe("up\n");
    expect(server.connections).toBe(3);
  });

  it("is repeated a bounded number of times, waiting twice as long each time", async () => {
    const server = await start();
    server.trouble = "hang up";
    const begin = Date.now();
    const error = await failure(open(server.port, {}, { retries: 3, retryDelay: 40 }).run("true"));
    expect(error.kind).toBe("closed-early");
    expect(server.connections).toBe(4);
    expect(Date.now() - begin).toBeGreaterThanOrEqual(40 + 80 + 160);
  });

  it("is tried once with no retries", async () => {
    const server = await start();
    server.trouble = "hang up";
    await failure(open(server.port, {}, { retries: 0 }).run("true"));
    expect(server.connections).toBe(1);
  });

  it.each([
    ["an unknown host key", { hostKey: undefined }, {}, "unknown-host-key"],
    ["a refused login", {}, { authorized: [] }, "refused-login"],
  ])("is not repeated after %s", async (_, connection, options, kind) => {
    const server = await start(options);
    const error = await failure(open(server.port, connection).run("true"));
    expect(error.kind).toBe(kind);
    expect(server.connections).toBe(1);
  });
});

describe("a host that cannot be reached", () => {
  it("refuses the connection", async () => {
    const port = await freePort();
    const error = await failure(open(port).run("true"));
    expect(error).toMatchObject({
      kind: "connection-refused",
      title: `Unable to connect to pve1 (root@127.0.0.1:${port})`,
      detail: expect.stringContaining("ECONNREFUSED"),
    });
    expect(isNotUpYet(error)).toBe(true);
  });

  it("says nothing in time", async () => {
    const server = await start();
    server.trouble = "silence";
    const error = await failure(open(server.port, { connectTimeout: 0.2 }, { retries: 0 }).run("true"));
    expect(error).toMatchObject({
      kind: "timeout",
      detail: expect.stringMatching(/did not begin to speak SSH.* within 0.2 s.*`connect_timeout`/s),
    });
    expect(isNotUpYet(error)).toBe(true);
  });

  it("has a name that does not resolve", async () => {
    const error = await failure(open(22, { host: "no-such-host.invalid" }).run("true"));
    expect(error).toMatchObject({
      kind: "unresolved-name",
      title: "Unable to resolve the name of pve1 (root@no-such-host.invalid:22)",
      detail: expect.stringContaining("no-such-host.invalid"),
    });
  });

  it("is in a network with no way to it", async () => {
    // A multicast address has no TCP.
    const error = await failure(open(22, { host: "224.0.0.1" }).run("true"));
    expect(error).toMatchObject({
      kind: "no-route",
      detail: expect.stringMatching(/ENETUNREACH|EHOSTUNREACH/),
    });
    expect(isNotUpYet(error)).toBe(true);
  });

  it("is no SSH server", async () => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const error = await failure(open(port, {}, { retries: 0 }).run("true"));
    server.close();
    expect(["incompatible", "closed-early"]).toContain(error.kind);
  });

  it("runs no commands", async () => {
    const server = await start();
    server.trouble = "refuse commands";
    const error = await failure(open(server.port).run("true"));
    expect(error).toMatchObject({
      kind: "refused-command",
      title: expect.stringContaining("Unable to run a command on pve1"),
    });
  });

  it("has a connection that makes no sense", async () => {
    const session = open(22, { host: "a b" });
    expect(session.name).toBe("a b");
    expect((await failure(session.run("true"))).kind).toBe("bad-config");
  });
});
