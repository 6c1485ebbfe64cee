/** The provider's process, met by a client of our own: what Terraform does, and what it never would. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { decode, encode, ExtData } from "@msgpack/msgpack";
import { createCertificate, type Certificate } from "../../lib/plugin/certificate";
import { placeProvider } from "../support/mirror";
import { waitFor } from "../support/waitFor";
import { COOKIE, killPlugins, PluginClient, startPlugin, type PluginStart } from "./pluginClient";

jest.setTimeout(60_000);

let directory: string;
let command: string;
let identity: Certificate;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "plugin-"));
  command = placeProvider(directory, {
    entry: join(__dirname, "toyProvider.ts"),
    source: "toys.example/test/toy",
    version: "1.2.3",
  });
  identity = await createCertificate();
  env = { ...COOKIE, PLUGIN_CLIENT_CERT: identity.certificate, TOY_DIRECTORY: directory };
});
afterAll(() => {
  killPlugins();
  rmSync(directory, { recursive: true, force: true });
});

const msgpack = (value: unknown) => ({ msgpack: encode(value) });
const json = (value: unknown) => ({ json: Buffer.from(JSON.stringify(value)) });
const NO_PROVIDER_CONFIG = { terraformVersion: "1.11.4", config: msgpack({}) };

describe("given a running provider", () => {
  let plugin: PluginStart;
  let client: PluginClient;

  beforeAll(async () => {
    plugin = await startPlugin(command, env);
    client = new PluginClient(plugin, identity);
    await client.call("ConfigureProvider", NO_PROVIDER_CONFIG);
    writeFileSync(join(directory, "id-a"), JSON.stringify({ id: "id-a", name: "a", size: 1 }));
  });
  afterEach(async () => {
    const { state } = await client.call("ReadDataSource", {
      typeName: "toy_shout",
      config: msgpack({ text: "still here" }),
    });
    expect(decode(state!.msgpack!)).toEqual({ text: "still here", loud: "STILL HERE" });
  });
  afterAll(async () => {
    client.close();
    plugin.child.kill("SIGKILL");
    await plugin.ended;
  });

  test("when the client shows no certificate, then it does not get in", async () => {
    const stranger = new PluginClient(plugin);
    await expect(stranger.call("GetProviderSchema", {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    stranger.close();
  });

  test("when the client shows another certificate, then it does not get in", async () => {
    const stranger = new PluginClient(plugin, await createCertificate());
    await expect(stranger.call("GetProviderSchema", {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    stranger.close();
  });

  test("when the client speaks without TLS, then it does not get in", async () => {
    const stranger = new PluginClient({ ...plugin, serverCertificate: undefined });
    await expect(stranger.call("GetProviderSchema", {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
    stranger.close();
  });

  test("when asked for the schema, then it holds every type and the destroy plan", async () => {
    const schema = await client.call("GetProviderSchema", {});
    expect(schema.serverCapabilities).toEqual({ planDestroy: true });
    expect(Object.keys(schema.resourceSchemas)).toEqual(["toy_thing"]);
    expect(Object.keys(schema.dataSourceSchemas)).toEqual(["toy_shout"]);
  });

  test.each([
    ["that ends too early", Buffer.from([0x82, 0xa4]), "malformed msgpack"],
    ["with a byte too many", Buffer.from([0xc0, 0xc0]), "malformed msgpack"],
    [
      "with an array of four thousand million",
      Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
      "malformed msgpack",
    ],
    [
      "with a string of four thousand million",
      Buffer.from([0xdb, 0xff, 0xff, 0xff, 0xff]),
      "malformed msgpack",
    ],
    ["nested without end", Buffer.alloc(1_000_000, 0x91), "malformed msgpack"],
    ["that is a number", encode(5), "expected an object, got the number 5"],
    ["with a byte string", encode({ name: new Uint8Array(3) }), "name: expected a string, got bytes"],
    ["with a foreign attribute", encode({ nmae: "a" }), "nmae: there is no such attribute"],
    [
      "with a wrong element",
      encode({ slots: { x: { pcie: "yes" } } }),
      "slots.x.pcie: expected true or false",
    ],
    ["with __proto__ as a key", encode(JSON.parse('{"__proto__": {}}')), "malformed msgpack"],
  ])("when it gets msgpack %s, then it says what is wrong", async (_title, bytes, message) => {
    const { diagnostics } = await client.call("ValidateResourceConfig", {
      typeName: "toy_thing",
      config: { msgpack: bytes },
    });
    expect(diagnostics).toMatchObject([{ severity: 1, summary: expect.stringContaining(message) }]);
  });

  test("when a value does not fit, then the error points at its attribute", async () => {
    const { diagnostics } = await client.call("ValidateResourceConfig", {
      typeName: "toy_thing",
      config: msgpack({ slots: { "the one": { device: 5 } } }),
    });
    expect(diagnostics).toMatchObject([
      {
        summary: 'slots["the one"].device: expected a string, got the number 5',
        attribute: { steps: [{ attributeName: "slots" }, { elementKeyString: "the one" }] },
      },
    ]);
  });

  test("when the type is unknown, then every method says so", async () => {
    const unknown = { typeName: "toy_train", config: msgpack({}) };
    const message = { summary: "This version of the provider does not know toy_train" };
    for (const method of ["ValidateResourceConfig", "ReadDataSource", "PlanResourceChange"] as const)
      expect(await client.call(method, unknown)).toMatchObject({ diagnostics: [message] });
    const read = await client.call("ReadResource", { ...unknown, private: Buffer.from("{}") });
    expect(read).toMatchObject({ diagnostics: [message], private: Buffer.from("{}") });
  });

  test("when a method is unknown, then gRPC says so", async () => {
    expect(await rawCall("Nonsense", Buffer.alloc(5))).toBe(status.UNIMPLEMENTED);
  });

  test("when a message says that it is larger than 256 MiB, then it is refused before it comes", async () => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(256 * 1024 * 1024 + 1, 1);
    expect(await rawCall("ReadResource", header, { end: false })).toBe(status.RESOURCE_EXHAUSTED);
  });

  test("when the request is no protobuf, then gRPC says so", async () => {
    expect(await rawCall("ReadResource", Buffer.from([0, 0, 0, 0, 1, 0x0f]))).toBe(status.INTERNAL);
  });

  test("when the private state is 8 MiB, then it comes back whole", async () => {
    const text = "x".repeat(8 * 1024 * 1024);
    const { private: bytes, diagnostics } = await client.call("ReadResource", {
      typeName: "toy_thing",
      currentState: msgpack({ id: "id-a", name: "a" }),
      private: Buffer.from(JSON.stringify({ text })),
    });
    expect(diagnostics).toEqual([]);
    expect(JSON.parse(String(bytes))).toEqual({ text, reads: 1 });
  });

  test.each([
    ["is cut off", '{"made": "by the to'],
    ["is not an object", "[1, 2]"],
    ["is binary", "\x00\xff\xfe"],
  ])(
    "when the private state %s, then the error does not quote it and it comes back as it was",
    async (_title, text) => {
      const bytes = Buffer.from(text, "latin1");
      const response = await client.call("ReadResource", {
        typeName: "toy_thing",
        currentState: msgpack({ id: "id-a", name: "a" }),
        private: bytes,
      });
      expect(response.diagnostics).toMatchObject([
        { summary: expect.stringMatching(/^the private state is not/) },
      ]);
      expect(JSON.stringify(response.diagnostics)).not.toContain("by the to");
      expect(response.private).toEqual(bytes);
      expect(decode(response.newState!.msgpack!)).toEqual({ id: "id-a", name: "a" });
    },
  );

  test.each([
    ["JSON", json({ name: "a", size: 12.5 })],
    ["numbers as strings", msgpack({ name: "a", size: "12.5" })],
    ["floats", msgpack({ name: "a", size: 12.5 })],
  ])("when it gets %s, then the value is the same", async (_title, proposedNewState) => {
    const { plannedState, diagnostics } = await client.call("PlanResourceChange", {
      typeName: "toy_thing",
      priorState: msgpack(null),
      proposedNewState,
      config: proposedNewState,
    });
    expect(diagnostics).toEqual([]);
    expect(decode(plannedState!.msgpack!)).toEqual({
      id: new ExtData(0, new Uint8Array(1)),
      name: "a",
      size: "12.5",
      tags: null,
      secret: null,
      slots: null,
      behaviour: null,
    });
  });

  test.each([0, 12, 99, -1])("when it gets extension %i, then the value is unknown", async (type) => {
    const proposed = msgpack({ name: new ExtData(type, new Uint8Array([0x80])), size: 1 });
    const { plannedState } = await client.call("PlanResourceChange", {
      typeName: "toy_thing",
      priorState: msgpack(null),
      proposedNewState: proposed,
      config: proposed,
    });
    expect(decode(plannedState!.msgpack!)).toMatchObject({
      name: new ExtData(0, new Uint8Array(1)),
      size: 1,
    });
  });

  test("when errors happen outside of any call, then they are logged, and stdout stays the handshake's", async () => {
    let stdout = "";
    plugin.child.stdout?.on("data", (chunk) => (stdout += String(chunk)));
    const planned = msgpack({ name: "stray", behaviour: "stray error" });
    const { diagnostics } = await client.call("ApplyResourceChange", {
      typeName: "toy_thing",
      priorState: msgpack(null),
      plannedState: planned,
      config: planned,
    });
    expect(diagnostics).toEqual([]);
    await waitFor(() => plugin.stderr().includes("a line on stdout"));
    expect(plugin.stderr()).toContain("nobody waits for this one");
    expect(plugin.stderr()).toContain("nor for this one");
    expect(stdout).toBe("");
  });

  test("when several calls come at once, then each gets its own answer", async () => {
    const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`);
    const answers = await Promise.all(
      texts.map((text) =>
        client.call("ReadDataSource", { typeName: "toy_shout", config: msgpack({ text }) }),
      ),
    );
    expect(answers.map(({ state }) => decode(state!.msgpack!))).toEqual(
      texts.map((text) => ({ text, loud: text.toUpperCase() })),
    );
  });

  /** Sends bytes as they are; returns the gRPC status. */
  async function rawCall(method: string, body: Buffer, { end } = { end: true }): Promise<number> {
    const session = connect(`https://127.0.0.1:${plugin.port}`, {
      ca: plugin.serverCertificate,
      key: identity.privateKey,
      cert: identity.certificate,
      servername: "localhost",
    });
    session.on("error", () => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": `/tfplugin6.Provider/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const answered = new Promise<number>((resolve, reject) => {
      const heed = (headers: Record<string, unknown>) => {
        if (headers["grpc-status"] !== undefined) resolve(Number(headers["grpc-status"]));
      };
      stream.on("response", heed);
      stream.on("trailers", heed);
      stream.on("error", reject);
    });
    stream.write(body);
    if (end) stream.end();
    stream.resume();
    const code = await answered;
    session.destroy();
    return code;
  }
});

