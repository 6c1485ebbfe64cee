import { createServer, type Server } from "node:net";
import { AgentProtocol, utils, type ParsedKey } from "ssh2";

/** An SSH agent on a Unix socket that holds the given private keys. */
export class SshAgent {
  signatures = 0;
  private constructor(private readonly server: Server) {}

  static async start(socketPath: string, privateKeys: readonly string[]): Promise<SshAgent> {
    const keys = privateKeys.map((text): ParsedKey => {
      const key = utils.parseKey(text);
      if (key instanceof Error) throw key;
      return key;
    });
    const server = createServer((socket) => {
      const protocol = new AgentProtocol(false);
      socket.on("error", () => undefined);
      protocol
        .on("identities", (request) => protocol.getIdentitiesReply(request, keys))
        .on("sign", (request, wanted, data, { hash }) => {
          const key = keys.find((one) => one.getPublicSSH().equals((wanted as ParsedKey).getPublicSSH()));
          if (key === undefined) return protocol.failureReply(request);
          agent.signatures += 1;
          return protocol.signReply(request, key.sign(data, hash));
        });
      socket.pipe(protocol).pipe(socket);
    });
    const agent = new SshAgent(server);
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    return agent;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
