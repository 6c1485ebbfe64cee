import { ovirt } from "../../../lib/hypervisors/ovirt/ovirt";
import type { VmDeclaration } from "../../../lib/hypervisors/types";
import type { EngineFacts } from "../../../lib/model/engineFacts";
import { declare, facts, host, device, request, vm } from "./engine";

const has = (...names: string[]) => ({ devices: names.map((name) => ({ name, placeholder: false })) });
const found = (engine: EngineFacts, declaration: VmDeclaration, moment: "plan" | "apply" = "plan") =>
  ovirt
    .problems(request(engine, declaration), moment)
    .map(({ severity, key, summary }) => [severity, key, summary]);

test("a VM that is down and pinned, with a free device: nothing to say", () => {
  expect(found(facts([vm("workstation")]), declare({ nic: "06:00.0" }))).toEqual([]);
});

test.each<[string, EngineFacts, VmDeclaration, [string, string | undefined, string]]>([
  [
    "no such VM",
    facts([vm("render")]),
    declare({}),
    ["error", undefined, "There is no VM workstation at engine lab"],
  ],
  [
    "two VMs of one name",
    facts([vm("workstation"), vm("workstation", { id: "id-other" })]),
    declare({}),
    ["error", undefined, "Engine lab has 2 VMs named workstation"],
  ],
  [
    "pinned to none",
    facts([vm("workstation", { pinnedTo: [] })]),
    declare({ nic: "06:00.0" }),
    ["error", "placement_policy", "VM workstation of engine lab is not pinned to exactly one host"],
  ],
  [
    "pinned to several",
    facts([vm("workstation", { pinnedTo: ["id-kvm1", "id-kvm2"] })]),
    declare({ nic: "06:00.0" }),
    ["error", "placement_policy", "VM workstation of engine lab is not pinned to exactly one host"],
  ],
  [
    "an unknown host",
    facts([vm("workstation")]),
    declare({}, { pinTo: "kvm9" }),
    ["error", "placement_policy", "The engine has no host kvm9"],
  ],
  [
    "somebody else's devices would be dropped",
    facts([vm("workstation", has("pci_0000_05_00_0"))]),
    declare({}, { pinTo: "kvm2" }),
    [
      "error",
      "placement_policy",
      "VM workstation of engine lab has host devices that pinning it elsewhere would drop",
    ],
  ],
  [
    "no such device",
    facts([vm("workstation")]),
    declare({ nic: "77:00.0" }),
    ["error", "nic", "The engine knows no device pci_0000_77_00_0 on kvm1"],
  ],
  [
    "no such device where it goes",
    facts([vm("workstation")]),
    declare({ nic: "06:00.0" }, { pinTo: "kvm2" }),
    ["error", "nic", "The engine knows no device pci_0000_06_00_0 on kvm2"],
  ],
  [
    "one device in two slots",
    facts([vm("workstation")]),
    declare({ one: "06:00.0", two: "06:00" }),
    ["error", "two", "one and two of VM workstation of engine lab both take pci_0000_06_00_0"],
  ],
  [
    "its group comes along",
    facts([vm("workstation")]),
    declare({ gpu: "04:00.0" }),
    ["warning", "gpu", "gpu of VM workstation of engine lab takes its IOMMU group along"],
  ],
  [
    "the host's driver has it",
    facts([vm("workstation")]),
    declare({ disk: "05:00.0" }),
    ["warning", "disk", "kvm1 itself drives what disk of VM workstation of engine lab takes"],
  ],
  [
    "no IOMMU",
    facts([vm("workstation")], {
      hosts: [host("kvm1", [device("pci_0000_06_00_0", null)], { passthrough: false })],
    }),
    declare({ nic: "06:00.0" }),
    ["warning", undefined, "kvm1 has no IOMMU as far as the engine knows"],
  ],
  [
    "a stranger that is down has it too",
    facts([vm("workstation"), vm("render", has("pci_0000_06_00_0"))]),
    declare({ nic: "06:00.0" }),
    ["warning", "nic", "pci_0000_06_00_0 is configured for VM render too"],
  ],
  [
    "a stranger that runs has it",
    facts([vm("workstation"), vm("render", { status: "up", ...has("pci_0000_06_00_0") })]),
    declare({ nic: "06:00.0" }),
    ["error", "nic", "pci_0000_06_00_0 is in use by VM render"],
  ],
  [
    "a peer that runs has it",
    facts([vm("workstation"), vm("render", { status: "up", ...has("pci_0000_06_00_0") })]),
    declare({ nic: "06:00.0" }, { peers: ["render"] }),
    ["warning", "nic", "pci_0000_06_00_0 is in use by VM render"],
  ],
  [
    "it runs",
    facts([vm("workstation", { status: "up" })]),
    declare({ nic: "06:00.0" }),
    ["warning", undefined, "VM workstation of engine lab is up"],
  ],
  [
    "it will be restarted",
    facts([vm("workstation", { status: "up" })]),
    declare({ nic: "06:00.0" }, { restart: true }),
    ["warning", undefined, "VM workstation of engine lab is restarted"],
  ],
  [
    "an unknown profile",
    facts([vm("workstation")]),
    declare({}, { nics: { n: { profile: "slow" } } }),
    ["error", "nics.n", "The engine has no vNIC profile slow"],
  ],
  [
    "a profile without passthrough",
    facts([vm("workstation")]),
    declare({}, { nics: { n: { profile: "mgmt" } } }),
    ["error", "nics.n", "vNIC profile mgmt has no passthrough"],
  ],
  [
    "a NIC of the VM's that cannot work",
    facts([
      vm("workstation", { nics: [{ id: "1", name: "n", interface: "pci_passthrough", profile: "id-mgmt" }] }),
    ]),
    declare({}),
    [
      "warning",
      undefined,
      "NIC n of VM workstation of engine lab has a passthrough interface without a passthrough profile",
    ],
  ],
])("%s", (_, engine, declaration, problem) => {
  expect(found(engine, declaration)).toEqual([problem]);
});

