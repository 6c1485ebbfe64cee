import { createHmac, timingSafeEqual } from "node:crypto";
import { wildcard } from "./wildcard";

export type Marker = "@revoked" | "@cert-authority";

/** One line of a known_hosts file. */
export interface KnownKey {
  /** Path and line number, for messages. */
  readonly where: string;
  readonly marker: Marker | undefined;
  readonly type: string;
  readonly key: Buffer;
  /** Whether the line is about this name, as `knownName` writes it. */
  matches(name: string): boolean;
}

/** A server's name in known_hosts: the port is part of it, unless it is 22. */
export function knownName(host: string, port: number): string {
  return (port === 22 ? host : `[${host}]:${port}`).toLowerCase();
}

/** Read a known_hosts file. Lines that make no sense are left out, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownKey[] {
  return text.split(/\r?\n/).flatMap((line, index) => parseLine(line, `${file}:${index + 1}`) ?? []);
}

function parseLine(line: string, where: string): KnownKey | undefined {
  const words = line.trim().split(/[ \t]+/);
  const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
  const [names, type, encoded] = words;
  if (!names || names.startsWith("#") || !type || !encoded) return undefined;
  if (marker !== undefined && marker !== "@revoked" && marker !== "@cert-authority") return undefined;
  const key = Buffer.from(encoded, "base64");
  if (keyType(key) !== type) return undefined;
  return { where, marker, type, key, matches: names.startsWith("|") ? hashed(names) : listed(names) };
}

/** `|1|salt|HMAC-SHA1(salt, name)|`, both in base64. */
function hashed(field: string): (name: string) => boolean {
  const [, version, salt, hash] = field.split("|");
  if (version !== "1" || !salt || !hash) return () => false;
  const expected = Buffer.from(hash, "base64");
  return (name) => {
    const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest();
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  };
}

/** Comma-separated patterns; one negated match rules the line out. */
function listed(field: string): (name: string) => boolean {
  const patterns = field
    .toLowerCase()
    .split(",")
    .filter((pattern) => pattern);
  const negated = patterns
    .filter((pattern) => pattern.startsWith("!"))
    .map((pattern) => wildcard(pattern.slice(1)));
  const positive = patterns.filter((pattern) => !pattern.startsWith("!")).map(wildcard);
  return (name) =>
    !negated.some((pattern) => pattern.test(name)) && positive.some((pattern) => pattern.test(name));
}

/** The type that a public key in SSH's wire form says it has. */
export function keyType(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  return key.length < 4 + length ? undefined : key.toString("latin1", 4, 4 + length);
}
