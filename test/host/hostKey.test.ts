import { createHmac } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utils, type ParsedKey } from "ssh2";
import type { HostError } from "../../lib/host/errors";
import { type HostErrorKind } from "../../lib/host/errors";
import { fingerprint, hostKeyCheck } from "../../lib/host/hostKey";
import { createSession } from "../../lib/host/session";
import { resolveSettings } from "../../lib/host/settings";
import type { Connection } from "../../lib/host/types";
import {
  ECDSA_HOST_KEY,
  HOST_KEY,
  OTHER_HOST_KEY,
  publicLine,
  SshServer,
  USER_KEY,
  type KeyPair,
} from "../support/sshServer";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "hostkey-"));
  mkdirSync(join(home, ".ssh"));
});
afterEach(() => rmSync(home, { recursive: true }));

function blob(pair: KeyPair): Buffer {
  return (utils.parseKey(pair.public) as ParsedKey).getPublicSSH();
}

function knownHosts(...lines: string[]): void {
  writeFileSync(join(home, ".ssh", "known_hosts"), lines.map((line) => `${line}\n`).join(""));
}

/** Why a key that the host shows is refused. */
function refusal(pair: KeyPair, connection: Partial<Connection> = {}): HostError | undefined {
  const settings = resolveSettings(
    "pve1",
    { host: "pve1.example.org", ...connection },
    { home, environment: {} },
  );
  return hostKeyCheck(settings).refuse(blob(pair));
}

const key = publicLine(HOST_KEY);
const print = fingerprint(blob(HOST_KEY));

describe("known_hosts", () => {
  const hashed = (name: string): string => {
    const salt = Buffer.from("salt of twenty bytes");
    const digest = createHmac("sha1", salt).update(name).digest("base64");
    return `|1|${salt.toString("base64")}|${digest}`;
  };

  it.each<[string, string[], number, HostErrorKind | undefined]>([
    ["the key", [`pve1.example.org ${key}`], 22, undefined],
    ["the key, hashed", [`${hashed("pve1.example.org")} ${key}`], 22, undefined],
    ["the key for the port", [`[pve1.example.org]:2222 ${key}`], 2222, undefined],
    ["the key for the port, hashed", [`${hashed("[pve1.example.org]:2222")} ${key}`], 2222, undefined],
    ["the key by name alone", [`pve1.example.org ${key}`], 2222, undefined],
    [
      "another key by name alone",
      [`pve1.example.org ${publicLine(OTHER_HOST_KEY)}`],
      2222,
      "unknown-host-key",
    ],
    [
      "another key for the port",
      [`[pve1.example.org]:2222 ${publicLine(OTHER_HOST_KEY)}`, `pve1.example.org ${key}`],
      2222,
      "changed-host-key",
    ],
    [
      "one of several keys",
      [`pve1.example.org ${publicLine(ECDSA_HOST_KEY)}`, `*.example.org ${key}`],
      22,
      undefined,
    ],
    ["another host", [`pve2.example.org ${key}`], 22, "unknown-host-key"],
    ["a negated pattern", [`*.example.org,!pve1.example.org ${key}`], 22, "unknown-host-key"],
    ["another key", [`pve1.example.org ${publicLine(OTHER_HOST_KEY)}`], 22, "changed-host-key"],
    ["a key of another type", [`pve1.example.org ${publicLine(ECDSA_HOST_KEY)}`], 22, "changed-host-key"],
    ["the key, revoked", [`pve1.example.org ${key}`, `@revoked * ${key}`], 22, "revoked-host-key"],
    [
      "the key, revoked by name",
      [`@revoked pve1.example.org ${key}`, `[pve1.example.org]:2222 ${key}`],
      2222,
      "revoked-host-key",
    ],
    [
      "another key revoked",
      [`pve1.example.org ${key}`, `@revoked * ${publicLine(OTHER_HOST_KEY)}`],
      22,
      undefined,
    ],
    ["the key as an authority's", [`@cert-authority *.example.org ${key}`], 22, "unknown-host-key"],
    ["nothing", [], 22, "unknown-host-key"],
  ])("with %s", (_, lines, port, kind) => {
    knownHosts(...lines);
    expect(refusal(HOST_KEY, { port })?.kind).toBe(kind);
  });

  it("is looked up under HostKeyAlias, without the port", () => {
    writeFileSync(join(home, ".ssh", "config"), "Host *\n  HostKeyAlias cluster\n");
    knownHosts(`cluster ${key}`);
    expect(refusal(HOST_KEY, { port: 2222 })).toBeUndefined();
    knownHosts(`pve1.example.org ${key}`);
    expect(refusal(HOST_KEY)?.kind).toBe("unknown-host-key");
  });

  it("is looked up under HostName, not under the alias", () => {
    writeFileSync(join(home, ".ssh", "config"), "Host pve1\n  HostName PVE1.example.org\n");
    knownHosts(`pve1 ${publicLine(OTHER_HOST_KEY)}`, `pve1.example.org ${key}`);
    expect(refusal(HOST_KEY, { host: "pve1" })).toBeUndefined();
  });

  it.each(["no", "accept-new", "off"])("is not weakened by StrictHostKeyChecking %s", (value) => {
    writeFileSync(
      join(home, ".ssh", "config"),
      `StrictHostKeyChecking ${value}\nUserKnownHostsFile /dev/null\n`,
    );
    expect(refusal(HOST_KEY)).toMatchObject({
      kind: "unknown-host-key",
      detail: expect.stringContaining("StrictHostKeyChecking of the OpenSSH config file is not followed"),
    });
  });

  it("that cannot be read is an error", () => {
    mkdirSync(join(home, ".ssh", "known_hosts"));
    expect(() => refusal(HOST_KEY)).toThrow(/Unable to read the known hosts of pve1.*EISDIR/);
  });

  it("decides which key types to ask for", () => {
    knownHosts(
      `pve1.example.org ${publicLine(ECDSA_HOST_KEY)}`,
      "pve1.example.org ssh-rsa AAAAB3NzaC1yc2EAAAA=",
    );
    const settings = resolveSettings("pve1", { host: "pve1.example.org" }, { home, environment: {} });
    expect(hostKeyCheck(settings).algorithms).toEqual([
      "ecdsa-sha2-nistp256",
      "rsa-sha2-512",
      "rsa-sha2-256",
      "ssh-ed25519",
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521",
    ]);
  });
});

