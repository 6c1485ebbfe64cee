import { createCertificate } from "../../lib/plugin/certificate";
import { handshakeLine, HandshakeError, readHandshake } from "../../lib/plugin/handshake";

const STARTED = {
  TF_PLUGIN_MAGIC_COOKIE: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
  TF_DISABLE_PLUGIN_TLS: "1",
};

test.each<[string, Record<string, string>, { min: number; max: number }]>([
  ["no ports", {}, { min: 0, max: 0 }],
  ["a range of ports", { PLUGIN_MIN_PORT: "10000", PLUGIN_MAX_PORT: "25000" }, { min: 10000, max: 25000 }],
  ["several versions", { PLUGIN_PROTOCOL_VERSIONS: "5,6" }, { min: 0, max: 0 }],
])("given %s, then the handshake is read", (_title, env, ports) => {
  expect(readHandshake({ ...STARTED, ...env }, "toy")).toEqual({ clientCertificate: undefined, ports });
});

test.each<[string, Record<string, string>, RegExp]>([
  ["no cookie", { TF_PLUGIN_MAGIC_COOKIE: "" }, /This is the Terraform provider "toy"/],
  ["version 16 only", { PLUGIN_PROTOCOL_VERSIONS: "16" }, /update Terraform/],
  ["neither TLS nor leave to go without", { TF_DISABLE_PLUGIN_TLS: "" }, /no client certificate/],
  ["ports the wrong way round", { PLUGIN_MIN_PORT: "10", PLUGIN_MAX_PORT: "9" }, /"10" to "9"/],
  ["a port that is a word", { PLUGIN_MIN_PORT: "http" }, /no range of ports/],
])("given %s, then it is refused", (_title, env, message) => {
  const read = () => readHandshake({ ...STARTED, ...env }, "toy");
  expect(read).toThrow(HandshakeError);
  expect(read).toThrow(message);
});

test("given a client certificate, then it is kept, unless TLS is switched off", async () => {
  const { certificate } = await createCertificate();
  const env = { ...STARTED, PLUGIN_CLIENT_CERT: certificate };
  expect(readHandshake({ ...env, TF_DISABLE_PLUGIN_TLS: "" }, "toy").clientCertificate).toContain(
    "BEGIN CERTIFICATE",
  );
  expect(readHandshake(env, "toy").clientCertificate).toBeUndefined();
});

test("given a port, then the line is the one that Terraform reads", () => {
  expect(handshakeLine(1234, "MII")).toBe("1|6|tcp|127.0.0.1:1234|grpc|MII");
  expect(handshakeLine(1234, "")).toBe("1|6|tcp|127.0.0.1:1234|grpc|");
});
