/** What went wrong between us and a host; a table entry per kind below says what it means for the caller. */
export type HostErrorKind =
  | "bad-config"
  | "bad-key"
  | "unknown-host-key"
  | "changed-host-key"
  | "revoked-host-key"
  | "refused-login"
  | "still-booting"
  | "no-route"
  | "unresolved-name"
  | "connection-refused"
  | "timeout"
  | "closed-early"
  | "incompatible"
  | "jump-refused"
  | "refused-command"
  | "no-sudo"
  | "lost"
  | "command-timeout"
  | "aborted";

/** Who a message is about: the host of a stack, or the jump host in front of it. */
export interface Peer {
  /** Name of the host in the stack. */
  readonly name: string;
  /** `root@10.0.0.11:22` */
  readonly address: string;
  readonly isJump: boolean;
}

/** Everything that can go wrong on the way to a host. `title` and `detail` are the halves of `message`. */
export class HostError extends Error {
  constructor(
    readonly kind: HostErrorKind,
    readonly peer: Peer,
    readonly title: string,
    readonly detail: string,
    /** How a command was cut off, and what it had said until then. */
    readonly cut?: { readonly words: string; readonly stdout: string },
  ) {
    super(`${title}: ${detail}`);
    this.name = "HostError";
  }
}

/** What a host answered is of no use: cut off, or read while it changed. The next look may find it whole. */
export class BrokenAnswer extends Error {}

/** Errors of dialling that a later attempt may not meet. */
const MAY_PASS: ReadonlySet<HostErrorKind> = new Set(["connection-refused", "timeout", "closed-early"]);

/**
 * While a host reboots: its network comes and goes, what is asked of it ends in the middle, and another SSH server with
 * another key (dropbear in the initramfs) may answer before the host's own.
 */
const NOT_UP_YET: ReadonlySet<HostErrorKind> = new Set([
  ...MAY_PASS,
  "no-route",
  "unresolved-name",
  "still-booting",
  "lost",
  "command-timeout",
  "unknown-host-key",
  "changed-host-key",
]);

/** Whether dialling again may succeed with nothing changed by anybody. */
export function mayPass(error: unknown): boolean {
  return error instanceof HostError && MAY_PASS.has(error.kind);
}

/** Whether an error of looking, met while waiting for a reboot, only says that the host is not back yet. */
export function isNotUpYet(error: unknown): boolean {
  // Its file systems go and its processes are ended while it is looked at.
  if (error instanceof BrokenAnswer) return true;
  if (!(error instanceof HostError)) return false;
  const jumpHostKey = error.peer.isJump && error.kind.endsWith("host-key");
  return NOT_UP_YET.has(error.kind) && !jumpHostKey;
}

/** The host does not answer: a plan may go on without it where the author allows that. Other errors always count. */
const UNREACHABLE: ReadonlySet<HostErrorKind> = new Set([
  ...MAY_PASS,
  "no-route",
  "unresolved-name",
  "still-booting",
  "jump-refused",
  "lost",
]);

export function isUnreachable(error: unknown): boolean {
  return error instanceof HostError && UNREACHABLE.has(error.kind);
}

function label({ name, address, isJump }: Peer): string {
  return isJump ? `jump host ${address} of ${name}` : `${name} (${address})`;
}

const list = (items: readonly string[]): string => items.map((item) => `\n  ${item}`).join("");

