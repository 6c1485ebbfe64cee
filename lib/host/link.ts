import type { Duplex } from "node:stream";
import type { Client } from "ssh2";

/** What carries an SSH connection: a TCP socket, or a channel through a jump host. */
export interface Transport {
  readonly stream: Duplex;
  /** Whether the process stays alive for it. */
  keepProcess(alive: boolean): void;
  /** Give up what lies below the stream. */
  close(): Promise<void>;
}

/** How long an orderly goodbye may take before the stream is just dropped, in ms. */
const GOODBYE = 1000;

/** One SSH connection, logged in. */
export class Link {
  /** Resolves, when the connection has ended, to why. */
  readonly whenEnded: Promise<string>;
  private tellEnd: (words: string) => void = () => undefined;
  private words = "the host closed it";
  private reasonOfEnd: string | undefined;

  constructor(
    readonly client: Client,
    private readonly transport: Transport,
  ) {
    this.whenEnded = new Promise((resolve) => (this.tellEnd = resolve));
    client.on("error", (error) => (this.words = error.message)).once("close", () => this.end(this.words));
  }

  /** Why the connection ended, once it has. */
  get ended(): string | undefined {
    return this.reasonOfEnd;
  }

  keepProcess(alive: boolean): void {
    this.transport.keepProcess(alive);
  }

  /** Take the connection for lost, without a goodbye nobody would answer. */
  abandon(words: string): void {
    this.transport.stream.destroy();
    this.end(words);
  }

  async close(): Promise<void> {
    if (this.reasonOfEnd !== undefined) return;
    this.words = "it was closed here";
    const impatience = setTimeout(() => this.abandon(this.words), GOODBYE);
    this.client.end();
    await this.whenEnded;
    clearTimeout(impatience);
    await this.transport.close();
  }

  private end(words: string): void {
    if (this.reasonOfEnd !== undefined) return;
    this.reasonOfEnd = words;
    this.tellEnd(words);
    void this.transport.close();
  }
}
