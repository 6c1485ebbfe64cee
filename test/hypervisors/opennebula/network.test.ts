import { cloudOf } from "../../../lib/hypervisors/opennebula/cloud";
import {
  desiredNetwork,
  findNetwork,
  networkChange,
  networkChangedSince,
  networkProblems,
  networkRecordAfter,
  networkUsers,
  observeNetwork,
  type NetworkDeclaration,
} from "../../../lib/hypervisors/opennebula/network";
import { untouched, type VmRecord } from "../../../lib/hypervisors/types";
import { frontEnd, named, vm } from "./frontEnd";

const declare = (more: Partial<NetworkDeclaration> = {}): NetworkDeclaration => ({
  ...{ name: "passthrough", driver: "dummy", bridge: "none", physicalDevice: null, vlanId: null, ranges: {} },
  ...more,
});
const range = (more: object = {}) => ({ size: 10, ip: null, mac: null, global_prefix: null, ...more });

const facts = (template: object, ranges: readonly object[] = [], more: Parameters<typeof frontEnd>[0] = {}) =>
  frontEnd({
    networks: [
      { ...named("3", "passthrough", { ...template }), AR_POOL: ranges.length ? { AR: ranges } : {} },
    ],
    ...more,
  });
const network = (template: object, ranges: readonly object[] = []) => {
  const found = findNetwork(facts(template, ranges), "one", "passthrough");
  if (found === null) throw new Error("it is there");
  return found;
};
const record = (written: VmRecord["written"], base: VmRecord["base"] = {}): VmRecord => ({ base, written });
const fed = (step: unknown) => (step as { content: string }).content;

test.each<[string, Partial<NetworkDeclaration>, Record<string, string>]>([
  ["the least", {}, { VN_MAD: "dummy", BRIDGE: "none" }],
  [
    "a VLAN",
    { driver: "802.1Q", vlanId: 7, physicalDevice: "eth0" },
    { VN_MAD: "802.1Q", BRIDGE: "none", PHYDEV: "eth0", VLAN_ID: "7" },
  ],
  [
    "ranges",
    {
      ranges: {
        a: range({ ip: "10.0.0.2", mac: "02:00:0A:00:00:02" }),
        b: range(),
        c: range({ global_prefix: "2001:DB8::" }),
        d: range({ ip: "10.0.1.2", global_prefix: "2001:db8::" }),
      },
    },
    {
      ...{ VN_MAD: "dummy", BRIDGE: "none" },
      "AR a": 'AR=[TYPE="IP4",SIZE="10",IP="10.0.0.2",MAC="02:00:0a:00:00:02"]',
      "AR b": 'AR=[TYPE="ETHER",SIZE="10"]',
      "AR c": 'AR=[TYPE="IP6",SIZE="10",GLOBAL_PREFIX="2001:db8::"]',
      "AR d": 'AR=[TYPE="IP4_6",SIZE="10",IP="10.0.1.2",GLOBAL_PREFIX="2001:db8::"]',
    },
  ],
])("%s, in OpenNebula's words", (_, declared, settings) => {
  expect(desiredNetwork(declare(declared))).toEqual(settings);
});

test.each<[Partial<NetworkDeclaration>, string]>([
  [{ driver: "bridge" }, 'driver is "bridge". Expected dummy or 802.1Q'],
  [{ vlanId: 7 }, "The driver dummy knows no VLANs"],
  [{ driver: "802.1Q", vlanId: 4095 }, "vlan_id is 4095"],
  [{ bridge: "" }, "bridge is empty"],
  [{ bridge: "a\\" }, "ends with a backslash"],
  [{ physicalDevice: "]]>" }, "would end the XML"],
  [{ ranges: { a: range({ size: 0 }) } }, "ranges.a.size is 0"],
  [{ ranges: { a: range({ ip: '1.2.3.4",X="' }) } }, "ranges.a.ip is"],
  [{ ranges: { a: range({ mac: "02" }) } }, "ranges.a.mac is"],
])("%j is refused before anything is touched", (declared, words) => {
  expect(
    networkProblems(declare(declared))
      .map(({ detail }) => detail)
      .join("\n"),
  ).toContain(words);
});

test("one that is not there is made with all of it, its words quoted", () => {
  const declaration = declare({ name: 'a "b", $(reboot)', ranges: { guests: range({ ip: "10.0.0.2" }) } });
  const { steps } = networkChange({ network: null, declaration, record: untouched, created: true });
  expect(steps).toHaveLength(1);
  expect(fed(steps[0])).toBe(
    'NAME="a \\"b\\", $(reboot)"\nVN_MAD="dummy"\nBRIDGE="none"\n' +
      'AR=[TYPE="IP4",SIZE="10",IP="10.0.0.2",CDKTF_PASSTHROUGH="guests"]\n',
  );
});

