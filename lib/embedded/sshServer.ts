import { spawn, type ChildProcess } from "node:child_process";
import net from "node:net";
import { Server, utils, type Connection, type ParsedKey, type ServerChannel } from "ssh2";

/** Answers for one SSH server: who may come in and how commands run. */
export interface SshServerOptions {
  readonly hostKey: string;
  readonly authorizedKeys: () => readonly string[];
  readonly onConnection: () => void;
  readonly onCommand: () => void;
  /** The environment of a command, given the client's port. */
  readonly environment: (clientPort: number, user: string) => NodeJS.ProcessEnv;
  readonly folder: string;
  readonly onOutput: (soFar: string) => void;
}

/** An SSH server that runs commands as sshd does: `sh -c`, and what goes on when a connection drops goes on. */
export class SshServer {
  private readonly listener: net.Server;
  private readonly sockets = new Set<net.Socket>();

  constructor(private readonly options: SshServerOptions) {
    const ssh = new Server({ hostKeys: [options.hostKey], ident: "OpenSSH_9.2p1" }, (client, info) => {
      this.serve(client, info.port);
    });
    // Small packets that wait for each other's acknowledgement would cost half a second per connection.
    this.listener = net.createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
      ssh.injectSocket(socket);
    });
  }

  /** Port 0 takes a free one. Resolves to the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.listener.once("error", reject);
      this.listener.listen(port, "127.0.0.1", () => {
        const address = this.listener.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** No connection is accepted any more, and those that stand drop at once. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.listener.close(resolve));
    this.disconnect();
    await closed;
  }

  /** Drop every connection, without a word. */
  disconnect(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(client: Connection, port: number): void {
    let user = "root";
    client.on("error", () => undefined);
    client.on("authentication", (context) => {
      user = context.username;
      if (context.method !== "publickey" || !this.isAuthorized(context.key.data)) {
        context.reject(["publickey"]);
        return;
      }
      if (context.signature === undefined || context.blob === undefined) {
        context.accept();
        return;
      }
      const key = parsed(this.options.authorizedKeys()).find((known) =>
        known.getPublicSSH().equals(context.key.data),
      );
      if (key?.verify(context.blob, context.signature, context.hashAlgo) === true) context.accept();
      else context.reject(["publickey"]);
    });
    client.on("ready", () => {
      this.options.onConnection();
      client.on("session", (accept) => {
        const session = accept();
        session.on("exec", (acceptExec, _reject, info) => {
          this.options.onCommand();
          this.run(acceptExec(), info.command, this.options.environment(port, user));
        });
      });
    });
  }

  private isAuthorized(data: Buffer): boolean {
    return parsed(this.options.authorizedKeys()).some((key) => key.getPublicSSH().equals(data));
  }

  private run(channel: ServerChannel, command: string, environment: NodeJS.ProcessEnv): void {
    const child = spawn("sh", ["-c", command], {
      cwd: this.options.folder,
      env: environment,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let said = "";
    const watch = (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-65536);
      this.options.onOutput(said);
    };
    channel.pipe(child.stdin);
    child.stdin.on("error", () => undefined);
    for (const [from, to] of [
      [child.stdout, channel],
      [child.stderr, channel.stderr],
    ] as const) {
      from.on("data", watch);
      from.pipe(to, { end: false });
      to.on("error", () => undefined);
    }
    channel.on("close", () => {
      leave(child);
    });
    child.on("error", () => channel.close());
    child.on("close", (code, signal) => {
      if (code === null) channel.exit(signal ?? "KILL");
      else channel.exit(code);
      channel.end();
    });
  }
}

/** What writes to a lost connection gets SIGPIPE; what does not goes on. */
function leave(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function parsed(lines: readonly string[]): ParsedKey[] {
  return lines.flatMap((line) => {
    const key = utils.parseKey(line);
    return key instanceof Error ? [] : [key];
  });
}
