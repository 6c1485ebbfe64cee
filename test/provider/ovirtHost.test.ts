/** The engine's kernel command line of a host, against an embedded engine and without Terraform. */
import { startEmbeddedEngine, type EmbeddedEngine } from "../../lib/embedded";
import { UNKNOWN, type ApplyResult, type Values } from "../../lib/plugin/types";
import { Engines } from "../../lib/provider/engines";
import { Hosts } from "../../lib/provider/hosts";
import { ovirtHost } from "../../lib/provider/ovirtHost";
import { ovirtHostSchema } from "../../lib/schema";

let engine: EmbeddedEngine;
let hosts: Hosts;
beforeEach(async () => {
  engine = await startEmbeddedEngine();
  hosts = connect();
});
afterEach(async () => {
  await hosts.close();
  await engine.stop();
});

/** A run of Terraform. */
function connect(): Hosts {
  const { url, user, password, ca } = engine;
  const unset = { token: null, ca_file: null, fingerprint: null, timeout: null, when_unreachable: null };
  const policy = { whenUnreachable: null, offline: false };
  const engines = new Engines({ engines: { lab: { url, user, password, ca, ...unset } }, ...policy });
  return new Hosts({ hosts: {}, ...policy }, engines);
}

const signal = new AbortController().signal;
const empty = Object.fromEntries(Object.keys(ovirtHostSchema.attributes).map((name) => [name, null]));
const declare = (name: string, ...parameters: string[]): Values => ({
  ...empty,
  ...{ engine: "lab", name, kernel_parameters: parameters },
});

/** Plans and applies, as Terraform does. */
async function deploy(config: Values | null, before: ApplyResult | null) {
  const prior = before?.state ?? null;
  const kept = before?.private ?? {};
  // What is computed stays as it was, until the plan says otherwise.
  const proposed = config === null ? null : { ...config, ...(prior === null ? {} : computedOf(prior)) };
  const plan = await ovirtHost.plan({ prior, proposed, config, private: kept }, hosts, signal);
  const result = await ovirtHost.apply(
    { prior, planned: plan.planned, config, private: plan.private },
    hosts,
    signal,
  );
  return { plan, result };
}

function computedOf(state: Values): Values {
  const { id = null, parameters = null, owned = null, machine_id = null, assumed = null } = state;
  return { id, parameters, owned, machine_id, assumed };
}

test("the plan is exact, what others wrote stays, and a destroy takes out ours alone", async () => {
  const { plan, result } = await deploy(declare("kvm1", "iommu=pt"), null);
  expect(plan.planned).toMatchObject({
    id: "lab/kvm1",
    parameters: ["intel_iommu=on", "iommu=pt"],
    owned: UNKNOWN,
  });
  expect(plan.diagnostics?.map(({ summary }) => summary)).toEqual([
    "Engine lab does not know iommu=pt of kvm1",
  ]);
  expect(result.state).toMatchObject({ parameters: ["intel_iommu=on", "iommu=pt"], owned: ["iommu=pt"] });
  expect(engine.host("kvm1").custom).toBe("intel_iommu=on iommu=pt");

  engine.host("kvm1").custom = "nosmt intel_iommu=on iommu=pt";
  const gone = await deploy(null, result);
  expect(gone.result.state).toBeNull();
  expect(engine.host("kvm1").custom).toBe("nosmt intel_iommu=on");
});

test("what somebody takes out at the engine is drift, and comes back", async () => {
  const { result } = await deploy(declare("kvm1", "iommu=pt"), null);
  engine.host("kvm1").custom = "intel_iommu=on";
  await hosts.close();
  hosts = connect();

  const read = await ovirtHost.read({ state: result.state!, private: result.private }, hosts, signal);
  expect(read.state).toMatchObject({ parameters: ["intel_iommu=on"] });
  const again = await deploy(declare("kvm1", "iommu=pt"), { ...read, state: read.state });
  expect(again.plan.planned).toMatchObject({ parameters: ["intel_iommu=on", "iommu=pt"] });
  expect(engine.host("kvm1").custom).toBe("intel_iommu=on iommu=pt");
});

test("a host that the engine does not have is refused with those that it has", async () => {
  const config = declare("kvm9");
  const plan = await ovirtHost.plan({ prior: null, proposed: config, config, private: {} }, hosts, signal);
  expect(plan.diagnostics).toMatchObject([
    { severity: "error", summary: "There is no host kvm9 at engine lab" },
  ]);
  expect(plan.diagnostics?.[0]?.detail).toContain("kvm1, kvm2");
});

test("a parameter that is none never reaches the engine", () => {
  const problems = ovirtHost.validate?.(declare("kvm1", "iommu=pt\nnosmt")) ?? [];
  expect(problems).toMatchObject([{ severity: "error", path: ["kernel_parameters"] }]);
});

test("an engine that said no leaves nothing in the state that is not there", async () => {
  engine.setFaults([
    {
      request: /^PUT/,
      effect: {
        kind: "answer",
        status: 409,
        body: '{"reason":"Operation Failed","detail":"[Cannot edit Host.]"}',
      },
    },
  ]);
  const { result } = await deploy(declare("kvm1", "iommu=pt"), null);
  expect(result.state).toBeNull();
  expect(result.diagnostics?.[0]?.detail).toContain("[Cannot edit Host.]");
});

test("what an engine did although its answer was lost is ours, and a destroy takes it out", async () => {
  engine.setFaults([{ request: /^PUT/, effect: { kind: "cut", when: "after" }, times: 1 }]);
  const { result } = await deploy(declare("kvm1", "iommu=pt"), null);
  expect(result.diagnostics).toMatchObject([{ severity: "error" }]);
  expect(engine.host("kvm1").custom).toBe("intel_iommu=on iommu=pt");
  expect(result.state).toMatchObject({ parameters: ["intel_iommu=on", "iommu=pt"], owned: ["iommu=pt"] });

  const gone = await deploy(null, result);
  expect(gone.result.state).toBeNull();
  expect(engine.host("kvm1").custom).toBe("intel_iommu=on");
});
