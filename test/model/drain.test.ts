import {
  backgroundName,
  drainSteps,
  parseDrain,
  phasesOf,
  planDrain,
  stageOf,
  type DrainEntry,
} from "../../lib/model/drain";
import { defaultPreparation } from "../../lib/model/rebootPreparation";
import { guestWords, runningGuests, type RunningGuest } from "../../lib/model/runningGuests";
import type { HostFacts } from "../../lib/model/facts";
import { rebootSurvey } from "../support/survey";

const vm = (id: string, guest: Partial<RunningGuest> = {}): RunningGuest => ({
  kind: "vm",
  id,
  name: "",
  startsWithHost: false,
  passed: [],
  order: null,
  transient: false,
  highlyAvailable: false,
  ...guest,
});
const running = (...guests: RunningGuest[]) => new Set(guests.map(({ kind, id }) => `${kind}/${id}`));
const nodes = ["pve1", "pve2", "pve3"].map((name) => ({ name, online: true, local: name === "pve1" }));
const cluster = { quorate: true, nodes, votes: null };

test("guests leave in the opposite of their start order, those without one first", () => {
  const guests = [vm("100", { order: 1 }), vm("101"), vm("102", { order: 2 }), vm("103", { order: 2 })];
  const entries = planDrain(guests, rebootSurvey({ running: running(...guests) }), defaultPreparation, null);
  const ids = phasesOf(entries).map((phase) =>
    phase.map((entry) => (entry.kind === "guest" ? entry.id : "")),
  );
  expect(ids).toEqual([["101"], ["102", "103"], ["100"]]);
});

test("a guest moves only where that is asked for and nothing binds it", () => {
  const guests = [vm("100", { passed: ["hostpci0"] }), vm("101")];
  const survey = rebootSurvey({ running: running(...guests), proxmox: { tasks: [], ha: null, cluster } });
  const kinds = (migrateTo: string | null) =>
    planDrain(guests, survey, { ...defaultPreparation, migrateTo }, null).map(({ kind }) => kind);
  expect(kinds(null)).toEqual(["guest", "guest"]);
  expect(kinds("pve2")).toEqual(["guest", "migration"]);
  expect(kinds("pve1")).toEqual(["guest", "guest"]);
});

test("services of high availability are not shut down behind its back", () => {
  const guests = [vm("100", { passed: ["hostpci0"] }), vm("101"), vm("102")];
  const service = (sid: string, node: string, requested = "started") => ({
    sid,
    node,
    requested,
    state: requested,
  });
  const services = [
    service("vm:100", "pve1"),
    service("vm:101", "pve1"),
    service("vm:102", "pve1", "ignored"),
    service("vm:7", "pve2"),
  ];
  const survey = rebootSurvey({
    running: running(...guests),
    proxmox: { tasks: [], cluster, ha: { dead: [], services } },
  });
  expect(planDrain(guests, survey, defaultPreparation, null)).toMatchObject([
    { kind: "ha-service", sid: "vm:100", passed: true },
    { kind: "ha-maintenance", node: "pve1", services: ["vm:101"] },
    { kind: "guest", id: "102" },
  ]);
});

test("maintenance has ended only when every service has left, whatever the state says", () => {
  const entry: DrainEntry = { kind: "ha-maintenance", node: "pve1", services: ["vm:101", "ct:200"] };
  const at = (node: string, ...ids: string[]) =>
    rebootSurvey({
      running: new Set(ids),
      proxmox: {
        tasks: [],
        cluster,
        ha: { dead: [], services: [{ sid: "vm:101", node, state: "started", requested: "started" }] },
      },
    });
  expect(stageOf(entry).left(entry, at("pve1", "vm/101"))).toBe("vm:101");
  expect(stageOf(entry).left(entry, at("pve1"))).toBe("vm:101");
  expect(stageOf(entry).left(entry, at("pve2", "container/200"))).toBe("ct:200");
  expect(stageOf(entry).left(entry, at("pve2"))).toBeNull();
});

test("what an earlier run stopped stays part of it, once", () => {
  const [earlier] = planDrain(
    [vm("100")],
    rebootSurvey({ running: new Set(["vm/100"]) }),
    defaultPreparation,
    null,
  );
  const record = { version: 1 as const, bootId: "boot-1", run: "a", entries: earlier ? [earlier] : [] };
  const again = planDrain(
    [vm("101")],
    rebootSurvey({ running: new Set(["vm/101"]) }),
    defaultPreparation,
    record,
  );
  expect(again).toMatchObject([{ id: "100" }, { id: "101" }]);
  expect(
    planDrain([vm("100")], rebootSurvey({ running: new Set(["vm/100"]) }), defaultPreparation, record),
  ).toHaveLength(1);
  expect(backgroundName(again[0] as DrainEntry, "a")).not.toBe(backgroundName(again[0] as DrainEntry, "b"));
});

test("a record survives the way to the host and back; what is none is an error that says what to do", () => {
  const entries = planDrain(
    [vm("100", { name: "a'b\n;$(x)" })],
    rebootSurvey({ running: new Set(["vm/100"]) }),
    defaultPreparation,
    null,
  );
  const record = { version: 1 as const, bootId: "boot-1", run: "a", entries };
  const [step] = drainSteps(null, record);
  expect(parseDrain(step?.step === "write" ? step.content : null)).toEqual(record);
  expect(parseDrain(null)).toBeNull();
  for (const text of ["{", "{}", '{"version":1,"entries":[{"kind":"toString"}]}'])
    expect(() => parseDrain(text)).toThrow(/do that by hand, then remove it/);
});

test("Proxmox VE's configurations, without snapshots", () => {
  const config =
    "name: work\nonboot: 1\nstartup: order=3,up=10\nhostpci0: 01:00\n[snap]\nonboot: 0\nhostpci1: 02:00\n";
  const facts = {
    proxmox: {
      vms: { "100": { config, running: true }, "101": { config, running: false } },
      containers: {
        "200": { config: "hostname: dns\nstartup: 7\ndev0: /dev/dri/renderD128\n", running: true },
      },
      highlyAvailable: ["100"],
    },
    libvirt: null,
  } as unknown as HostFacts;
  const guests = runningGuests(facts);
  expect(guests).toEqual([
    vm("100", { name: "work", startsWithHost: true, order: 3, passed: ["hostpci0"], highlyAvailable: true }),
    vm("200", { kind: "container", name: "dns", order: 7, passed: ["dev0"] }),
  ]);
  expect(guests.map(guestWords)).toEqual(["VM 100 (work)", "container 200 (dns)"]);
});