test("what OpenNebula allocates by itself is no drift, another size of ours is", () => {
  const wanted = desiredNetwork(declare({ ranges: { guests: range({ ip: "10.0.0.2" }) } }));
  const own = {
    ...{ TYPE: "IP4", IP: "10.0.0.2", MAC: "02:00:0a:00:00:02", AR_ID: "0", LEASES: { LEASE: { VM: "4" } } },
    CDKTF_PASSTHROUGH: "guests",
  };
  const template = { VN_MAD: "dummy", BRIDGE: "none", SECURITY_GROUPS: "0" };
  expect(observeNetwork(network(template, [{ ...own, SIZE: "10" }]), wanted)).toEqual(wanted);
  expect(observeNetwork(network(template, [{ ...own, SIZE: "20" }]), wanted)).toEqual({
    ...wanted,
    "AR guests": 'AR=[TYPE="IP4",SIZE="20",IP="10.0.0.2"]',
  });
  // A range of somebody else that is just so will do.
  const { CDKTF_PASSTHROUGH: _, ...foreign } = own;
  expect(observeNetwork(network(template, [{ ...foreign, SIZE: "10" }]), wanted)).toEqual(wanted);
});

test("what differs is appended, and foreign attributes stay", () => {
  const there = network({ VN_MAD: "dummy", BRIDGE: "br9", MTU: "9000" });
  const { steps } = networkChange({
    ...{ network: there, declaration: declare(), record: untouched, created: true },
  });
  expect(steps).toEqual([
    expect.objectContaining({
      command: expect.arrayContaining(["onevnet", "update", "3", "--append"]) as unknown,
    }),
  ]);
  expect(fed(steps[0])).toBe('BRIDGE="none"\n');
});

test("what is not declared any more goes, or becomes what it was", () => {
  const there = network({ VN_MAD: "802.1Q", BRIDGE: "none", PHYDEV: "eth0", VLAN_ID: "7", MTU: "9000" });
  const written = { VN_MAD: "802.1Q", BRIDGE: "none", PHYDEV: "eth0", VLAN_ID: "7" };
  const { steps } = networkChange({
    network: there,
    declaration: declare({ driver: "802.1Q" }),
    record: record(written, { VLAN_ID: "9" }),
    created: false,
  });
  expect(fed(steps[0])).toBe('VN_MAD="802.1Q"\nBRIDGE="none"\nMTU="9000"\nVLAN_ID="9"\n');
});

test("at the end ours is removed, and one of somebody else becomes what it was", () => {
  const there = network({ VN_MAD: "dummy", BRIDGE: "none" });
  const end = { network: there, declaration: null };
  expect(networkChange({ ...end, record: record({ BRIDGE: "none" }), created: true }).steps).toEqual([
    expect.objectContaining({ command: expect.arrayContaining(["onevnet", "delete", "3"]) as unknown }),
  ]);
  const before = record({ VN_MAD: "dummy", BRIDGE: "none" }, { VN_MAD: "dummy", BRIDGE: "br9" });
  expect(fed(networkChange({ ...end, record: before, created: false }).steps[0])).toBe('BRIDGE="br9"\n');
});

test("of an update that failed, what still stands stays ours with what it was before", () => {
  const there = network({ VN_MAD: "802.1Q", BRIDGE: "none", VLAN_ID: "7" });
  const before = record({ VN_MAD: "802.1Q", BRIDGE: "none", VLAN_ID: "7" }, { VLAN_ID: "9", BRIDGE: "br9" });
  const planned = networkChange({
    ...{ network: there, record: before, created: false },
    declaration: declare({ driver: "802.1Q", bridge: "other" }),
  });
  const after = networkRecordAfter(before, planned, there);
  expect(after.written).toEqual(before.written);
  // The next end gives back what was there before us.
  expect(
    fed(networkChange({ network: there, declaration: null, record: after, created: false }).steps[0]),
  ).toBe('BRIDGE="br9"\nVLAN_ID="9"\n');
});

test("who changed it since the plan is told", () => {
  const there = network({ VN_MAD: "dummy", BRIDGE: "by-hand" });
  expect(networkChangedSince(there, { VN_MAD: "dummy", BRIDGE: "none" }, { BRIDGE: "other" })).toEqual([
    { key: "BRIDGE", before: "none", after: "by-hand" },
  ]);
  expect(networkChangedSince(there, { BRIDGE: "none" }, { BRIDGE: "by-hand" })).toEqual([]);
});

test("VMs and templates with a NIC in it are its users, by id where OpenNebula resolved it", () => {
  const all = facts({}, [], {
    networks: [named("3", "passthrough", {}), named("4", "other", {})],
    vms: [
      vm("42", "one", "3", "0", { PCI: { TYPE: "NIC", NETWORK: "passthrough" } }),
      vm("43", "two", "3", "0", { NIC: { NETWORK: "passthrough", NETWORK_ID: "4" } }),
      vm("44", "three", "3", "0", { NIC: [{ NETWORK: "renamed", NETWORK_ID: "3" }, { NETWORK_ID: "4" }] }),
    ],
    templates: [named("7", "server", { NIC: { NETWORK: "passthrough" } })],
  });
  const found = findNetwork(all, "one", "passthrough");
  expect(found && networkUsers(cloudOf(all, "one"), found).map(({ words }) => words)).toEqual([
    "VM 42 (one)",
    "VM 44 (three)",
    "VM template 7 (server)",
  ]);
});
