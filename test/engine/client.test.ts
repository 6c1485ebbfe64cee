import { EngineError } from "../../lib/engine/errors";
import { startEmbeddedEngine } from "../../lib/embedded";
import { EngineRig } from "./rig";

let rig: EngineRig;
beforeAll(async () => (rig = await EngineRig.start()));
afterAll(() => rig.close());
afterEach(() => rig.server.setFaults([]));

async function refusal(work: Promise<unknown>): Promise<EngineError> {
  const error: unknown = await work.then(
    () => new Error("It should have been refused."),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EngineError);
  return error as EngineError;
}

describe("who answers", () => {
  test("a CA, a fingerprint with or without colons: the engine's own are trusted", async () => {
    const { fingerprint } = rig.server;
    for (const trust of [
      {},
      { ca: undefined, fingerprint },
      { ca: undefined, fingerprint: fingerprint.replace(/:/g, "").toLowerCase() },
    ])
      expect(await rig.client(trust).get([])).toHaveProperty("product_info");
  });

  test("another CA, no CA and another fingerprint are refused before a password is sent", async () => {
    const other = await startEmbeddedEngine();
    const before = rig.server.requests(true).length;
    try {
      for (const trust of [
        { ca: other.ca },
        { ca: undefined },
        { ca: undefined, fingerprint: other.fingerprint },
      ]) {
        const error = await refusal(rig.client(trust).get([]));
        expect(error.kind).toBe("untrusted");
        expect(error.message).toContain(`The certificate of engine lab (${rig.server.url}/ovirt-engine)`);
        expect(error.message).toContain("caFile");
      }
      const pinned = await refusal(rig.client({ ca: undefined, fingerprint: other.fingerprint }).get([]));
      expect(pinned.detail).toContain(rig.server.fingerprint);
    } finally {
      await other.stop();
    }
    expect(rig.server.requests(true)).toHaveLength(before);
  });

  test("nobody at the address", async () => {
    const gone = await startEmbeddedEngine();
    await gone.stop();
    const error = await refusal(rig.client({ url: gone.url }, { retries: 0 }).get([]));
    expect(error).toMatchObject({ kind: "unreachable" });
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("another server than an engine", async () => {
    rig.server.setFaults([
      { request: /sso\/oauth/, effect: { kind: "answer", status: 404, body: "<html>nginx</html>" } },
    ]);
    expect(await refusal(rig.client().get([]))).toMatchObject({ kind: "not-an-engine" });
    rig.server.setFaults([
      { request: /\/api/, effect: { kind: "answer", status: 200, body: "<html>portal</html>" } },
    ]);
    expect(await refusal(rig.client().get([]))).toMatchObject({ kind: "not-an-engine" });
  });
});

describe("the login", () => {
  test("a wrong password is refused in the engine's words, and never shown", async () => {
    const error = await refusal(rig.client({ password: "hunter2&grant_type=x" }).get([]));
    expect(error.kind).toBe("refused-login");
    expect(error.message).toContain("admin@internal: The user name or password is incorrect");
    expect(error.message).not.toContain("hunter2");
  });

  test("a token that expired is asked for again, for a change too", async () => {
    const client = rig.client();
    const { id } = rig.server.vm("floating");
    await client.get(["vms", id]);
    rig.server.expireTokens();
    await client.send("PUT", ["vms", id], { placement_policy: { affinity: "user_migratable" } });
    expect(rig.server.vm("floating").affinity).toBe("user_migratable");
  });

  test("a given token is used, and once it expired that is said", async () => {
    const client = rig.client({ user: undefined, password: undefined, token: rig.server.token() });
    await client.get([]);
    rig.server.expireTokens();
    const error = await refusal(client.get([]));
    expect(error).toMatchObject({ kind: "refused-login" });
    expect(error.detail).toMatch(/does not take the token: .*expired/);
  });

  test("the session ends with the client, a given token lives on", async () => {
    const given = rig.client({ user: undefined, password: undefined, token: rig.server.token() });
    await given.get([]);
    const before = rig.server.sessions();
    const client = rig.client();
    await client.get([]);
    expect(rig.server.sessions()).toBe(before + 1);
    await client.close();
    await given.close();
    expect(rig.server.sessions()).toBe(before);
  });
});

describe("requests", () => {
  test("a read is repeated after a cut and a 503, a change is not", async () => {
    const client = rig.client();
    await client.get([]);
    const cut = { kind: "cut", when: "before" } as const;
    rig.server.setFaults([
      { request: /GET .*\/vms$/, effect: cut, times: 1 },
      { request: /GET .*\/vms$/, effect: { kind: "answer", status: 503, body: "" }, times: 1 },
      { request: /POST/, effect: cut },
    ]);
    expect(await client.get(["vms"])).toHaveProperty("vm");
    const count = () => rig.server.requests().filter((line) => line.startsWith("POST")).length;
    const before = count();
    const error = await refusal(client.send("POST", ["hosts", rig.server.host("kvm1").id, "deactivate"], {}));
    expect(error).toMatchObject({ kind: "lost" });
    expect(count()).toBe(before);
  });

  test("an engine that does not answer is not waited for", async () => {
    rig.server.setFaults([{ request: /\/api/, effect: { kind: "silence" } }]);
    const error = await refusal(rig.client({ timeout: 0.2 }, { retries: 0 }).get([]));
    expect(error.message).toContain("no answer within 0.2 s");
  });

  test("a stop ends the wait", async () => {
    rig.server.setFaults([{ request: /\/api/, effect: { kind: "silence" } }]);
    const controller = new AbortController();
    const work = refusal(rig.client().get([], {}, controller.signal));
    controller.abort();
    expect(await work).toMatchObject({ kind: "aborted" });
  });

  test("the engine's refusals come in its own words, by themselves or inside an action", async () => {
    const client = rig.client();
    const { id } = rig.server.vm("floating");
    const attach = await refusal(
      client.send("POST", ["vms", id, "hostdevices"], { name: "pci_0000_04_00_0" }),
    );
    expect(attach).toMatchObject({ kind: "refused", status: 409 });
    expect(attach.detail).toContain("Operation Failed: [Cannot add Host Devices. The VM is not pinned");
    const stop = await refusal(client.send("POST", ["vms", id, "shutdown"], {}));
    expect(stop.detail).toContain("[Cannot shut down VM. VM is not running.]");
    const missing = await refusal(client.get(["vms", "00000000-0000-0000-0000-000000000000"]));
    expect(missing).toMatchObject({ kind: "not-found" });
  });

  test.each(["../hosts", "a/b", "a?max=1", "a#b", "ä b", "%2e%2e", "a;b=c"])(
    "the segment %j stays one segment",
    async (segment) => {
      await refusal(rig.client().get(["vms", segment]));
      const seen = rig.server.requests(true).at(-1) ?? "";
      expect(seen.split("/")).toHaveLength(3);
      expect(decodeURIComponent(seen.split("/")[2] ?? "")).toBe(segment);
    },
  );

  test.each(["", ".", ".."])("the segment %j is refused", async (segment) => {
    await expect(rig.client().get(["vms", segment])).rejects.toThrow("cannot be part of an address");
  });
});
