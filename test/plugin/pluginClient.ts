/** Starts a provider as Terraform would and talks to it, also as Terraform never would. */
import { spawn, type ChildProcess } from "node:child_process";
import {
  credentials,
  makeGenericClientConstructor,
  type ChannelCredentials,
  type Client,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import type { Certificate } from "../../lib/plugin/certificate";
import { controllerService, providerService, type Methods } from "../../lib/plugin/protocol";

export const COOKIE = {
  TF_PLUGIN_MAGIC_COOKIE: "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
};

export interface PluginStart {
  readonly child: ChildProcess;
  readonly port: number;
  /** PEM; undefined: no TLS. */
  readonly serverCertificate: string | undefined;
  readonly stderr: () => string;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

const running = new Set<ChildProcess>();

/** Leaves nothing behind, also where a test has failed half way. */
export function killPlugins(): void {
  for (const child of running) child.kill("SIGKILL");
}

export async function startPlugin(command: string, env: NodeJS.ProcessEnv): Promise<PluginStart> {
  const child = spawn(command, {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  const ended = new Promise<number | string | null>((resolve) =>
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve(code ?? signal);
    }),
  );
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (chunk) => resolve(String(chunk).trim()));
    child.on("close", () => reject(new Error(`no handshake: ${stderr}`)));
  });
  const [, , , address = "", , certificate = ""] = line.split("|");
  return {
    child,
    port: Number(address.split(":")[1]),
    serverCertificate: certificate === "" ? undefined : pem(certificate),
    stderr: () => stderr,
    ended,
  };
}

export class PluginClient {
  readonly #clients: Client[] = [];

  constructor(
    private readonly plugin: PluginStart,
    private readonly identity?: Certificate,
  ) {}

  /** Fails as gRPC fails: with a `code` and `details`. */
  call<M extends keyof Methods>(
    method: M,
    request: Partial<Methods[M]["request"]>,
  ): Promise<Required<Methods[M]["response"]>> {
    return this.#call(providerService, method, request);
  }

  shutdown(): Promise<object> {
    return this.#call(controllerService, "Shutdown", {});
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  #call<Response>(service: ServiceDefinition, method: string, request: object): Promise<Response> {
    const client = this.#client(service);
    const { path, requestSerialize, responseDeserialize } = service[method]!;
    return new Promise((resolve, reject) =>
      client.makeUnaryRequest(
        path,
        requestSerialize as (request: object) => Buffer,
        responseDeserialize as (bytes: Buffer) => Response,
        request,
        { deadline: Date.now() + 20_000 },
        (error, response) => (error === null ? resolve(response!) : reject(error)),
      ),
    );
  }

  #client(service: ServiceDefinition): Client {
    const Constructor = makeGenericClientConstructor(service, "Plugin");
    const client = new Constructor(`127.0.0.1:${this.plugin.port}`, this.#credentials(), {
      "grpc.ssl_target_name_override": "localhost",
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
    });
    this.#clients.push(client);
    return client;
  }

  #credentials(): ChannelCredentials {
    const { serverCertificate } = this.plugin;
    if (serverCertificate === undefined) return credentials.createInsecure();
    return credentials.createSsl(
      Buffer.from(serverCertificate),
      this.identity && Buffer.from(this.identity.privateKey),
      this.identity && Buffer.from(this.identity.certificate),
    );
  }
}

function pem(unpadded: string): string {
  const base64 = Buffer.from(unpadded, "base64").toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join("\n")}\n-----END CERTIFICATE-----\n`;
}
