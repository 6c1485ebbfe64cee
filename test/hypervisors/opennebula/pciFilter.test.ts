import {
  filterProblems,
  desiredFilter,
  type PciFilterDeclaration,
} from "../../../lib/hypervisors/opennebula/filterDeclaration";
import {
  filterChange,
  filterChangedSince,
  filterRecordAfter,
  missingDevices,
  observeFilter,
  unknownHosts,
} from "../../../lib/hypervisors/opennebula/pciFilter";
import { untouched, type VmRecord } from "../../../lib/hypervisors/types";
import type { HostFacts } from "../../../lib/model/facts";
import { device, frontEnd, host, pciConf } from "./frontEnd";

const nothing = { filter: null, shortAddress: null, deviceName: null };
const declare = (declaration: Partial<PciFilterDeclaration>): PciFilterDeclaration => ({
  ...nothing,
  hosts: {},
  ...declaration,
});
const onNode = (selection: object) =>
  declare({ hosts: { node1: { ...nothing, devices: null, ...selection } } });
const request = (
  facts: HostFacts,
  declaration: PciFilterDeclaration | null,
  record: VmRecord = untouched,
) => ({
  ...{ host: "one", facts, declaration, record },
});
const node1 = (template: Record<string, string> = {}) =>
  host("0", "node1", [device("01:00.0 10de:1e84:0300"), device("01:00.1 10de:10f8:0403", "42")], template);

describe("the settings that are written", () => {
  test.each<[string, PciFilterDeclaration, Record<string, string>]>([
    ["nothing", declare({}), {}],
    [
      "everything of pci.conf",
      declare({
        filter: ["10DE:", "8086::c03,10de:*"],
        shortAddress: ["0000:07:00.0"],
        deviceName: ["^O'Neill"],
      }),
      {
        "pci.conf :filter": ":filter: ['10de:*', '8086:*:0c03']",
        "pci.conf :short_address": ":short_address: ['07:00.0']",
        "pci.conf :device_name": ":device_name: ['^O''Neill']",
      },
    ],
    [
      "exactly the bound devices of a host",
      onNode({ devices: { "0000:01:00.0": "10de:1e84", "0000:01:00.1": "10de:10f8" } }),
      { "node1 PCI_FILTER": "10de:1e84,10de:10f8", "node1 PCI_SHORT_ADDRESS": "01:00.0,01:00.1" },
    ],
    [
      "bound devices beside a filter",
      onNode({ filter: ["8086::0c03"], devices: { "0000:01:00.0": "10de:1e84" } }),
      { "node1 PCI_FILTER": "8086:*:0c03,10de:1e84" },
    ],
    ["no bound device at all", onNode({ devices: {} }), { "node1 PCI_FILTER": "0:0" }],
    [
      "names of one host",
      onNode({ deviceName: ["NVIDIA", "Audio"] }),
      { "node1 PCI_DEVICE_NAME": "NVIDIA,Audio" },
    ],
  ])("%s", (_what, declaration, settings) => {
    expect(desiredFilter(declaration)).toEqual(settings);
  });
});

test.each<[PciFilterDeclaration, string]>([
  [declare({ filter: [] }), "filter: It is empty"],
  [declare({ filter: ["10de"] }), 'filter: "10de" is not a PCI filter'],
  [declare({ shortAddress: ["x"] }), 'short_address: "x" is not an address'],
  [declare({ deviceName: ["("] }), 'device_name: "(" is not a regular expression'],
  [declare({ deviceName: ["a\nb"] }), "is not a device name"],
  [declare({ deviceName: ["a\\"] }), "is not a device name"],
  [onNode({ deviceName: ["a{1,2}"] }), 'hosts.node1.device_name: "a{1,2}" has a comma'],
  [onNode({ devices: { "0001:00:00.0": "10de:1e84" } }), "hosts.node1.devices"],
])("%j is malformed", (declaration, words) => {
  expect(filterProblems(declaration).map(({ path, detail }) => `${path.join(".")}: ${detail}`)).toEqual([
    expect.stringContaining(words),
  ]);
});

