import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { types } from "node:util";
import { badSetting, unreadableFile, unsupportedSetting, type Peer } from "./errors";
import { lookUp, type HostOptions } from "./sshConfig";
import type { Connection, JumpHost } from "./types";

/** How one SSH server is reached, all sources put together. */
export interface Settings {
  readonly peer: Peer;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly sudo: boolean;
  /** Seconds for connecting and logging in. */
  readonly connectTimeout: number;
  readonly family: 0 | 4 | 6;
  /** Pinned key line or fingerprint; then no known_hosts file is read. */
  readonly hostKey?: string | undefined;
  readonly hostKeyAlias?: string | undefined;
  readonly knownHostsFiles: readonly string[];
  /** The config file asks for less than strict checking, which is not followed. */
  readonly asksForLaxChecking: boolean;
  readonly privateKey?: string | undefined;
  readonly passphrase?: string | undefined;
  /** In the order to try. */
  readonly identityFiles: readonly IdentityFile[];
  /** The agent's socket, if one is to be asked. */
  readonly agent?: string | undefined;
  /** Offer no agent key but those of the identity files. */
  readonly identitiesOnly: boolean;
  readonly jump?: Settings | undefined;
}

export interface IdentityFile {
  readonly path: string;
  /** Named in the connection: it must be readable. */
  readonly required: boolean;
  /** Nobody named it: OpenSSH looks there by itself. */
  readonly isDefault: boolean;
}

/** What of this machine the settings depend on. */
export interface Surroundings {
  /** @default process.env */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** @default the home folder of who runs this */
  readonly home?: string | undefined;
}

const DEFAULT_IDENTITIES = ["id_ed25519", "id_ecdsa", "id_rsa"];
const DEFAULT_TIMEOUT = 20;

/**
 * Put a connection, the OpenSSH config file and the defaults together; in this order the first that says
 * something wins.
 *
 * @throws HostError of kind bad-config
 */
export function resolveSettings(name: string, connection: Connection, around: Surroundings = {}): Settings {
  return new Resolver(name, connection, around).settings();
}

/** One hop: what is explicit about it, and where it stands in the chain. */
interface Hop extends JumpHost {
  readonly isJump: boolean;
}

class Resolver {
  private readonly home: string;
  private readonly environment: Readonly<Record<string, string | undefined>>;

  constructor(
    private readonly name: string,
    private readonly connection: Connection,
    around: Surroundings,
  ) {
    this.home = around.home ?? homedir();
    this.environment = around.environment ?? process.env;
  }

  settings(): Settings {
    const { connection } = this;
    const own = this.hop({ ...connection, isJump: false });
    const jump = connection.jump ?? this.configuredJump(own.settings, own.options);
    if (jump === undefined) return own.settings;
    return { ...own.settings, jump: this.jump(jump, own.settings) };
  }

  private jump(jump: JumpHost, target: Settings): Settings | undefined {
    const hop = this.hop({ ...jump, isJump: true });
    const isTarget = hop.settings.host === target.host && hop.settings.port === target.port;
    // "Host *" with ProxyJump also covers the jump host itself.
    if (isTarget && this.connection.jump === undefined) return undefined;
    const further = this.configuredJump(hop.settings, hop.options);
    if (further !== undefined) {
      const next = this.hop({ ...further, isJump: true }).settings;
      if (next.host !== hop.settings.host || next.port !== hop.settings.port)
        throw unsupportedSetting(hop.settings.peer, "ProxyJump", further.host, MANY_HOPS);
    }
    return hop.settings;
  }

  /** ProxyJump of the config file, unless a ProxyCommand stands before it. */
  private configuredJump(settings: Settings, options: HostOptions): JumpHost | undefined {
    const keyword = Object.keys(options).find((key) => key === "proxyjump" || key === "proxycommand");
    const value = keyword && first(options[keyword]);
    if (!value || value.toLowerCase() === "none") return undefined;
    if (keyword === "proxycommand") throw unsupportedSetting(settings.peer, "ProxyCommand", value, USE_JUMP);
    if (value.includes(",")) throw unsupportedSetting(settings.peer, "ProxyJump", value, MANY_HOPS);
    return parseJump(settings.peer, value);
  }