test("what may pass until the apply is an error then, and what was only told is not said again", () => {
  const engine = facts([
    vm("workstation", { status: "up" }),
    vm("render", { status: "up", ...has("pci_0000_04_00_0") }),
  ]);
  expect(found(engine, declare({ gpu: "04:00.0" }, { peers: ["render"] }), "apply")).toEqual([
    ["error", "gpu", "pci_0000_04_00_0 is in use by VM render"],
    ["error", undefined, "VM workstation of engine lab is up"],
  ]);
});

test("the engine's words and names are told: what it has instead", () => {
  const [missing] = ovirt.problems(request(facts([vm("render")]), declare({})), "plan");
  expect(missing?.detail).toContain("render (id-render)");
  const [absent] = ovirt.problems(request(facts([vm("workstation")]), declare({ x: "77:00.0" })), "plan");
  expect(absent?.detail).toContain("pci_0000_06_00_0 (Card, 10de:13ba)");
});

describe("hostile values", () => {
  const bad = ["", ".", "..", "a b", "a/b", "a,b", "a\nb", "a;b", "$(x)", 'a"b', "a*", "x".repeat(256)];
  test.each(bad)("%j is no name of a VM, a host, a NIC or a profile", (value) => {
    for (const declaration of [
      declare({}, { vmId: value }),
      declare({}, { pinTo: value }),
      declare({}, { nics: { n: { profile: value } } }),
      declare({}, { nics: { [value]: { profile: "fast" } } }),
    ]) {
      expect(ovirt.validate(declaration)).not.toEqual([]);
      expect(() => ovirt.desired(declaration)).toThrow("is not a name of the engine");
    }
  });

  test.each(["pci_0000_04_00_0", "04:00.8", "04:00;x", "$(x)"])("%j is no device", (value) => {
    expect(ovirt.validate(declare({ gpu: value }))).toMatchObject([{ severity: "error", key: "gpu" }]);
  });

  test.each(["Ärger-1", "web.example_2+b", "1b9f0e9c-5d2f-4e1c-9f0a-0a1b2c3d4e5f"])(
    "%j is a name",
    (value) => {
      expect(ovirt.validate(declare({}, { vmId: value, pinTo: value }))).toEqual([]);
    },
  );
});
