import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { HostError } from "../../lib/host/errors";
import { resolveSettings, type Settings } from "../../lib/host/settings";
import type { Connection } from "../../lib/host/types";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "settings-"));
  mkdirSync(join(home, ".ssh"));
});
afterEach(() => rmSync(home, { recursive: true }));

function config(text: string, file = "config"): void {
  writeFileSync(join(home, ".ssh", file), text);
}

function resolve(connection: Connection, environment: Record<string, string> = {}): Settings {
  return resolveSettings("pve1", connection, { home, environment });
}

function failure(connection: Connection): HostError {
  try {
    resolve(connection);
  } catch (error) {
    if (error instanceof HostError) return error;
  }
  throw new Error("no HostError was thrown");
}

const paths = (settings: Settings): string[] => settings.identityFiles.map(({ path }) => path);

describe("with no config file", () => {
  it("uses OpenSSH's defaults, and root", () => {
    expect(resolve({ host: "10.0.0.11" })).toMatchObject({
      host: "10.0.0.11",
      port: 22,
      user: "root",
      sudo: false,
      connectTimeout: 20,
      peer: { name: "pve1", address: "root@10.0.0.11:22", isJump: false },
      agent: undefined,
      identitiesOnly: false,
      knownHostsFiles: [
        `${home}/.ssh/known_hosts`,
        `${home}/.ssh/known_hosts2`,
        "/etc/ssh/ssh_known_hosts",
        "/etc/ssh/ssh_known_hosts2",
      ],
    });
    expect(paths(resolve({ host: "a" }))).toEqual(
      ["id_ed25519", "id_ecdsa", "id_rsa"].map((file) => `${home}/.ssh/${file}`),
    );
  });

  it.each([
    [{ host: "a" }, false],
    [{ host: "a", user: "admin" }, true],
    [{ host: "a", user: "admin", sudo: false }, false],
    [{ host: "a", sudo: true }, true],
  ])("%j uses sudo: %s", (connection, sudo) => {
    expect(resolve(connection).sudo).toBe(sudo);
  });

  it("writes an IPv6 address in brackets", () => {
    expect(resolve({ host: "fd00::11" }).peer.address).toBe("root@[fd00::11]:22");
  });
});

describe("an alias of the config file", () => {
  const example = `
    Host pve1
      HostName pve1.%h.example.org
      Port 2222
      User admin
      IdentityFile ~/.ssh/first
      IdentityFile "%d/keys/%h %r"
      IdentitiesOnly yes
      IdentityAgent ~/agent.sock
      UserKnownHostsFile ~/.ssh/known_%n \${EXTRA}
      GlobalKnownHostsFile none
      HostKeyAlias cluster
      ConnectTimeout 7
      StrictHostKeyChecking no
      AddressFamily inet6
    Host *
      User nobody
      IdentityFile ~/.ssh/all
  `;

  it("gives everything that it says", () => {
    config(example);
    const settings = resolve({ host: "pve1" }, { EXTRA: "/extra/known_hosts" });
    expect(settings).toMatchObject({
      host: "pve1.pve1.example.org",
      port: 2222,
      user: "admin",
      sudo: true,
      hostKeyAlias: "cluster",
      connectTimeout: 7,
      identitiesOnly: true,
      agent: `${home}/agent.sock`,
      asksForLaxChecking: true,
      family: 6,
      knownHostsFiles: [`${home}/.ssh/known_pve1`, "/extra/known_hosts"],
    });
    expect(paths(settings)).toEqual([
      `${home}/.ssh/first`,
      `${home}/keys/pve1.pve1.example.org admin`,
      `${home}/.ssh/all`,
    ]);
  });

  it("loses against what the connection says", () => {
    config(example);
    const settings = resolve(
      {
        host: "pve1",
        port: 22,
        user: "root",
        identityFile: "/keys/own",
        knownHostsFile: "~/own_hosts",
        connectTimeout: 3,
        agent: false,
      },
      { SSH_AUTH_SOCK: "/agent" },
    );
    expect(settings).toMatchObject({
      port: 22,
      user: "root",
      connectTimeout: 3,
      agent: undefined,
      knownHostsFiles: [`${home}/own_hosts`],
    });
    expect(settings.identityFiles[0]).toEqual({ path: "/keys/own", required: true, isDefault: false });
    expect(settings.identityFiles[1]).toMatchObject({ path: `${home}/.ssh/first`, required: false });
  });

  it("is not looked up where the author wants no config file", () => {
    config(example);
    expect(resolve({ host: "pve1", configFile: "none" })).toMatchObject({ host: "pve1", user: "root" });
  });

  it("may stand in another file", () => {
    config("Host pve1\n  User other\n", "special");
    expect(resolve({ host: "pve1", configFile: "~/.ssh/special" }).user).toBe("other");
  });
});

