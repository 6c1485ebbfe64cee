import { createHmac } from "node:crypto";
import fc from "fast-check";
import { knownName, parseKnownHosts } from "../../lib/host/knownHosts";
import { ECDSA_HOST_KEY, HOST_KEY, publicLine } from "../support/sshServer";

const key = publicLine(HOST_KEY);
const other = publicLine(ECDSA_HOST_KEY);

function hash(name: string, salt = Buffer.from("01234567890123456789")): string {
  const digest = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${salt.toString("base64")}|${digest}`;
}

describe("names in known_hosts", () => {
  it.each([
    ["pve1", 22, "pve1"],
    ["PVE1.Example.Org", 22, "pve1.example.org"],
    ["10.0.0.1", 2222, "[10.0.0.1]:2222"],
    ["fd00::1", 22, "fd00::1"],
    ["fd00::1", 2222, "[fd00::1]:2222"],
  ])("%s port %d is %s", (host, port, name) => {
    expect(knownName(host, port)).toBe(name);
  });
});

describe("which lines are about a host", () => {
  it.each([
    ["pve1", "pve1", true],
    ["pve1,10.0.0.1", "10.0.0.1", true],
    ["PVE1", "pve1", true],
    ["pve1", "pve10", false],
    ["pve?", "pve1", true],
    ["pve?", "pve", false],
    ["*.example.org", "pve1.example.org", true],
    ["*.example.org", "pve1-example-org", false],
    ["*.example.org,!pve1.example.org", "pve1.example.org", false],
    ["!pve1.example.org,*.example.org", "pve2.example.org", true],
    ["!pve1", "pve2", false],
    ["[pve1]:2222", "[pve1]:2222", true],
    ["[pve1]:2222", "pve1", false],
    ["[pve*]:2222", "[pve7]:2222", true],
    [hash("pve1"), "pve1", true],
    [hash("[pve1]:2222"), "[pve1]:2222", true],
    [hash("pve1"), "pve2", false],
    ["|1|only-salt", "pve1", false],
    [`|2${hash("pve1").slice(2)}`, "pve1", false],
  ])("%s and %s: %s", (names, name, expected) => {
    const [line] = parseKnownHosts(`${names} ${key}`, "known_hosts");
    expect(line?.matches(name)).toBe(expected);
  });

  it("finds any name behind its hash, and no other", () => {
    const names = fc.stringMatching(/^[a-z0-9.-]{1,40}$/);
    fc.assert(
      fc.property(names, names, fc.uint8Array({ minLength: 8, maxLength: 20 }), (name, another, salt) => {
        const [line] = parseKnownHosts(`${hash(name, Buffer.from(salt))} ${key} comment`, "f");
        expect(line?.matches(name)).toBe(true);
        expect(line?.matches(another)).toBe(name === another);
      }),
    );
  });
});

describe("lines of known_hosts", () => {
  it("tells where each key stands, comments and empty lines counted", () => {
    const text = `# ours\n\npve1 ${key} root@pve1\r\n\t pve1\t${other}\n`;
    const lines = parseKnownHosts(text, "/home/a/.ssh/known_hosts");
    expect(lines.map(({ where, type }) => [where, type])).toEqual([
      ["/home/a/.ssh/known_hosts:3", "ssh-ed25519"],
      ["/home/a/.ssh/known_hosts:4", "ecdsa-sha2-nistp256"],
    ]);
  });

  it.each([
    [`@revoked * ${key}`, "@revoked"],
    [`@cert-authority *.example.org ${key}`, "@cert-authority"],
    [`pve1 ${key}`, undefined],
  ])("reads the marker of %.20s", (line, marker) => {
    expect(parseKnownHosts(line, "f").map((known) => known.marker)).toEqual([marker]);
  });

  it.each([
    ["a comment", `#pve1 ${key}`],
    ["no key", "pve1 ssh-ed25519"],
    ["a key that is not of the type it says", `pve1 ssh-rsa ${key.split(" ")[1]}`],
    ["not base64", "pve1 ssh-ed25519 !!!!"],
    ["an unknown marker", `@trusted pve1 ${key}`],
  ])("leaves out a line with %s", (_, line) => {
    expect(parseKnownHosts(line, "f")).toEqual([]);
  });

  it("never fails, whatever the file holds", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, name) => {
        for (const line of parseKnownHosts(text, "f")) line.matches(name);
      }),
    );
  });
});