describe("the message", () => {
  it("of an unknown key gives the fingerprint, and the line and setting to use after checking it", () => {
    const error = refusal(HOST_KEY, { port: 2222 });
    expect(error?.title).toBe("Unable to verify the host key of pve1 (root@pve1.example.org:2222)");
    expect(error?.detail).toContain(print);
    expect(error?.detail).toContain("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub");
    expect(error?.detail).toContain(
      `add this line to ${home}/.ssh/known_hosts:\n  [pve1.example.org]:2222 ${key}\n`,
    );
    expect(error?.detail).toContain(`host_key = "${key}"`);
  });

  it("of an unknown key gives a line that makes it known", () => {
    const line = /\n {2}(\S+ ssh-ed25519 \S+)\n/.exec(refusal(HOST_KEY, { port: 2222 })?.detail ?? "")?.[1];
    knownHosts(line ?? "");
    expect(refusal(HOST_KEY, { port: 2222 })).toBeUndefined();
  });

  it("of a host known by an authority says that this is not supported", () => {
    knownHosts(`@cert-authority *.example.org ${key}`);
    expect(refusal(HOST_KEY)?.detail).toContain(`${home}/.ssh/known_hosts:1 trusts a certificate authority`);
  });

  it("of a changed key gives both fingerprints, the file and the line", () => {
    knownHosts("# first line", `pve1.example.org ${key}`);
    const error = refusal(OTHER_HOST_KEY);
    expect(error?.title).toBe("Unable to trust the host key of pve1 (root@pve1.example.org:22)");
    expect(error?.detail).toContain(`expected ${print} (ssh-ed25519, ${home}/.ssh/known_hosts:2)`);
    expect(error?.detail).toContain(`received ${fingerprint(blob(OTHER_HOST_KEY))} (ssh-ed25519)`);
    expect(error?.detail).toContain(`ssh-keygen -R 'pve1.example.org' -f '${home}/.ssh/known_hosts'`);
  });
});

describe("a pinned host key", () => {
  it.each<[string, string, HostErrorKind | undefined]>([
    ["its line", key, undefined],
    ["its line with a comment", `${key} root@pve1`, undefined],
    ["its fingerprint", print, undefined],
    ["its fingerprint, padded", `${print}=`, undefined],
    ["another line", publicLine(OTHER_HOST_KEY), "changed-host-key"],
    ["another fingerprint", fingerprint(blob(OTHER_HOST_KEY)), "changed-host-key"],
  ])("by %s", (_, hostKey, kind) => {
    // A known_hosts file is not read then.
    knownHosts(`@revoked * ${key}`);
    const error = refusal(HOST_KEY, { hostKey });
    expect(error?.kind).toBe(kind);
    if (kind !== undefined) expect(error?.detail).toContain("correct `host_key` of the connection");
  });

  it.each(["", "ssh-ed25519", "SHA256:short", "MD5:00:11:22", `ssh-rsa ${key.split(" ")[1]}`])(
    "%j is an error that says what is expected",
    (hostKey) => {
      expect(() => refusal(HOST_KEY, { hostKey })).toThrow(
        /`host_key` is .*; expected "ssh-ed25519 AAAA..." or "SHA256:..."/,
      );
    },
  );
});

describe("a server with several host keys", () => {
  it.each<[string, KeyPair, Partial<Connection>]>([
    ["is asked for the one that is known", ECDSA_HOST_KEY, {}],
    ["is asked for the one that is known", HOST_KEY, {}],
    ["is asked for the one that is pinned", ECDSA_HOST_KEY, { hostKey: publicLine(ECDSA_HOST_KEY) }],
  ])("%s", async (_, known, connection) => {
    const server = await SshServer.start({ hostKeys: [HOST_KEY.private, ECDSA_HOST_KEY.private] });
    knownHosts(`[127.0.0.1]:${server.port} ${publicLine(known)}`);
    const session = createSession(
      "pve1",
      { host: "127.0.0.1", port: server.port, privateKey: USER_KEY.private, ...connection },
      { home, environment: {} },
    );
    try {
      expect((await session.run("echo in")).stdout).toBe("in\n");
    } finally {
      await session.close();
      await server.stop();
    }
  });
});
