import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { utils } from "ssh2";

export interface KeyPair {
  /** In OpenSSH's own format. */
  readonly private: string;
  readonly public: string;
}

/** An Ed25519 key pair. */
export function generateKeys(comment: string): KeyPair {
  for (;;) {
    const keys = utils.generateKeyPairSync("ed25519", { comment });
    // ssh2 drops leading zeros, so one pair in some 250 is malformed, in either half.
    if ([keys.private, keys.public].every((key) => !(utils.parseKey(key) instanceof Error))) return keys;
  }
}

/** Makes a key file (0600) where there is none, its public half beside it. Gives that, without a comment. */
export function keyFile(path: string, comment: string): string {
  if (!existsSync(path)) {
    const keys = generateKeys(comment);
    writeFileSync(path, keys.private);
    chmodSync(path, 0o600);
    writeFileSync(`${path}.pub`, `${keys.public}\n`);
  }
  return readFileSync(`${path}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ");
}

/** `SHA256:...`, as ssh-keygen prints a key's fingerprint. */
export function fingerprint(publicKey: string): string {
  const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}
