import { EngineClient, type ClientOptions } from "../../lib/engine/client";
import { Engine } from "../../lib/engine/engine";
import { resolveEngine } from "../../lib/engine/settings";
import type { EngineConnection } from "../../lib/engine/types";
import { startEmbeddedEngine, type EmbeddedEngine, type EngineWorld } from "../../lib/embedded";

/** An embedded engine and clients of it, closed together. */
export class EngineRig {
  private readonly clients: EngineClient[] = [];
  private constructor(readonly server: EmbeddedEngine) {}

  static async start(world?: EngineWorld): Promise<EngineRig> {
    return new EngineRig(await startEmbeddedEngine(world === undefined ? {} : { world }));
  }

  /** How it is reached, with a password. */
  get connection(): EngineConnection {
    const { url, user, password, ca } = this.server;
    return { url, user, password, ca };
  }

  client(changes: Partial<EngineConnection> = {}, options: ClientOptions = {}): EngineClient {
    const settings = resolveEngine("lab", { ...this.connection, ...changes }, {});
    const client = new EngineClient(settings, { retryDelay: 1, ...options });
    this.clients.push(client);
    return client;
  }

  engine(changes: Partial<EngineConnection> = {}): Engine {
    return new Engine(this.client(changes), { longestPause: 5 });
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await this.server.stop();
  }
}