describe("given a start", () => {
  const run = (environment: NodeJS.ProcessEnv) =>
    spawnSync(command, { env: { PATH: process.env["PATH"], ...environment }, encoding: "utf8" });

  test.each([
    ["by hand", {}, /This is the Terraform provider "toy"/],
    ["with another cookie", { TF_PLUGIN_MAGIC_COOKIE: "biscuit" }, /This is the Terraform provider "toy"/],
    ["by a Terraform that is too old", { ...COOKIE, PLUGIN_PROTOCOL_VERSIONS: "4,5" }, /update Terraform/],
    ["without a client certificate", COOKIE, /TF_DISABLE_PLUGIN_TLS=1/],
    ["with a broken client certificate", { ...COOKIE, PLUGIN_CLIENT_CERT: "garbage" }, /PLUGIN_CLIENT_CERT/],
    ["with no port to listen on", { PLUGIN_MIN_PORT: "70000" }, /no range of ports/],
  ])("%s, then it exits with 1, says why, and prints no handshake", async (title, environment, message) => {
    const base = title === "with no port to listen on" ? env : {};
    const { status: code, stdout, stderr } = run({ ...base, ...environment });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test("with TLS switched off, then it serves without, on loopback only", async () => {
    const plugin = await startPlugin(command, { ...COOKIE, TF_DISABLE_PLUGIN_TLS: "1" });
    const client = new PluginClient(plugin);
    expect(plugin.serverCertificate).toBeUndefined();
    expect(await client.call("GetProviderSchema", {})).toMatchObject({
      serverCapabilities: { planDestroy: true },
    });
    const listening = execFileSync("cat", ["/proc/net/tcp", "/proc/net/tcp6"], { encoding: "utf8" })
      .split("\n")
      .map((line) => line.trim().split(/\s+/)[1] ?? "")
      .filter((address) => address.endsWith(`:${plugin.port.toString(16).toUpperCase().padStart(4, "0")}`));
    expect(new Set(listening.map((address) => address.split(":")[0]))).toEqual(new Set(["0100007F"]));
    client.close();
    plugin.child.kill("SIGKILL");
    await plugin.ended;
  });

  describe("with ports of which one is taken", () => {
    const taken = createServer();
    let port: number;
    beforeAll(async () => {
      await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
      port = (taken.address() as AddressInfo).port;
    });
    afterAll(() => taken.close());

    test("then it takes another one", async () => {
      const range = { PLUGIN_MIN_PORT: String(port), PLUGIN_MAX_PORT: String(port + 8) };
      const plugin = await startPlugin(command, { ...env, ...range });
      expect(plugin.port).toBeGreaterThan(port);
      expect(plugin.port).toBeLessThanOrEqual(port + 8);
      plugin.child.kill("SIGKILL");
      await plugin.ended;
    });

    test("and no other, then it exits with 1 and says so", () => {
      const { status: code, stderr } = run({ ...env, PLUGIN_MIN_PORT: String(port) });
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("no free port") });
    });
  });
});