  private hop(hop: Hop): { settings: Settings; options: HostOptions } {
    const { connection } = this;
    const draft: Peer = {
      name: this.name,
      address: hop.port === undefined ? hop.host : `${hop.host}:${hop.port}`,
      isJump: hop.isJump,
    };
    if (!/^[^\s/@-][^\s/@]*$/.test(hop.host))
      throw badSetting(
        draft,
        "`host`",
        hop.host,
        "a name, an address or an alias of the OpenSSH config file",
      );
    const options = this.configFile(draft, hop);
    const say = (key: string): string | undefined => first(options[key]);

    const alias = hop.host;
    const host = (say("hostname") ?? alias).replace(/%([%h])/g, (_, token) => (token === "h" ? alias : "%"));
    const port = number(draft, "`port`", hop.port ?? say("port") ?? 22, 1, 65535);
    const user = hop.user ?? say("user") ?? (hop.isJump ? localUser() : "root");
    const peer: Peer = { ...draft, address: `${user}@${host.includes(":") ? `[${host}]` : host}:${port}` };
    const expand = (text: string): string => this.expand(text, { alias, host, port, user, options });

    const identityFile = (path: string, required: boolean, isDefault: boolean): IdentityFile => ({
      path: expand(path),
      required,
      isDefault,
    });
    const named = [
      ...all(hop.identityFile).map((path) => identityFile(path, true, false)),
      ...all(options["identityfile"])
        .filter((path) => path.toLowerCase() !== "none")
        .map((path) => identityFile(path, false, false)),
    ];
    const unnamed = options["identityfile"] === undefined ? DEFAULT_IDENTITIES : [];
    const identityFiles =
      named.length > 0 ? named : unnamed.map((file) => identityFile(`~/.ssh/${file}`, false, true));

    const settings: Settings = {
      peer,
      host,
      port,
      user,
      sudo: !hop.isJump && (connection.sudo ?? user !== "root"),
      connectTimeout: number(
        peer,
        "`connect_timeout`",
        connection.connectTimeout ?? say("connecttimeout") ?? DEFAULT_TIMEOUT,
        0.001,
        86400,
      ),
      family: FAMILIES[say("addressfamily")?.toLowerCase() ?? "any"] ?? 0,
      hostKey: hop.hostKey,
      hostKeyAlias: say("hostkeyalias"),
      knownHostsFiles: this.knownHostsFiles(options).map(expand),
      asksForLaxChecking: /^(no|off|accept-new)$/i.test(say("stricthostkeychecking") ?? ""),
      privateKey: connection.privateKey,
      passphrase: connection.passphrase ?? this.environment["PASSTHROUGH_PASSPHRASE"],
      identityFiles,
      agent: this.agent(say("identityagent"), expand),
      identitiesOnly: /^yes$/i.test(say("identitiesonly") ?? ""),
    };
    return { settings, options };
  }

  private configFile(peer: Peer, { host, user }: Hop): HostOptions {
    const { configFile } = this.connection;
    if (configFile === "none") return {};
    const path = this.tilde(configFile ?? "~/.ssh/config");
    if (configFile === undefined && !existsSync(path)) return {};
    try {
      return lookUp(path, { host, user, home: this.home });
    } catch (error) {
      throw unreadableFile(peer, "the OpenSSH config file", path, reason(error));
    }
  }

