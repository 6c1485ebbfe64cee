/** How a provider reaches the engines of its block, against embedded engines and without Terraform. */
import { startEmbeddedEngine, type EmbeddedEngine } from "../../lib/embedded";
import { UNKNOWN } from "../../lib/plugin/types";
import { Engines, type EnginesConfig } from "../../lib/provider/engines";
import type { Whereabouts } from "../../lib/provider/place";
import type { EngineSettings } from "../../lib/schema";

const signal = new AbortController().signal;
const workstation: Whereabouts = { host: "lab", vm_id: "workstation", pin_to: null, machine_id: null };

let engine: EmbeddedEngine;
beforeAll(async () => (engine = await startEmbeddedEngine()));
afterAll(() => engine.stop());

const opened: Engines[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((engines) => engines.close()));
});

function block(changes: Partial<EngineSettings> = {}): EngineSettings {
  const { url, user, password, ca } = engine;
  const unset = { token: null, ca_file: null, fingerprint: null, timeout: null, when_unreachable: null };
  return { ...{ url, user, password, ca }, ...unset, ...changes };
}

function provider(config: Partial<EnginesConfig> = {}): Engines {
  const engines = new Engines({
    engines: { lab: block() },
    whenUnreachable: null,
    offline: false,
    ...config,
  });
  opened.push(engines);
  return engines;
}

async function gone(): Promise<string> {
  const other = await startEmbeddedEngine();
  await other.stop();
  return other.url;
}

test("an engine that does not answer is an error, or what the state remembers where that is allowed", async () => {
  const url = await gone();
  const lab = block({ url, timeout: 5 });
  await expect(provider({ engines: { lab } }).look(workstation, null, signal)).rejects.toThrow(
    `Unable to reach engine lab (${url}/ovirt-engine)`,
  );
  const own = { ...lab, when_unreachable: "assume-state" };
  for (const config of [{ engines: { lab: own } }, { engines: { lab }, whenUnreachable: "assume-state" }]) {
    const sight = await provider(config).look(workstation, null, signal);
    expect(sight).toMatchObject({ kind: "assumed", notice: { summary: "lab was not reached" } });
  }
});

test("a login or a certificate that is refused is an error in any case", async () => {
  const whenUnreachable = "assume-state";
  const wrong = [block({ password: "wrong" }), block({ ca: null, fingerprint: "00".repeat(32) })];
  for (const lab of wrong)
    await expect(
      provider({ engines: { lab }, whenUnreachable }).look(workstation, null, signal),
    ).rejects.toThrow(/refused the login|is not trusted/);
});

test("offline, nothing is asked", async () => {
  const before = engine.requests(true).length;
  const sight = await provider({ offline: true }).look(workstation, null, signal);
  expect(sight).toMatchObject({ kind: "assumed", notice: { summary: "lab was not dialled" } });
  expect(engine.requests(true)).toHaveLength(before);
});

test("a connection that is only known after apply is not dialled", async () => {
  const blocks = [UNKNOWN, { lab: { ...block(), url: UNKNOWN } }] as const;
  for (const engines of blocks)
    expect(await provider({ engines }).look(workstation, null, signal)).toEqual({ kind: "unknown" });
});

test("what a VM keeps holds no secret, and is enough to give its devices back later", async () => {
  const seen = await provider().alone(workstation, null, signal, (sight) =>
    Promise.resolve({ kept: sight.keep(sight.facts), id: sight.identity("workstation", sight.facts) }),
  );
  expect(JSON.stringify(seen.kept)).not.toContain(engine.password);
  expect(seen.id).toMatch(new RegExp(`^[0-9a-f-]{36}/${engine.vm("workstation").id}$`));

  const without = provider({ engines: {} });
  await expect(without.look(workstation, null, signal)).rejects.toThrow("No connection for engine lab");
  const before = process.env["PASSTHROUGH_OVIRT_PASSWORD"];
  process.env["PASSTHROUGH_OVIRT_PASSWORD"] = engine.password;
  try {
    const sight = await without.look(workstation, seen.kept["connection"], signal);
    expect(sight.kind).toBe("seen");
  } finally {
    if (before === undefined) delete process.env["PASSTHROUGH_OVIRT_PASSWORD"];
    else process.env["PASSTHROUGH_OVIRT_PASSWORD"] = before;
  }
});

test("another engine at the address is refused, and a VM is known by its id whatever it is called", async () => {
  const sight = await provider().look(workstation, null, signal);
  if (sight.kind !== "seen") throw new Error(`The engine is ${sight.kind}.`);
  const { id } = engine.vm("workstation");
  const identity = sight.identity("workstation", sight.facts);
  expect(sight.known({ ...workstation, vm_id: "its-old-name", machine_id: identity })).toBe(id);
  expect(() => sight.known({ ...workstation, machine_id: `another/${id}` })).toThrow(
    "lab is another engine than the one this state knows",
  );
  expect(() => sight.known({ ...workstation, vm_id: "render", machine_id: identity })).toThrow(
    "render of engine lab is another VM than the one this state knows",
  );
});
