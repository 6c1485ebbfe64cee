/** What Terraform tells a provider through its environment, and the one line that the provider answers. */
import { X509Certificate } from "node:crypto";

/** No secret: it only tells a start by Terraform from a start by hand. */
const MAGIC_COOKIE = {
  name: "TF_PLUGIN_MAGIC_COOKIE",
  value: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
};
const CORE_PROTOCOL = 1;
const PLUGIN_PROTOCOL = 6;

export interface Handshake {
  /** PEM of the only client that may connect; undefined: no TLS. */
  readonly clientCertificate: string | undefined;
  readonly ports: { readonly min: number; readonly max: number };
}

/** The process was not started as Terraform starts a provider. */
export class HandshakeError extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {HandshakeError} */
export function readHandshake(env: Environment, name: string): Handshake {
  if (env[MAGIC_COOKIE.name] !== MAGIC_COOKIE.value)
    throw new HandshakeError(
      `This is the Terraform provider "${name}". Terraform starts it by itself: run terraform, not this program.`,
    );
  const versions = env["PLUGIN_PROTOCOL_VERSIONS"];
  if (versions && !versions.split(",").includes(String(PLUGIN_PROTOCOL)))
    throw new HandshakeError(
      `The provider "${name}" speaks plugin protocol ${PLUGIN_PROTOCOL}, this Terraform only ${versions}: ` +
        "update Terraform.",
    );
  return { clientCertificate: readClientCertificate(env, name), ports: readPorts(env) };
}

/** @param certificate as `Certificate.handshake`; empty: no TLS */
export function handshakeLine(port: number, certificate: string): string {
  return `${CORE_PROTOCOL}|${PLUGIN_PROTOCOL}|tcp|127.0.0.1:${port}|grpc|${certificate}`;
}

function readClientCertificate(env: Environment, name: string): string | undefined {
  if (env["TF_DISABLE_PLUGIN_TLS"]) return undefined;
  const pem = env["PLUGIN_CLIENT_CERT"];
  if (!pem)
    throw new HandshakeError(
      `The provider "${name}" was given no client certificate, so anyone on this machine could talk to it. ` +
        "To allow that, set TF_DISABLE_PLUGIN_TLS=1.",
    );
  try {
    return new X509Certificate(pem).toString();
  } catch (error) {
    throw new HandshakeError(
      `The provider "${name}" cannot read PLUGIN_CLIENT_CERT: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Without limits, the system picks a port. */
function readPorts(env: Environment): Handshake["ports"] {
  const min = Number(env["PLUGIN_MIN_PORT"] || 0);
  const max = Number(env["PLUGIN_MAX_PORT"] || min);
  const valid =
    [min, max].every((port) => Number.isInteger(port) && port >= 0 && port <= 65535) && min <= max;
  if (!valid)
    throw new HandshakeError(
      `PLUGIN_MIN_PORT and PLUGIN_MAX_PORT are no range of ports: ` +
        `"${env["PLUGIN_MIN_PORT"] ?? ""}" to "${env["PLUGIN_MAX_PORT"] ?? ""}"`,
    );
  return { min, max };
}