describe("a change", () => {
  const stepsOf = (facts: HostFacts, declaration: PciFilterDeclaration | null, record?: VmRecord) =>
    filterChange(request(facts, declaration, record)).steps.map((step) =>
      "command" in step
        ? `${step.command.slice(6).join(" ")}${step.step === "feed" ? ` <<< ${step.content}` : ""}`
        : step.step,
    );

  test("writes the file with what the plan saw as guard, then syncs and asks for a monitoring", () => {
    const { steps } = filterChange(request(frontEnd({}), declare({ filter: ["10de:*"] })));
    expect(steps[0]).toMatchObject({ step: "write", content: pciConf.replace("'0:0'", "['10de:*']") });
    expect(stepsOf(frontEnd({}), declare({ filter: ["10de:*"] }))).toEqual([
      "write",
      "onehost sync --force",
      "onehost forceupdate",
    ]);
  });

  test("is nothing where somebody wrote the same", () => {
    expect(stepsOf(frontEnd({}), declare({ filter: ["0:0"], shortAddress: [] }))).toEqual([]);
    const there = frontEnd({ hosts: [node1({ PCI_FILTER: "10DE:" })] });
    expect(stepsOf(there, onNode({ filter: ["10de:*"] }))).toEqual([]);
  });

  test("appends to a host's template, and takes out of it only with the whole of it", () => {
    const facts = frontEnd({ hosts: [node1({ RESERVED_CPU: "100" })] });
    expect(stepsOf(facts, onNode({ filter: ["10de:*"] }))).toEqual([
      'onehost update 0 {file} --append <<< PCI_FILTER="10de:*"\n',
      "onehost forceupdate 0",
    ]);
    const record = { base: { "node1 PCI_FILTER": null }, written: { "node1 PCI_FILTER": "10de:*" } };
    const written = frontEnd({ hosts: [node1({ RESERVED_CPU: "100", PCI_FILTER: "10de:*" })] });
    expect(stepsOf(written, null, record)).toEqual([
      'onehost update 0 {file} <<< RESERVED_CPU="100"\n',
      "onehost forceupdate 0",
    ]);
  });

  test("gives back what was there, and leaves what somebody changed since", () => {
    const record = { base: { "node1 PCI_FILTER": "0:0" }, written: { "node1 PCI_FILTER": "10de:*" } };
    const ours = frontEnd({ hosts: [node1({ PCI_FILTER: "10de:*" })] });
    expect(stepsOf(ours, null, record)[0]).toBe('onehost update 0 {file} --append <<< PCI_FILTER="0:0"\n');
    const theirs = frontEnd({ hosts: [node1({ PCI_FILTER: "8086:*" })] });
    expect(stepsOf(theirs, null, record)).toEqual([]);
  });

  test("that was tried leaves in the record what stands", () => {
    const before = frontEnd({ hosts: [node1()] });
    const wanted = request(before, { ...onNode({ filter: ["10de:*"] }), filter: ["10de:*"] });
    const half = frontEnd({ hosts: [node1({ PCI_FILTER: "10de:*" })] });
    expect(filterRecordAfter(wanted, filterChange(wanted), half)).toEqual({
      base: { "node1 PCI_FILTER": null, "pci.conf :filter": ":filter: '0:0'" },
      written: { "node1 PCI_FILTER": "10de:*" },
    });
  });
});

test("what is declared and not listed is named, and where", () => {
  const facts = frontEnd({ hosts: [node1(), host("1", "node2", [])] });
  const devices = { "0000:01:00.1": "10de:10f8", "0000:05:00.0": "1af4:1041" };
  expect(
    missingDevices(facts, "one", { ...onNode({ devices }), filter: ["10de:*", "1002:*", "0:0"] }),
  ).toEqual(["no host lists a device that matches 1002:*", "node1 does not list 0000:05:00.0 (1af4:1041)"]);
});

test("a host is found by its id too, and one that is not there is named", () => {
  const facts = frontEnd({ hosts: [node1(), host("1", "node2", [])] });
  const own = { ...nothing, devices: null };
  const declaration = declare({ hosts: { "1": own, node1: own, "2": own } });
  expect(unknownHosts(facts, "one", declaration)).toEqual([
    { path: ["hosts", "2"], detail: "OpenNebula on one has no host 2. It has: node1 (0), node2 (1)." },
  ]);
});

test("what somebody changed since the plan is found", () => {
  const facts = frontEnd({}, { pciConf: ":filter: '1002:*'\n" });
  const wanted = request(facts, declare({ filter: ["10de:*"] }));
  expect(filterChangedSince(wanted, { "pci.conf :filter": ":filter: '0:0'" })).toEqual([
    { key: "pci.conf :filter", before: ":filter: '0:0'", after: ":filter: '1002:*'" },
  ]);
  expect(filterChangedSince(wanted, { "pci.conf :filter": ":filter: ['1002:']" })).toEqual([]);
});

describe("a front end that cannot be told", () => {
  test.each<[string, Parameters<typeof frontEnd>[1] | null, string]>([
    ["no OpenNebula", null, "does not answer as an OpenNebula front end"],
    [
      "no answer",
      { failure: "onevm list -j: Connection refused" },
      "It said: onevm list -j: Connection refused",
    ],
    ["no pci.conf", { pciConf: null }, "has no /var/lib/one/remotes/etc/im/kvm-probes.d/pci.conf"],
    ["a broken pci.conf", { pciConf: "- a\n" }, "is no list of settings"],
    ["an answer that is no JSON", { hosts: "<HOST/>" }, "`onehost list -j` printed is not JSON"],
  ])("%s", (_what, different, words) => {
    const facts = different === null ? { ...frontEnd({}), opennebula: null } : frontEnd({}, different);
    expect(() => observeFilter(facts, "one", {})).toThrow(words);
  });
});
