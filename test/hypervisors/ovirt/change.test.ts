import fc from "fast-check";
import { ovirt } from "../../../lib/hypervisors/ovirt/ovirt";
import { untouched, type VmDeclaration } from "../../../lib/hypervisors/types";
import type { EngineFacts } from "../../../lib/model/engineFacts";
import { after, declare, facts, request, vm } from "./engine";

const attached = (engine: EngineFacts, id = "id-workstation") =>
  (engine.vms.find((one) => one.id === id)?.devices ?? [])
    .filter(({ placeholder }) => !placeholder)
    .map(({ name }) => name)
    .sort();
const with_ = (...names: string[]) => ({ devices: names.map((name) => ({ name, placeholder: false })) });

/** Brings a declaration about, as an apply does. */
function apply(engine: EngineFacts, declaration: VmDeclaration | null, record = untouched) {
  const wanted = request(engine, declaration, record);
  const change = ovirt.change(wanted);
  const now = after(engine, change.steps);
  return { now, steps: change.steps, record: ovirt.recordAfter(wanted, change, now) };
}

describe("what is declared comes about in as few calls as it takes", () => {
  const gpu0 = { step: "attach", vm: "id-workstation", device: "pci_0000_04_00_0" };
  const gpu1 = { ...gpu0, device: "pci_0000_04_00_1" };
  test.each<[string, EngineFacts, VmDeclaration, object[]]>([
    ["a whole card", facts([vm("workstation")]), declare({ gpu: "04:00" }), [gpu0, gpu1]],
    [
      "one function, and its group comes by itself",
      facts([vm("workstation")]),
      declare({ gpu: "0000:04:00.0" }),
      [gpu0],
    ],
    ["functions by `;`", facts([vm("workstation")]), declare({ gpu: "04:00.1;04:00.0" }), [gpu1, gpu0]],
    [
      "what is there already is left alone",
      facts([vm("workstation", with_("pci_0000_04_00_0", "pci_0000_05_00_0"))]),
      declare({ gpu: "04:00" }),
      [gpu1],
    ],
    [
      "a peer that is down gives up its device first",
      facts([vm("workstation"), vm("render", with_("pci_0000_04_00_0"))]),
      declare({ gpu: "04:00.0" }, { peers: ["render"] }),
      [{ step: "detach", vm: "id-render", device: "pci_0000_04_00_0" }, gpu0],
    ],
    [
      "a stranger's is not taken",
      facts([vm("workstation"), vm("render", with_("pci_0000_04_00_0"))]),
      declare({ gpu: "04:00.0" }),
      [gpu0],
    ],
    [
      "pinning comes before the devices",
      facts([vm("workstation", { affinity: "migratable", pinnedTo: [] })]),
      declare({ gpu: "04:00.0" }, { pinTo: "kvm1" }),
      [{ step: "place", vm: "id-workstation", affinity: "pinned", hosts: ["id-kvm1"] }, gpu0],
    ],
    [
      "with restart, a VM that runs goes down for it and comes up",
      facts([vm("workstation", { status: "up" })]),
      declare({ gpu: "04:00.0" }, { restart: true }),
      [
        { step: "shutDown", vm: "id-workstation", timeoutSeconds: 300 },
        gpu0,
        { step: "start", vm: "id-workstation" },
      ],
    ],
    [
      "a VM with nothing to do is not restarted",
      facts([vm("workstation", { status: "up", ...with_("pci_0000_04_00_0") })]),
      declare({ gpu: "04:00.0" }, { restart: true }),
      [],
    ],
    [
      "where it is pinned already, by name or by id",
      facts([vm("workstation", with_("pci_0000_06_00_0"))]),
      declare({ nic: "06:00.0" }, { pinTo: "id-kvm1" }),
      [],
    ],
    [
      "a NIC",
      facts([vm("workstation")]),
      declare({}, { nics: { fast0: { profile: "fast" } } }),
      [
        {
          ...{ step: "addNic", vm: "id-workstation", name: "fast0" },
          ...{ profile: "id-fast", interface: "pci_passthrough" },
        },
      ],
    ],
  ])("%s", (_, engine, declaration, steps) => {
    expect(ovirt.change(request(engine, declaration)).steps).toEqual(steps);
  });
});

