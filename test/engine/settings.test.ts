import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveEngine } from "../../lib/engine/settings";
import type { EngineConnection } from "../../lib/engine/types";

const folder = mkdtempSync(join(tmpdir(), "engine-settings-"));
afterAll(() => rmSync(folder, { recursive: true }));

const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const plain: EngineConnection = { url: "https://engine.example", user: "admin@internal", password: "p" };

test.each([
  ["https://engine.example", "https://engine.example/ovirt-engine"],
  ["https://engine.example/", "https://engine.example/ovirt-engine"],
  ["https://engine.example:8443/ovirt-engine/", "https://engine.example:8443/ovirt-engine"],
  ["https://engine.example/ovirt-engine/api", "https://engine.example/ovirt-engine"],
  ["https://engine.example/ovirt-engine/api/", "https://engine.example/ovirt-engine"],
])("%s means %s", (url, base) => {
  expect(resolveEngine("lab", { ...plain, url }, {}).url).toBe(base);
});

test.each<[string, Partial<EngineConnection>, string]>([
  ["no URL", { url: "engine.example" }, "is not a URL"],
  ["plain HTTP", { url: "http://engine.example" }, "is not HTTPS"],
  ["a login in the URL", { url: "https://a:b@engine.example" }, "holds a login"],
  ["a query", { url: "https://engine.example?x=1" }, "has a query"],
  ["no user", { user: undefined }, "has no `user`"],
  ["no password", { password: undefined }, "PASSTHROUGH_OVIRT_PASSWORD_LAB_1"],
  ["a CA and a fingerprint", { ca: pem, fingerprint: "00" }, "ca and fingerprint"],
  ["a short fingerprint", { fingerprint: "AB:CD" }, "not a SHA-256 fingerprint"],
  ["a CA that is none", { ca: "/etc/pki/ca.pem" }, "holds no certificate"],
  ["a CA file that is missing", { caFile: "/nowhere/ca.pem" }, "Unable to read the CA file /nowhere/ca.pem"],
  ["a token with a line break", { token: "abc\r\nX-Evil: 1" }, "a character that no token has"],
])("%s is refused", (_, change, words) => {
  const resolve = () => resolveEngine("lab-1", { ...plain, ...change }, {});
  expect(resolve).toThrow("Unable to use engine lab-1");
  expect(resolve).toThrow(words);
});

test("a secret comes from the connection, then the engine's own variable, then the one for all", () => {
  const env = { PASSTHROUGH_OVIRT_PASSWORD: "all", PASSTHROUGH_OVIRT_PASSWORD_LAB_1: "own" };
  const { password: _password, ...bare } = plain;
  const login = (connection: EngineConnection, variables: Record<string, string>) =>
    resolveEngine("lab-1", connection, variables).login;
  expect(login(plain, env)).toMatchObject({ password: "p" });
  expect(login(bare, env)).toMatchObject({ password: "own" });
  expect(login(bare, { PASSTHROUGH_OVIRT_PASSWORD: "all" })).toMatchObject({ password: "all" });
  expect(login(bare, { ...env, PASSTHROUGH_OVIRT_TOKEN_LAB_1: "t" })).toEqual({ token: "t" });
});

test("a password file loses its line end, and only that", () => {
  const file = join(folder, "password");
  writeFileSync(file, " p w \n");
  const { password: _password, ...bare } = plain;
  expect(resolveEngine("lab", bare, { PASSTHROUGH_OVIRT_PASSWORD_FILE: file }).login).toMatchObject({
    password: " p w ",
  });
});
