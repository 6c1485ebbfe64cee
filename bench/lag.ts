import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { EmbeddedHost } from "../lib/embedded";

/** The host at the other end of a line: every byte arrives half a round trip later. */
export async function lagging(host: EmbeddedHost, roundTrip: number): Promise<EmbeddedHost> {
  const server = createServer((client) => {
    const target = connect(host.port, host.host);
    pass(client, target, roundTrip / 2);
    pass(target, client, roundTrip / 2);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return Object.create(host, { port: { value: port } }) as EmbeddedHost;
}

function pass(from: Socket, to: Socket, delay: number): void {
  from.setNoDelay(true);
  from.on("error", () => to.destroy());
  from.on("data", (bytes) => void setTimeout(() => to.writable && to.write(bytes), delay));
  from.on("close", () => void setTimeout(() => to.end(), delay));
}