describe("the config file", () => {
  it("takes the first value, names in any case, and patterns with negation", () => {
    config("host pve* !pve9\n  uSeR admin\n  PORT=2200\nHost *\n  User last\n");
    expect(resolve({ host: "pve1" })).toMatchObject({ user: "admin", port: 2200 });
    expect(resolve({ host: "pve9" })).toMatchObject({ user: "last", port: 22 });
  });

  it("follows Include, with wildcards, nested, also within a section", () => {
    mkdirSync(join(home, ".ssh", "conf.d"));
    config("Include conf.d/*.conf missing\nHost pve*\n  Include section\n  Port 2201\nHost *\n  User last\n");
    config("Host pve1\n  HostName one.example.org\n", "conf.d/a.conf");
    config(`Include ${home}/.ssh/deep\n`, "conf.d/b.conf");
    config("Host pve1\n  User deep\n", "deep");
    config("ConnectTimeout 5\nHost pve1\n  Port 2202\nHost other\n  Port 2203\n", "section");
    expect(resolve({ host: "pve1" })).toMatchObject({
      host: "one.example.org",
      user: "deep",
      connectTimeout: 5,
      port: 2202,
    });
    expect(resolve({ host: "pve2" })).toMatchObject({ port: 2201, user: "last", connectTimeout: 5 });
    expect(resolve({ host: "other" })).toMatchObject({ port: 22, user: "last", connectTimeout: 20 });
  });

  it("runs no command of a Match exec", () => {
    const trace = join(home, "ran");
    config(`Match exec "touch ${trace}"\n  User exec\nMatch host pve1\n  Port 2204\n`);
    expect(resolve({ host: "pve1" })).toMatchObject({ user: "root", port: 2204 });
    expect(() => rmSync(trace)).toThrow();
  });

  it.each([
    ["IdentityAgent none", undefined],
    ["IdentityAgent SSH_AUTH_SOCK", "/agent"],
    ["IdentityAgent $OTHER", "/other"],
    ["Port 22", "/agent"],
  ])("with %s asks the agent at %s", (line, agent) => {
    config(`${line}\n`);
    expect(resolve({ host: "a" }, { SSH_AUTH_SOCK: "/agent", OTHER: "/other" }).agent).toBe(agent);
  });

  it("has OpenSSH's tokens", () => {
    config(
      "Host a\n  HostName b\n  User c\n  Port 5\n  HostKeyAlias k\n  IdentityFile /%%_%h_%i_%k_%l_%n_%p_%r_%u_%z\n",
    );
    const { uid, username } = userInfo();
    expect(paths(resolve({ host: "a" }))).toEqual([`/%_b_${uid}_k_${hostname()}_a_5_c_${username}_%z`]);
  });
});

