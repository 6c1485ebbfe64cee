/** The provider as a process: Terraform's child, from the handshake to the shutdown. */
import { Console } from "node:console";
import { Server, ServerCredentials, status, type handleUnaryCall } from "@grpc/grpc-js";
import { createCertificate, type Certificate } from "./certificate";
import { handshakeLine, HandshakeError, readHandshake, type Handshake } from "./handshake";
import { log, logError } from "./log";
import { controllerService, providerService, type Handlers } from "./protocol";
import { ProviderServer } from "./server";
import type { Provider } from "./types";

/** As much as Terraform itself takes. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
/** Terraform kills a provider that has not ended 2 s after it was asked to. */
const SHUTDOWN_LIMIT_MS = 1_500;
const ORPHAN_CHECK_MS = 1_000;

/**
 * Serves `provider` to the Terraform that started this process, and ends the process when Terraform is done.
 * The program calls it once and writes nothing to stdout. Started by hand, it says so on stderr and exits with 1.
 */
export async function serve<Configured>(provider: Provider<Configured>): Promise<void> {
  const parent = process.ppid;
  try {
    const handshake = readHandshake(process.env, provider.schema.typeName);
    await new PluginProcess(provider, parent).run(handshake);
  } catch (error) {
    process.stderr.write(`${error instanceof HandshakeError ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

class PluginProcess<Configured> {
  readonly #provider: ProviderServer<Configured>;
  readonly #grpc = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  });
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  #ending: Promise<never> | undefined;

  constructor(
    provider: Provider<Configured>,
    private readonly parent: number,
  ) {
    this.#provider = new ProviderServer(provider);
  }

  async run(handshake: Handshake): Promise<void> {
    this.#surviveStrayErrors();
    this.#heedSignals();
    this.#grpc.addService(providerService, this.#implementation(this.#provider.handlers));
    this.#grpc.addService(controllerService, { Shutdown: this.#shutdown });
    const certificate = handshake.clientCertificate === undefined ? undefined : await createCertificate();
    const port = await listen(this.#grpc, handshake, certificate);
    process.stdout.write(`${handshakeLine(port, certificate?.handshake ?? "")}\n`);
  }

  #implementation(handlers: Handlers): Record<string, handleUnaryCall<object, object>> {
    return Object.fromEntries(
      Object.entries<(request: never) => Promise<object>>(handlers).map(([method, handler]) => [
        method,
        (call, respond) => {
          this.#underWay++;
          handler(call.request as never)
            .then(
              (response) => respond(null, response),
              (error: unknown) => {
                logError(method, error);
                respond({
                  code: status.INTERNAL,
                  details: error instanceof Error ? error.message : String(error),
                });
              },
            )
            .finally(() => {
              this.#underWay--;
              if (this.#underWay === 0) this.#onIdle?.();
            });
        },
      ]),
    );
  }

  readonly #shutdown: handleUnaryCall<object, object> = (_call, respond) => {
    respond(null, {});
    this.#provider.stop();
    void this.#end();
  };

  /** What Terraform no longer asks for: what is under way may reach its next safe point, however long it takes. */
  #terminate = (reason: string): void => {
    if (this.#onIdle !== undefined) return;
    log("info", `${reason}: stopping`);
    this.#provider.stop();
    this.#onIdle = () => void this.#end();
    if (this.#underWay === 0) this.#onIdle();
  };

  #end(): Promise<never> {
    return (this.#ending ??= this.#closeAndExit());
  }

  async #closeAndExit(): Promise<never> {
    const closed = Promise.all([
      new Promise<void>((resolve) => this.#grpc.tryShutdown(() => resolve())),
      this.#provider.close().catch((error: unknown) => logError("close", error)),
    ]);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, SHUTDOWN_LIMIT_MS))]);
    process.exit(0);
  }

  #heedSignals(): void {
    // Ctrl-C reaches the whole process group; Terraform itself tells us to stop.
    process.on("SIGINT", () => undefined);
    process.on("SIGTERM", () => this.#terminate("SIGTERM"));
    process.on("SIGHUP", () => this.#terminate("SIGHUP"));
    const check = setInterval(() => {
      if (process.ppid !== this.parent) this.#terminate("Terraform is gone");
    }, ORPHAN_CHECK_MS);
    check.unref();
  }

  /** An error outside of any call must not take down the calls that are changing something. */
  #surviveStrayErrors(): void {
    // Stdout belongs to the handshake.
    globalThis.console = new Console(process.stderr, process.stderr);
    process.stdout.on("error", () => this.#terminate("Terraform reads no more"));
    process.stderr.on("error", () => undefined);
    // Rejections that nobody handles end here too.
    process.on("uncaughtException", (error) => logError("outside of any call", error));
  }
}

/** Returns the port: a free one in the range, tried from a random start so that providers do not queue up. */
async function listen(
  server: Server,
  handshake: Handshake,
  certificate: Certificate | undefined,
): Promise<number> {
  const { min, max } = handshake.ports;
  const count = max - min + 1;
  const start = Math.floor(Math.random() * count);
  const credentials = serverCredentials(handshake, certificate);
  let failure: unknown;
  for (let tried = 0; tried < count; tried++) {
    try {
      return await bind(server, min + ((start + tried) % count), credentials);
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`no free port from ${min} to ${max} on 127.0.0.1: ${String(failure)}`);
}

function bind(server: Server, port: number, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
}

/** The client's certificate is the only root: no other client gets in. */
function serverCredentials(
  { clientCertificate }: Handshake,
  own: Certificate | undefined,
): ServerCredentials {
  if (clientCertificate === undefined || own === undefined) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(
    Buffer.from(clientCertificate),
    [{ private_key: Buffer.from(own.privateKey), cert_chain: Buffer.from(own.certificate) }],
    true,
  );
}
