import { spawn } from "node:child_process";
import { connect, type AddressInfo, type Server as NetServer, type Socket } from "node:net";
import { Server, utils, type AuthContext, type Connection, type ParsedKey, type ServerChannel } from "ssh2";

export type Trouble =
  /** Hang up on every new connection before a word is said. */
  | "hang up"
  /** Accept connections and never say anything. */
  | "silence"
  /** Say nothing more once a command has begun. */
  | "freeze at command"
  /** Cut the connection once a command has begun. */
  | "drop at command"
  /** Cut the connection when a command is asked for, once. */
  | "drop before command"
  /** Run nothing. */
  | "refuse commands";

export interface SshServerOptions {
  readonly hostKeys?: readonly string[];
  /** Public keys that may log in; none: nobody may. */
  readonly authorized?: readonly string[];
  readonly banner?: string;
  readonly methods?: readonly ("publickey" | "password" | "keyboard-interactive")[];
  /** Ask for more after an accepted key. */
  readonly twoFactors?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  /** @default sh, from PATH */
  readonly shell?: string;
  readonly forwarding?: boolean;
  /** Whether a failed forwarding comes with OpenSSH's words. @default true */
  readonly plainWords?: boolean;
  /** Answer the first N connections with a hang-up. */
  readonly flakyConnections?: number;
}

/** A real SSH server of the tests' own, which runs commands with the real shell. */
export class SshServer {
  trouble: Trouble | undefined;
  port = 0;
  connections = 0;
  readonly commands: string[] = [];
  readonly users: string[] = [];
  readonly forwarded: string[] = [];
  private readonly sockets = new Set<Socket>();
  private constructor(
    private readonly server: Server,
    readonly options: SshServerOptions,
  ) {}

  static async start(options: SshServerOptions = {}, port = 0): Promise<SshServer> {
    const server = new Server({
      hostKeys: [...(options.hostKeys ?? [HOST_KEY.private])],
      ...(options.banner === undefined ? {} : { banner: options.banner }),
    });
    const ssh = new SshServer(server, options);
    // Below ssh2: the sockets themselves.
    const net = (server as unknown as { _srv: NetServer })._srv;
    net.prependListener("connection", (socket) => ssh.onSocket(socket));
    server.on("connection", (client) => ssh.onClient(client));
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    ssh.port = (server.address() as AddressInfo).port;
    return ssh;
  }

  get open(): number {
    return this.sockets.size;
  }

