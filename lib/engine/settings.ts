import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { badConfig } from "./errors";
import type { EngineConnection } from "./types";

/** A connection with everything looked up and checked. */
export interface EngineSettings {
  readonly name: string;
  /** Ends in `/ovirt-engine`. */
  readonly url: string;
  readonly login:
    | { readonly user: string; readonly password: string; readonly token?: undefined }
    | { readonly token: string };
  readonly trust: { readonly ca: string } | { readonly fingerprint: string } | "public";
  readonly timeoutMs: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What an engine's connection means here and now. A secret comes from the connection, then from the variable of this
 * engine (`PASSTHROUGH_OVIRT_PASSWORD_<NAME>`), then from the one for all (`PASSTHROUGH_OVIRT_PASSWORD`); the same
 * with `..._PASSWORD_FILE` and `..._TOKEN`.
 *
 * @throws an EngineError saying what is wrong or missing.
 */
export function resolveEngine(
  name: string,
  connection: EngineConnection,
  env: Environment = process.env,
): EngineSettings {
  return {
    name,
    url: baseUrl(name, connection.url),
    login: loginOf(name, connection, env),
    trust: trustOf(name, connection),
    timeoutMs: (connection.timeout ?? 30) * 1000,
  };
}

/** `engine.east` -> `ENGINE_EAST`, for the name of a variable. */
export function environmentName(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
}

/** The engine's address without what follows `/ovirt-engine`. */
function baseUrl(name: string, text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw badConfig(
      name,
      `${JSON.stringify(text)} is not a URL. Expected one such as https://engine.example.`,
    );
  }
  if (url.protocol !== "https:")
    throw badConfig(name, `${url.protocol}//${url.host} is not HTTPS, and a password would go over it.`);
  if (url.username !== "" || url.password !== "")
    throw badConfig(name, "The URL holds a login. Give `user` and, from the environment, the password.");
  if (url.search !== "" || url.hash !== "")
    throw badConfig(name, `${JSON.stringify(text)} has a query. Expected only the engine's address.`);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/api$/, "");
  return `${url.origin}${path === "" ? "/ovirt-engine" : path}`;
}

function loginOf(name: string, connection: EngineConnection, env: Environment): EngineSettings["login"] {
  const from = (what: string): string | undefined =>
    [`PASSTHROUGH_OVIRT_${what}_${environmentName(name)}`, `PASSTHROUGH_OVIRT_${what}`]
      .map((variable) => env[variable])
      .find((value) => value !== undefined && value !== "");
  const { user } = connection;
  if (connection.token !== undefined) return { token: checkedToken(name, connection.token) };
  const token = connection.password === undefined ? from("TOKEN") : undefined;
  if (token !== undefined) return { token: checkedToken(name, token) };
  const file = from("PASSWORD_FILE");
  const password =
    connection.password ??
    from("PASSWORD") ??
    (file === undefined ? undefined : readText(name, "the password file", file).replace(/\r?\n$/, ""));
  if (user === undefined)
    throw badConfig(name, "It has no `user`, and no token was given. Set one, such as admin@internal.");
  if (password === undefined) {
    throw badConfig(
      name,
      `No password was found for ${user}. Set PASSTHROUGH_OVIRT_PASSWORD_${environmentName(name)} or ` +
        "PASSTHROUGH_OVIRT_PASSWORD, or give an ephemeral variable as `password`.",
    );
  }
  return { user, password };
}

/** It goes into a header. */
function checkedToken(name: string, token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw badConfig(name, "The token holds a character that no token has, such as a line break.");
}

function trustOf(name: string, { ca, caFile, fingerprint }: EngineConnection): EngineSettings["trust"] {
  const given = Object.entries({ ca, caFile, fingerprint }).filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw badConfig(
      name,
      `It sets ${given.map(([key]) => key).join(" and ")}. Expected one of ca, caFile, fingerprint.`,
    );
  if (fingerprint !== undefined) {
    const hex = fingerprint.replace(/^sha256[:/ ]/i, "").replace(/:/g, "");
    if (!/^[0-9a-f]{64}$/i.test(hex))
      throw badConfig(
        name,
        `${JSON.stringify(fingerprint)} is not a SHA-256 fingerprint. Expected 64 hex digits, with or without colons.`,
      );
    return { fingerprint: hex.toUpperCase() };
  }
  if (caFile !== undefined) return { ca: checkedPem(name, readText(name, "the CA file", caFile)) };
  return ca === undefined ? "public" : { ca: checkedPem(name, ca) };
}

function checkedPem(name: string, text: string): string {
  if (/-----BEGIN (?:TRUSTED )?CERTIFICATE-----/.test(text)) return text;
  throw badConfig(name, "The CA holds no certificate. Expected PEM: -----BEGIN CERTIFICATE----- and so on.");
}

function readText(name: string, what: string, path: string): string {
  try {
    return readFileSync(path.startsWith("~/") ? join(homedir(), path.slice(2)) : path, "utf8");
  } catch (error) {
    throw badConfig(
      name,
      `Unable to read ${what} ${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
