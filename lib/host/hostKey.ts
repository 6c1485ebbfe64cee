import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ServerHostKeyAlgorithm } from "ssh2";
import {
  badSetting,
  changedHostKey,
  revokedHostKey,
  unknownHostKey,
  unreadableFile,
  type HostError,
  type ShownKey,
} from "./errors";
import { keyType, knownName, parseKnownHosts, type KnownKey } from "./knownHosts";
import { reason, type Settings } from "./settings";

/** What is asked of a server's host key. */
export interface HostKeyCheck {
  /**
   * The signature algorithms to offer, those of known keys first: a server with several keys then shows the one
   * that is known, and no false alarm is raised.
   */
  readonly algorithms: ServerHostKeyAlgorithm[];
  /** Why this key, in SSH's wire form, cannot be trusted; undefined if it can. */
  refuse(key: Buffer): HostError | undefined;
}

/** Signature algorithms by key type, in the order of preference. RSA with SHA-1 is not offered. */
const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** @throws HostError where the pinned key is malformed or a known_hosts file cannot be read */
export function hostKeyCheck(settings: Settings): HostKeyCheck {
  return settings.hostKey === undefined ? knownHostsCheck(settings) : pinnedCheck(settings, settings.hostKey);
}

/** SHA-256 of a public key as OpenSSH prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function preferring(known: readonly string[]): ServerHostKeyAlgorithm[] {
  const types = [...known, ...Object.keys(ALGORITHMS)];
  return [...new Set(types.flatMap((type) => ALGORITHMS[type] ?? []))];
}

function shown(key: Buffer): ShownKey {
  const type = keyType(key) ?? "unknown";
  return { type, fingerprint: fingerprint(key), text: `${type} ${key.toString("base64")}` };
}

function pinnedCheck({ peer }: Settings, pin: string): HostKeyCheck {
  const mend = "Then correct `host_key` of the connection.";
  const print = /^SHA256:([A-Za-z0-9+/]{43})=?$/.exec(pin.trim());
  if (print !== null) {
    const expected = `SHA256:${print[1]}`;
    const hint =
      "A host has a key of each type: a pinned line (`ssh-ed25519 AAAA...`) asks for its own type.";
    return {
      algorithms: preferring([]),
      refuse: (key) =>
        fingerprint(key) === expected
          ? undefined
          : changedHostKey(
              peer,
              shown(key),
              { fingerprint: expected, type: "of any type", where: "`host_key` of the connection" },
              `${mend} ${hint}`,
            ),
    };
  }
  const [type, encoded] = pin.trim().split(/\s+/);
  const pinned = Buffer.from(encoded ?? "", "base64");
  if (type === undefined || keyType(pinned) !== type)
    throw badSetting(peer, "`host_key`", pin, '"ssh-ed25519 AAAA..." or "SHA256:..."');
  return {
    algorithms: preferring([type]),
    refuse: (key) =>
      key.equals(pinned)
        ? undefined
        : changedHostKey(
            peer,
            shown(key),
            { fingerprint: fingerprint(pinned), type, where: "`host_key` of the connection" },
            mend,
          ),
  };
}

function knownHostsCheck(settings: Settings): HostKeyCheck {
  const { peer, knownHostsFiles } = settings;
  const name = settings.hostKeyAlias?.toLowerCase() ?? knownName(settings.host, settings.port);
  const lines = knownHostsFiles.flatMap((file) => readLines(settings, file));
  const about = (wanted: string): KnownKey[] => lines.filter((line) => line.matches(wanted));
  const plain = (found: readonly KnownKey[]): KnownKey[] =>
    found.filter(({ marker }) => marker === undefined);

  const here = about(name);
  // As OpenSSH: a server on another port may be known by its name alone, but only its very key counts then.
  const elsewhere = settings.hostKeyAlias === undefined ? about(settings.host.toLowerCase()) : [];
  const known = plain(here);
  const trusted = known.length > 0 ? known : plain(elsewhere);
  const revoked = [...here, ...elsewhere].filter(({ marker }) => marker === "@revoked");

  return {
    algorithms: preferring(trusted.map(({ type }) => type)),
    refuse(key) {
      const revocation = revoked.find((line) => line.key.equals(key));
      if (revocation !== undefined) return revokedHostKey(peer, shown(key), revocation.where);
      if (trusted.some((line) => line.key.equals(key))) return undefined;
      const expected = known.find(({ type }) => type === keyType(key)) ?? known[0];
      if (expected !== undefined)
        return changedHostKey(
          peer,
          shown(key),
          { fingerprint: fingerprint(expected.key), type: expected.type, where: expected.where },
          `Then replace that line: ssh-keygen -R '${name}'${fileOption(expected.where)}`,
        );
      const authority = here.find(({ marker }) => marker === "@cert-authority");
      const notes = [
        authority &&
          `${authority.where} trusts a certificate authority for it; host certificates are not supported.`,
        settings.asksForLaxChecking &&
          "StrictHostKeyChecking of the OpenSSH config file is not followed: host keys are always checked.",
      ].filter((note): note is string => typeof note === "string");
      const file = knownHostsFiles.find((path) => path !== "/dev/null") ?? "~/.ssh/known_hosts";
      const { text } = shown(key);
      return unknownHostKey(peer, shown(key), `${name} ${text}`, file, notes);
    },
  };
}

const fileOption = (where: string): string => ` -f '${where.replace(/:\d+$/, "")}'`;

function readLines({ peer }: Settings, file: string): KnownKey[] {
  try {
    return parseKnownHosts(readFileSync(file, "utf8"), file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unreadableFile(peer, "the known hosts", file, reason(error));
  }
}
