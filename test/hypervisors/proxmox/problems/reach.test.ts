import { untouched } from "../../../../lib/hypervisors/types";
import { proxmoxProblems } from "../../../../lib/hypervisors/proxmox/problems";
import { golden, node, pciSlot, request } from "../node";
import { found, nothing, vm100 } from "./found";

const gpu = { pci: { hostpci0: pciSlot({ device: "02:00.0" }) } };

describe("a VM that can be reached", () => {
  it("has no problems", () => {
    expect(found(vm100("machine: q35"), gpu)).toMatchObject(nothing);
    expect(found(vm100("machine: q35"), gpu, "apply")).toMatchObject(nothing);
  });
});

describe("a host without Proxmox VE", () => {
  it("is named with what it is", () => {
    const { errors, words } = found({ ...node({}), proxmox: null }, gpu);
    expect(errors).toEqual(["pve1 is not a Proxmox VE host"]);
    expect(words).toContain("Debian GNU/Linux 12 (bookworm)");
  });
});

describe("a VM that is not there", () => {
  it("is an error that lists what is", () => {
    const facts = node({ "101": { config: golden("plain") }, "9": { config: "", node: "pve2" } });
    const { errors, words } = found(facts, gpu);
    expect(errors).toEqual(["There is no VM 100 on pve1"]);
    expect(words).toContain("There is:\n  VM 9 on node pve2\n  VM 101 (plain)\n");
  });

  it("does not list hundreds", () => {
    const vms = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [String(200 + at), { config: "" }]));
    expect(found(node(vms), gpu).words).toMatch(/VM 219\n {2}and 10 more\n/);
  });

  it("says so where there is none", () => {
    expect(found(node({}), gpu).words).toContain("There is none at all.");
  });

  it("is nothing to a destroy", () => {
    expect(found(node({}), null)).toMatchObject(nothing);
  });
});

describe("a VM on another node", () => {
  const facts = node({ "100": { config: golden("plain"), node: "pve2" } });

  it("is an error that names both nodes, and nothing else is said", () => {
    const { errors, warnings, words } = found(facts, {
      pci: { hostpci0: pciSlot({ device: "09:00", pcie: true }) },
    });
    expect(errors).toEqual(["VM 100 (plain) is on node pve2, not on pve1"]);
    expect(warnings).toEqual([]);
    expect(words).toContain("qm migrate 100 pve1");
  });

  it("is no obstacle to a destroy that has nothing to give back", () => {
    expect(found(facts, null)).toMatchObject(nothing);
  });
});

describe("a locked VM", () => {
  it.each([
    ["backup", "qm unlock 100"],
    ["snapshot", "qm unlock 100"],
    ["suspended", "It is hibernated"],
  ])("with lock %s may be free at apply, and is an error there", (lock, mend) => {
    const facts = vm100(`lock: ${lock}`);
    const summary = `VM 100 (ws) on pve1 is locked (${lock})`;
    expect(found(facts, gpu)).toMatchObject({ errors: [], warnings: [summary] });
    expect(found(facts, gpu, "apply")).toMatchObject({ errors: [summary], warnings: [] });
    expect(found(facts, gpu).words).toContain(mend);
  });

  it("is an error to a destroy that has something to give back", () => {
    const facts = vm100("lock: backup\nhostpci0: 02:00.0");
    const record = { base: { hostpci0: null }, written: { hostpci0: "0000:02:00.0" } };
    const destroy = (known: typeof record) =>
      proxmoxProblems(request(facts, null, { record: known }), "apply");
    expect(destroy(record).map(({ severity }) => severity)).toEqual(["error"]);
    expect(destroy({ ...untouched } as typeof record)).toEqual([]);
  });
});

it("refuses a template", () => {
  expect(found(vm100("template: 1"), gpu).errors).toEqual(["VM 100 (ws) on pve1 is a template"]);
});