describe("a destroy gives back what is ours", () => {
  test("what was attached before us stays, also under another name of ours", () => {
    const start = facts([vm("workstation", with_("pci_0000_04_00_0", "pci_0000_05_00_0"))]);
    const first = apply(start, declare({ gpu: "04:00", disk: "05:00.0" }));
    const second = apply(first.now, declare({ card: "04:00" }), first.record);
    expect(second.steps).toEqual([]);
    const last = apply(second.now, null, second.record);
    expect(last.steps).toEqual([{ step: "detach", vm: "id-workstation", device: "pci_0000_04_00_1" }]);
    expect(attached(last.now)).toEqual(["pci_0000_04_00_0", "pci_0000_05_00_0"]);
  });

  test("where it was pinned before, unless somebody else's devices would go with it", () => {
    const start = facts([vm("workstation", { affinity: "migratable", pinnedTo: [] })]);
    const { now, record } = apply(start, declare({ gpu: "04:00" }, { pinTo: "kvm1" }));
    expect(apply(now, null, record).now.vms[0]).toMatchObject({
      affinity: "migratable",
      pinnedTo: [],
      devices: [],
    });

    const shared = after(now, [{ step: "attach", vm: "id-workstation", device: "pci_0000_06_00_0" }]);
    const kept = apply(shared, null, record).now;
    expect(kept.vms[0]).toMatchObject({ pinnedTo: ["id-kvm1"] });
    expect(attached(kept)).toEqual(["pci_0000_06_00_0"]);
    expect(ovirt.problems(request(shared, null, record), "plan")).toMatchObject([
      { severity: "warning", summary: "VM workstation of engine lab stays where it is pinned" },
    ]);
  });

  test("another host: ours come along, and a declaration without pinTo goes back", () => {
    const start = facts([vm("workstation")]);
    const first = apply(start, declare({ gpu: "04:00.0" }));
    const second = apply(first.now, declare({ gpu: "04:00.0" }, { pinTo: "kvm2" }), first.record);
    expect(second.now.vms[0]).toMatchObject({ pinnedTo: ["id-kvm2"] });
    expect(attached(second.now)).toEqual(["pci_0000_04_00_0"]);
    const third = apply(second.now, declare({ gpu: "04:00.0" }), second.record);
    expect(third.now.vms[0]).toMatchObject({ pinnedTo: ["id-kvm1"] });
    expect(attached(third.now)).toEqual(["pci_0000_04_00_0"]);
  });
});

describe("whatever is declared one after the other", () => {
  const functions = ["04:00.0", "04:00.1", "05:00.0", "06:00.0"];
  const names = functions.map((address) => `pci_0000_${address.replace(/[:.]/g, "_")}`);
  const slots = fc
    .dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom(...functions, "04:00"), { maxKeys: 3 })
    .filter((devices) => {
      const all = Object.values(devices).flatMap((one) => (one === "04:00" ? ["04:00.0", "04:00.1"] : [one]));
      return new Set(all).size === all.length;
    });
  const before = fc.subarray(names);
  const pin = fc.constantFrom(null, "kvm1");

  test("is what the VM has then, nothing is left to do, and a destroy gives back what was there", () => {
    fc.assert(
      fc.property(
        before,
        fc.array(fc.tuple(slots, pin), { minLength: 1, maxLength: 4 }),
        (had, declarations) => {
          const start = facts([vm("workstation", with_(...had))]);
          let [now, record] = [start, untouched];
          for (const [devices, pinTo] of declarations) {
            const declaration = declare(devices, { pinTo });
            ({ now, record } = apply(now, declaration, record));
            const desired = ovirt.desired(declaration);
            expect(ovirt.observe(now, "workstation", desired)?.settings).toEqual(desired);
            expect(ovirt.change(request(now, declaration, record)).steps).toEqual([]);
            for (const name of had) expect(attached(now)).toContain(name);
          }
          ({ now } = apply(now, null, record));
          expect(attached(now)).toEqual([...had].sort());
        },
      ),
    );
  });

  test("also where calls fail in between, once it is applied again", () => {
    fc.assert(
      fc.property(
        before,
        fc.array(fc.tuple(slots, fc.nat(4)), { minLength: 1, maxLength: 4 }),
        (had, declarations) => {
          let now = facts([vm("workstation", with_(...had))]);
          let record = untouched;
          for (const [devices, count] of declarations) {
            const wanted = request(now, declare(devices), record);
            const change = ovirt.change(wanted);
            now = after(now, change.steps.slice(0, count));
            record = ovirt.recordAfter(wanted, change, now);
          }
          ({ now } = apply(now, null, record));
          expect(attached(now)).toEqual([...had].sort());
        },
      ),
    );
  });
});

describe("what somebody changed since the plan", () => {
  const seen = { gpu: "pci_0000_04_00_*" };
  test.each<[string, string[], number]>([
    ["nothing", ["pci_0000_04_00_0", "pci_0000_04_00_1"], 0],
    ["it is gone: a peer may have taken it", [], 0],
    ["a part of it is gone", ["pci_0000_04_00_1"], 1],
  ])("%s", (_, names, count) => {
    const engine = facts([vm("workstation", with_(...names))]);
    expect(ovirt.changedSince(request(engine, declare({ gpu: "04:00" })), seen)).toHaveLength(count);
  });
});