describe("the jump host", () => {
  it("comes from ProxyJump, and is looked up itself", () => {
    config(
      "Host pve1\n  ProxyJump edge\nHost edge\n  HostName edge.example.org\n  User jumper\n  Port 2022\n",
    );
    expect(resolve({ host: "pve1" }).jump).toMatchObject({
      host: "edge.example.org",
      user: "jumper",
      port: 2022,
      sudo: false,
      peer: { name: "pve1", address: "jumper@edge.example.org:2022", isJump: true },
    });
  });

  it.each([
    ["edge", userInfo().username, "edge", 22],
    ["a@edge:2200", "a", "edge", 2200],
    ["ssh://a@edge:2200", "a", "edge", 2200],
    ["a@[fd00::1]:2200", "a", "fd00::1", 2200],
  ])("%s is %s at %s port %d", (text, user, host, port) => {
    config(`Host pve1\n  ProxyJump ${text}\n`);
    expect(resolve({ host: "pve1" }).jump).toMatchObject({ user, host, port });
  });

  it("of the connection wins over the config file, and takes its identity file and host key", () => {
    config("Host pve1\n  ProxyCommand nc %h %p\n");
    const jump = { host: "edge", user: "j", identityFile: "/keys/edge", hostKey: "SHA256:x" };
    const settings = resolve({ host: "pve1", identityFile: "/keys/pve1", hostKey: "SHA256:y", jump });
    expect(settings.jump).toMatchObject({ host: "edge", user: "j", hostKey: "SHA256:x" });
    expect(settings.hostKey).toBe("SHA256:y");
    expect(settings.jump && paths(settings.jump)).toEqual(["/keys/edge"]);
  });

  it.each([
    ["ProxyJump none", "pve1"],
    ["ProxyCommand none", "pve1"],
    ["Host *\n  ProxyJump edge", "edge"],
  ])("is none with %j for %s", (text, host) => {
    config(`${text}\n`);
    expect(resolve({ host }).jump).toBeUndefined();
  });

  it("stands before a ProxyCommand further down", () => {
    config("Host pve1\n  ProxyJump edge\nHost *\n  ProxyCommand nc %h %p\nHost edge\n");
    expect(() => resolve({ host: "pve1" })).toThrow(/ProxyCommand nc %h %p is not supported/);
    config("Host pve1\n  ProxyJump edge\nHost pve*\n  ProxyCommand nc %h %p\n");
    expect(resolve({ host: "pve1" }).jump?.host).toBe("edge");
  });
});

describe("mistakes are named with their mend", () => {
  it.each([
    ["Host a\n  ProxyJump b,c\n", /ProxyJump b,c is not supported\. One jump host is/],
    [
      "Host a\n  ProxyJump b\nHost b\n  ProxyJump c\n",
      /jump host .*b:22 of pve1.*ProxyJump c is not supported/,
    ],
    [
      "Host a\n  ProxyCommand ssh -W %h:%p b\n",
      /ProxyCommand ssh -W %h:%p b is not supported\. Use ProxyJump/,
    ],
    ["Host a\n  ProxyJump a b c\n", /ProxyJump is "a b c"; expected \[user@\]host\[:port\]/],
    ["Host a\n  Port many\n", /`port` is "many"; expected a number from 1 to 65535/],
    ["Host a\n  ConnectTimeout 0\n", /`connect_timeout` is "0"; expected a number of seconds/],
    ['Host "a\n', /Unable to read the OpenSSH config file of pve1 \(a\): .*config/],
    ["Include config\n", /more than 16 levels of Include/],
  ])("config %j", (text, message) => {
    config(text);
    expect(failure({ host: "a" })).toMatchObject({
      kind: "bad-config",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [{ host: "" }, /`host` is ""/],
    [{ host: "-oProxyCommand=x" }, /`host` is "-oProxyCommand=x"/],
    [{ host: "root@a" }, /`host` is "root@a"/],
    [{ host: "a", port: 0 }, /`port` is "0"/],
    [{ host: "a", port: 22.5 }, /`port` is "22.5"/],
    [{ host: "a", configFile: "/no/such/file" }, /\/no\/such\/file: ENOENT/],
  ])("connection %j", (connection, message) => {
    expect(failure(connection)).toMatchObject({
      kind: "bad-config",
      message: expect.stringMatching(message),
    });
  });
});