describe("given an apply under way", () => {
  const waiting = () => join(directory, "waiting");
  let plugin: PluginStart;
  let client: PluginClient;
  let answer: ReturnType<typeof apply>;
  const apply = () =>
    client.call("ApplyResourceChange", {
      typeName: "toy_thing",
      priorState: msgpack(null),
      plannedState: msgpack({ name: "w", behaviour: "wait to be stopped" }),
      config: msgpack({ name: "w", behaviour: "wait to be stopped" }),
    });

  beforeEach(async () => {
    rmSync(waiting(), { force: true });
    rmSync(join(directory, "closed"), { force: true });
    plugin = await startPlugin(command, env);
    client = new PluginClient(plugin, identity);
    await client.call("ConfigureProvider", NO_PROVIDER_CONFIG);
    answer = apply();
    await waitFor(() => existsSync(waiting()));
  });
  afterEach(async () => {
    client.close();
    plugin.child.kill("SIGKILL");
    await plugin.ended;
  });

  const isStopped = async () => {
    const { newState, diagnostics } = await answer;
    expect(diagnostics).toMatchObject([{ summary: "Stopped as asked" }]);
    expect(decode(newState!.msgpack!)).toMatchObject({ id: "id-w" });
  };

  test("when StopProvider is called, then it is answered and the apply ends with what stands", async () => {
    expect(await client.call("StopProvider", {})).toEqual({ Error: "" });
    await isStopped();
  });

  test("when SIGINT comes, then nothing happens", async () => {
    plugin.child.kill("SIGINT");
    expect(await client.call("GetProviderSchema", {})).toMatchObject({ diagnostics: [] });
    const first = await Promise.race([
      answer,
      new Promise((resolve) => setImmediate(resolve, "still under way")),
    ]);
    expect(first).toBe("still under way");
  });

  test("when SIGTERM comes, then the apply ends with what stands, and the process closes and goes", async () => {
    plugin.child.kill("SIGTERM");
    await isStopped();
    expect(await plugin.ended).toBe(0);
    expect(existsSync(join(directory, "closed"))).toBe(true);
  });

  test("when Shutdown is called, then it is answered and the process closes and goes", async () => {
    expect(await client.shutdown()).toEqual({});
    expect(await plugin.ended).toBe(0);
    expect(existsSync(join(directory, "closed"))).toBe(true);
  });
});

test("given a provider whose parent was killed, then it ends by itself", async () => {
  rmSync(join(directory, "closed"), { force: true });
  const pidFile = join(directory, "pid");
  const script = `"$1" & echo $! > "$2"; wait`;
  const parent = spawn("sh", ["-c", script, "sh", command, pidFile], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await new Promise((resolve) => parent.stdout.once("data", resolve));
  const pid = Number(readFileSync(pidFile, "utf8"));
  expect(isAlive(pid)).toBe(true);

  parent.kill("SIGKILL");

  try {
    await waitFor(() => !isAlive(pid), 20_000);
  } finally {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  }
});

/** A zombie that nobody reaps is as good as gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