function sentence(words: string): string {
  const text = words.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

// Settings and keys

export function badSetting(peer: Peer, what: string, value: string, expected: string): HostError {
  return new HostError(
    "bad-config",
    peer,
    `Unable to use the connection of ${label(peer)}`,
    `${what} is ${JSON.stringify(value)}; expected ${expected}.`,
  );
}

export function unreadableFile(peer: Peer, what: string, path: string, reason: string): HostError {
  return new HostError(
    "bad-config",
    peer,
    `Unable to read ${what} of ${label(peer)}`,
    `${path}: ${sentence(reason)}`,
  );
}

export function unsupportedSetting(peer: Peer, what: string, value: string, mend: string): HostError {
  return new HostError(
    "bad-config",
    peer,
    `Unable to use the connection of ${label(peer)}`,
    `${what} ${value} is not supported. ${mend}`,
  );
}

export function unreadableKey(peer: Peer, source: string): HostError {
  return new HostError(
    "bad-key",
    peer,
    `Unable to read a private key for ${label(peer)}`,
    `${source} is not a private key in OpenSSH or PEM (RSA, EC) form. ` +
      `"ssh-keygen -p -f FILE" rewrites a key file in OpenSSH form.`,
  );
}

export function wrongPassphrase(peer: Peer, source: string): HostError {
  return new HostError(
    "bad-key",
    peer,
    `Unable to decrypt a private key for ${label(peer)}`,
    `The passphrase given does not open ${source}. ` +
      "Correct `passphrase` of the connection, or PASSTHROUGH_PASSPHRASE.",
  );
}

export function encryptedKey(peer: Peer, sources: readonly string[], notes: readonly string[]): HostError {
  return new HostError(
    "bad-key",
    peer,
    `Unable to log in to ${label(peer)}`,
    `The only private keys found are encrypted, and no passphrase was given:${list([...sources, ...notes])}\n` +
      `${HOW_TO_UNLOCK}`,
  );
}

const HOW_TO_UNLOCK =
  "Load the key into the SSH agent (ssh-add), or give its passphrase through PASSTHROUGH_PASSPHRASE " +
  "or `passphrase` of the connection.";

export function noKey(peer: Peer, notes: readonly string[]): HostError {
  return new HostError(
    "refused-login",
    peer,
    `Unable to log in to ${label(peer)}`,
    `No private key was found to log in with.${list(notes)}\n` +
      "Start an SSH agent, name an `identity_file`, or set PASSTHROUGH_PRIVATE_KEY_FILE.",
  );
}

// The host's key

/** A host key as messages show it. */
export interface ShownKey {
  readonly type: string;
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA...` */
  readonly text: string;
}

const onTheHost = ({ type }: ShownKey): string => {
  const short = type.replace(/^ssh-/, "").replace(/^ecdsa-.*/, "ecdsa");
  return `ssh-keygen -lf /etc/ssh/ssh_host_${short}_key.pub`;
};

export function unknownHostKey(
  peer: Peer,
  key: ShownKey,
  line: string,
  file: string,
  notes: readonly string[],
): HostError {
  return new HostError(
    "unknown-host-key",
    peer,
    `Unable to verify the host key of ${label(peer)}`,
    `It is not in ${file}. The host showed the ${key.type} key\n  ${key.fingerprint}${list(notes)}\n` +
      `Compare it with "${onTheHost(key)}" on the host itself. If it is the same, add this line to ${file}:\n` +
      `  ${line}\nor pin it in the connection:\n  host_key = "${key.text}"`,
  );
}

export function changedHostKey(
  peer: Peer,
  key: ShownKey,
  known: { readonly fingerprint: string; readonly type: string; readonly where: string },
  mend: string,
): HostError {
  return new HostError(
    "changed-host-key",
    peer,
    `Unable to trust the host key of ${label(peer)}`,
    `Somebody may be listening in, or the host was reinstalled.\n` +
      `  expected ${known.fingerprint} (${known.type}, ${known.where})\n` +
      `  received ${key.fingerprint} (${key.type})\n` +
      `Compare with "${onTheHost(key)}" on the host itself before you change anything. ${mend}`,
  );
}

export function revokedHostKey(peer: Peer, key: ShownKey, where: string): HostError {
  return new HostError(
    "revoked-host-key",
    peer,
    `Unable to trust the host key of ${label(peer)}`,
    `The host showed the ${key.type} key ${key.fingerprint}, which ${where} marks as revoked.`,
  );
}

// Logging in

export function refusedLogin(
  peer: Peer,
  facts: {
    readonly tried: readonly string[];
    readonly accepted: readonly string[];
    readonly partial: boolean;
    readonly encrypted: readonly string[];
    readonly notes: readonly string[];
    /** The remote side's own words, if it said any. */
    readonly words: string;
  },
): HostError {
  const parts = [
    facts.partial
      ? "The key was accepted, but the host asks for more."
      : "The host refused every key offered.",
    facts.words && `It said: ${sentence(facts.words)}`,
    facts.accepted.length > 0 && `It accepts: ${facts.accepted.join(", ")}.`,
    facts.tried.length > 0 ? `Offered:${list(facts.tried)}` : "No key was offered.",
    facts.encrypted.length > 0 &&
      `Left out, for they are encrypted:${list(facts.encrypted)}\n${HOW_TO_UNLOCK}`,
    facts.notes.length > 0 && `Also:${list(facts.notes)}`,
    "Add the public key of one of them to ~/.ssh/authorized_keys of that user on the host, " +
      "or name another `user` or `identity_file`.",
  ];
  return new HostError(
    "refused-login",
    peer,
    `Unable to log in to ${label(peer)}`,
    parts.filter((part) => part).join("\n"),
  );
}

export function stillBooting(peer: Peer, words: string): HostError {
  return new HostError(
    "still-booting",
    peer,
    `Unable to log in to ${label(peer)} yet`,
    `It is starting or going down. It said: ${sentence(words)}`,
  );
}

// The way there

export function noRoute(peer: Peer, words: string): HostError {
  return new HostError(
    "no-route",
    peer,
    `Unable to reach ${label(peer)}`,
    `There is no route to it: ${sentence(words)} Is the host up, and is this machine in the right network (VPN)?`,
  );
}

export function unresolvedName(peer: Peer, host: string, words: string): HostError {
  return new HostError(
    "unresolved-name",
    peer,
    `Unable to resolve the name of ${label(peer)}`,
    `${host}: ${sentence(words)} Correct \`host\`, or give the address.`,
  );
}