  private knownHostsFiles(options: HostOptions): string[] {
    if (this.connection.knownHostsFile !== undefined) return [this.connection.knownHostsFile];
    const listed = (key: string, ...defaults: string[]): string[] => {
      const files = all(options[key]);
      return (files.length > 0 ? files : defaults).filter((file) => file.toLowerCase() !== "none");
    };
    return [
      ...listed("userknownhostsfile", "~/.ssh/known_hosts", "~/.ssh/known_hosts2"),
      ...listed("globalknownhostsfile", "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"),
    ];
  }

  private agent(configured: string | undefined, expand: (text: string) => string): string | undefined {
    if (this.connection.agent === false || configured?.toLowerCase() === "none") return undefined;
    const fromEnvironment = configured === undefined || configured === "SSH_AUTH_SOCK";
    const name = fromEnvironment ? "SSH_AUTH_SOCK" : /^\$(\w+)$/.exec(configured)?.[1];
    const socket = name === undefined ? expand(configured ?? "") : this.environment[name];
    return socket || undefined;
  }

  private tilde(path: string): string {
    const home = path === "~" || path.startsWith("~/") ? join(this.home, path.slice(1)) : path;
    return home;
  }

  /** `~`, `${VARIABLE}` and OpenSSH's %-tokens. */
  private expand(
    text: string,
    at: { alias: string; host: string; port: number; user: string; options: HostOptions },
  ): string {
    const jump = first(at.options["proxyjump"]) ?? "";
    const local = hostname();
    const port = String(at.port);
    const tokens: Readonly<Record<string, () => string>> = {
      "%": () => "%",
      d: () => this.home,
      h: () => at.host,
      i: () => String(userInfo().uid),
      j: () => jump,
      k: () => first(at.options["hostkeyalias"]) ?? at.alias,
      L: () => local.split(".")[0] ?? local,
      l: () => local,
      n: () => at.alias,
      p: () => port,
      r: () => at.user,
      u: localUser,
      C: () => createHash("sha1").update(`${local}${at.host}${port}${at.user}${jump}`).digest("hex"),
    };
    const expanded = this.tilde(text)
      .replace(/\$\{(\w+)\}/g, (_, name: string) => this.environment[name] ?? "")
      .replace(/%(.)/g, (whole, token: string) => tokens[token]?.() ?? whole);
    return isAbsolute(expanded) ? expanded : join(process.cwd(), expanded);
  }
}

const USE_JUMP = "Use ProxyJump, or `jump` of the connection.";
const MANY_HOPS = "One jump host is; name one that reaches the host directly.";

const FAMILIES: Readonly<Record<string, 0 | 4 | 6>> = { any: 0, inet: 4, inet6: 6 };

/** `[user@]host[:port]`, IPv6 in brackets, or the same as an ssh:// URI. */
function parseJump(peer: Peer, text: string): JumpHost {
  const match = /^(?:ssh:\/\/)?(?:([^@]+)@)?(?:\[([^\]]+)\]|([^\s:@[\]]+))(?::(\d+))?\/?$/.exec(text);
  const host = match?.[2] ?? match?.[3];
  if (match === null || host === undefined) throw badSetting(peer, "ProxyJump", text, "[user@]host[:port]");
  return { host, user: match[1], port: match[4] === undefined ? undefined : Number(match[4]) };
}

function number(peer: Peer, what: string, value: string | number, least: number, most: number): number {
  const parsed = typeof value === "number" ? value : Number(value.trim() || Number.NaN);
  const whole = least < 1 || Number.isInteger(parsed);
  if (!(parsed >= least && parsed <= most && whole))
    throw badSetting(
      peer,
      what,
      String(value),
      least < 1 ? "a number of seconds" : `a number from ${least} to ${most}`,
    );
  return parsed;
}

function all(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : typeof value === "string" ? [value] : value;
}

function first(value: string | string[] | undefined): string | undefined {
  return all(value)[0];
}

function localUser(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry in the user database, as in some containers.
    return "root";
  }
}

export function reason(error: unknown): string {
  return types.isNativeError(error) ? error.message : String(error);
}