  /** Cut every connection. */
  drop(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  /** Neither hear nor say anything more on any connection. */
  freeze(): void {
    for (const socket of this.sockets) freeze(socket);
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.drop();
    await closed;
  }

  private onSocket(socket: Socket): void {
    this.connections += 1;
    this.sockets.add(socket.setNoDelay(true));
    socket.on("close", () => this.sockets.delete(socket)).on("error", () => undefined);
    if (this.trouble === "hang up" || this.connections <= (this.options.flakyConnections ?? 0))
      socket.destroy();
    if (this.trouble === "silence") socket.write = () => true;
  }

  private onClient(client: Connection): void {
    client
      .on("error", () => undefined)
      .on("authentication", (context) => this.authenticate(context))
      .on("session", (accept) => {
        accept().on("exec", (begin, reject, { command }) => {
          if (this.trouble === "refuse commands") reject();
          else if (this.trouble === "drop before command") {
            this.commands.push(command);
            this.trouble = undefined;
            socketOf(client).destroy();
          } else this.execute(client, begin(), command);
        });
      })
      .on("tcpip", (accept, reject, { destIP, destPort }) => {
        if (this.options.forwarding === false) return refuseChannel(client, reject, 1, "open failed");
        this.forwarded.push(`${destIP}:${destPort}`);
        const socket = connect({ host: destIP, port: destPort })
          .on("connect", () => {
            const channel = accept();
            socket.pipe(channel).pipe(socket);
            channel.on("close", () => socket.destroy());
          })
          .on("error", (error: NodeJS.ErrnoException) =>
            refuseChannel(client, reject, 2, this.options.plainWords === false ? "" : plain(error)),
          );
        return undefined;
      });
  }

  private authenticate(context: AuthContext): void {
    const { authorized = [USER_KEY.public], methods = ["publickey"], twoFactors = false } = this.options;
    this.users.push(context.username);
    if (context.method !== "publickey") return context.reject([...methods]);
    const { key, signature, blob, hashAlgo } = context;
    const match = authorized.map(parsed).find((allowed) => allowed.getPublicSSH().equals(key.data));
    if (match === undefined) return context.reject([...methods]);
    if (signature && blob && !match.verify(blob, signature, hashAlgo)) return context.reject([...methods]);
    if (signature && twoFactors) return context.reject(["keyboard-interactive"], true);
    return context.accept();
  }

  private execute(client: Connection, channel: ServerChannel, command: string): void {
    this.commands.push(command);
    const child = spawn(this.options.shell ?? "sh", ["-c", command], {
      detached: true,
      env: {
        PATH: process.env.PATH,
        SSH_CONNECTION: "192.0.2.7 50000 192.0.2.1 22",
        ...this.options.environment,
      },
    });
    child.stdin.on("error", () => undefined);
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    child.on("close", (code, signal) => {
      if (signal === null) channel.exit(code ?? 0);
      else channel.exit(signal.replace(/^SIG/, ""));
      channel.end();
    });
    const socket = socketOf(client);
    const kill = (): void => {
      if (child.pid === undefined || child.exitCode !== null) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
    };
    channel.on("close", kill);
    socket.on("close", kill);
    // The script has begun to arrive: it may run.
    channel.once("data", () => {
      if (this.trouble === "drop at command") setImmediate(() => socket.destroy());
      if (this.trouble === "freeze at command") freeze(socket);
    });
  }
}

function socketOf(client: Connection): Socket {
  return (client as unknown as { _sock: Socket })._sock;
}

/** ssh2 refuses a channel without a word; OpenSSH gives a reason. */
function refuseChannel(client: Connection, reject: () => void, reason: number, words: string): void {
  const protocol = (
    client as unknown as { _protocol: { channelOpenFail(id: number, reason: number, words: string): void } }
  )._protocol;
  const { channelOpenFail } = protocol;
  protocol.channelOpenFail = (id) => channelOpenFail.call(protocol, id, reason, words);
  reject();
  protocol.channelOpenFail = channelOpenFail;
}

/** The C library's words for an error. */
function plain({ code }: NodeJS.ErrnoException): string {
  return code === "ECONNREFUSED" ? "Connection refused" : "Name or service not known";
}

function freeze(socket: Socket): void {
  socket.pause().write = () => true;
}

function parsed(text: string): ParsedKey {
  const key = utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

export function ed25519(passphrase?: string): KeyPair {
  return sound(
    () =>
      passphrase === undefined
        ? utils.generateKeyPairSync("ed25519")
        : utils.generateKeyPairSync("ed25519", { passphrase, cipher: "aes256-ctr", rounds: 4 }),
    passphrase,
  );
}

/** ssh2 drops leading zeros, so some of the pairs that it generates are malformed, in either half. */
export function sound(generate: () => KeyPair, passphrase?: string): KeyPair {
  for (;;) {
    const pair = generate();
    const halves = [utils.parseKey(pair.private, passphrase), utils.parseKey(pair.public)];
    if (!halves.some((key) => key instanceof Error)) return pair;
  }
}

export const HOST_KEY: KeyPair = ed25519();
export const OTHER_HOST_KEY: KeyPair = ed25519();
export const ECDSA_HOST_KEY: KeyPair = sound(() => utils.generateKeyPairSync("ecdsa", { bits: 256 }));
export const USER_KEY: KeyPair = ed25519();
export const OTHER_USER_KEY: KeyPair = ed25519();

/** `ssh-ed25519 AAAA...`, without the comment. */
export function publicLine({ public: line }: KeyPair): string {
  return line.split(" ").slice(0, 2).join(" ");
}