export function connectionRefused(peer: Peer, words: string): HostError {
  return new HostError(
    "connection-refused",
    peer,
    `Unable to connect to ${label(peer)}`,
    `${sentence(words)} Nothing listens there, or a firewall rejects it: is sshd running, is \`port\` right?`,
  );
}

export function connectTimeout(peer: Peer, seconds: number, phase: string): HostError {
  return new HostError(
    "timeout",
    peer,
    `Unable to connect to ${label(peer)}`,
    `${phase} within ${seconds} s. Is the host up, and does a firewall drop the packets? ` +
      "`connect_timeout` sets the limit.",
  );
}

export function closedEarly(peer: Peer, words: string): HostError {
  return new HostError(
    "closed-early",
    peer,
    `Unable to connect to ${label(peer)}`,
    `The connection was closed before anything was done: ${sentence(words)}`,
  );
}

export function incompatible(peer: Peer, words: string): HostError {
  return new HostError(
    "incompatible",
    peer,
    `Unable to talk to ${label(peer)}`,
    `${sentence(words)} Is it an SSH server, and not too old?`,
  );
}

export function jumpRefused(peer: Peer, target: string, words: string): HostError {
  return new HostError(
    "jump-refused",
    peer,
    `Unable to go through ${label(peer)}`,
    `It does not forward to ${target}: ${sentence(words)} Does its sshd allow it (AllowTcpForwarding, PermitOpen)?`,
  );
}

// Commands

export function refusedCommand(peer: Peer, words: string): HostError {
  return new HostError(
    "refused-command",
    peer,
    `Unable to run a command on ${label(peer)}`,
    `The login worked, but the host runs no commands for it: ${sentence(words)}`,
  );
}

export function noSudo(peer: Peer, user: string, words: string): HostError {
  return new HostError(
    "no-sudo",
    peer,
    `Unable to become root on ${label(peer)}`,
    `It said: ${sentence(words)}\n` +
      "sudo must be installed and must not ask for a password. As root on the host, put this line into " +
      `/etc/sudoers.d/cdktf-passthrough:\n  ${user} ALL=(root) NOPASSWD: ALL\nor log in as root.`,
  );
}

const MAY_STILL_RUN = "The command may still be running there: look at the host before you repeat it.";

export function lostConnection(peer: Peer, words: string, stdout = ""): HostError {
  return new HostError(
    "lost",
    peer,
    `Unable to finish a command on ${label(peer)}`,
    `The connection was lost: ${sentence(words)} ${MAY_STILL_RUN}`,
    { words, stdout },
  );
}

export function commandTimeout(peer: Peer, seconds: number): HostError {
  return new HostError(
    "command-timeout",
    peer,
    `Unable to finish a command on ${label(peer)}`,
    `It took longer than ${seconds} s. ${MAY_STILL_RUN}`,
  );
}

export function aborted(peer: Peer, started: boolean): HostError {
  return new HostError(
    "aborted",
    peer,
    `Unable to finish a command on ${label(peer)}`,
    started ? `It was cancelled. ${MAY_STILL_RUN}` : "It was cancelled before it began.",
  );
}
