/** A state server with locks, as Terraform's HTTP backend asks for one with GitLab's methods. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Lock = Readonly<Record<string, string>>;

export class StateServer {
  /** null for none, as at first. */
  state: string | null = null;
  /** What its holder told of itself; null where nobody has it. */
  lock: Lock | null = null;
  readonly password = "correct-horse-battery";

  private constructor(private readonly server: Server) {}

  static async start(): Promise<StateServer> {
    const server = createServer();
    const started = new StateServer(server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void started.answer(request).then(([status, body]) => response.writeHead(status).end(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return started;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/state/cluster`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage): Promise<[status: number, body: string]> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const expected = `Basic ${Buffer.from(`terraform:${this.password}`).toString("base64")}`;
    if (request.headers.authorization !== expected) return [401, ""];
    const { pathname, searchParams } = new URL(request.url ?? "", this.address);
    const answer = this.answers[`${request.method ?? ""} ${pathname}`];
    return answer === undefined ? [404, ""] : answer(body, searchParams.get("ID"));
  }

  private readonly answers: Readonly<
    Record<string, (body: string, lockId: string | null) => [status: number, body: string]>
  > = {
    "GET /state/cluster": () => (this.state === null ? [204, ""] : [200, this.state]),
    "POST /state/cluster": (body, lockId) => {
      // Who writes must have the lock.
      if (lockId !== this.lock?.["ID"]) return [423, JSON.stringify(this.lock ?? {})];
      this.state = body;
      return [200, ""];
    },
    "POST /state/cluster/lock": (body) => {
      if (this.lock !== null) return [423, JSON.stringify(this.lock)];
      this.lock = JSON.parse(body) as Lock;
      return [200, ""];
    },
    "DELETE /state/cluster/lock": (body) => {
      // `force-unlock` tells nothing but the id.
      const { ID: id } = (body === "" ? {} : JSON.parse(body)) as Lock;
      if (this.lock === null || (id !== undefined && id !== this.lock["ID"]))
        return [409, JSON.stringify(this.lock ?? {})];
      this.lock = null;
      return [200, ""];
    },
  };
}
