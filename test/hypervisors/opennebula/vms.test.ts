import fc from "fast-check";
import { opennebula } from "../../../lib/hypervisors/opennebula/opennebula";
import { parseSections, printSections } from "../../../lib/hypervisors/opennebula/sections";
import {
  untouched,
  type PciNic,
  type PciRequest,
  type PciSlot,
  type VmDeclaration,
  type VmRequest,
} from "../../../lib/hypervisors/types";
import type { HostFacts } from "../../../lib/model/facts";
import { valueProblem } from "../../../lib/model/openNebulaTemplate";
import { declare, pciSlot } from "../proxmox/node";
import { device, frontEnd, host, named, vm, type Things } from "./frontEnd";

const request = (asked: Partial<PciRequest>): PciRequest => ({
  ...{ vendor: null, device: null, class: null, short_address: null },
  ...asked,
});
const nic = (given: Partial<PciNic>): PciNic => ({
  ...{ network: "passthrough", network_uname: null, mac: null, ip: null, ip6: null, vlan_id: null },
  ...given,
});
const slot = (given: Partial<PciSlot>): PciSlot => pciSlot({ device: null, ...given });
const wants = (pci: Record<string, Partial<PciSlot>>, more: Partial<VmDeclaration> = {}): VmDeclaration =>
  declare({
    vmId: "42",
    pci: Object.fromEntries(Object.entries(pci).map(([name, one]) => [name, slot(one)])),
    ...more,
  });
const asked = (
  facts: HostFacts,
  declaration: VmDeclaration | null,
  more: Partial<VmRequest> = {},
): VmRequest => ({
  ...{ host: "one", facts, vmId: declaration?.vmId ?? "42", declaration, record: untouched },
  ...more,
});

const gpu = device("01:00.0 10de:1e84:0300");
const cloud = (vmTemplate: object = {}, more: Things = {}, state = "8") =>
  frontEnd({
    hosts: [host("0", "node1", [gpu, device("03:00.0 8086:0a0c:0403", "43")]), host("1", "node2", [])],
    vms: [
      vm("42", "workstation", state, "0", vmTemplate as Record<string, unknown>),
      vm("43", "router", "3", "0", {}),
    ],
    ...more,
  });

describe("a slot in OpenNebula's words", () => {
  test.each<[string, Partial<PciSlot>, string]>([
    [
      "the guide's audio controller",
      { request: request({ vendor: "8086", device: "0a0c", class: "0403" }) },
      'PCI=[VENDOR="8086",DEVICE="0a0c",CLASS="0403"]',
    ],
    ["the guide's root ports", { request: request({ class: "604" }) }, 'PCI=[CLASS="0604"]'],
    [
      "one function",
      { request: request({ short_address: "0000:0A:00.0" }) },
      'PCI=[SHORT_ADDRESS="0a:00.0"]',
    ],
    [
      "a bound device with two functions",
      { device: "0000:01:00.0;0000:01:00.1" },
      'PCI=[SHORT_ADDRESS="01:00.0"] PCI=[SHORT_ADDRESS="01:00.1"]',
    ],
    [
      "the guide's NIC",
      {
        request: request({ vendor: "8086", device: "10d3", class: "0200" }),
        nic: nic({ network_uname: "oneadmin" }),
      },
      'PCI=[TYPE="NIC",NETWORK="passthrough",NETWORK_UNAME="oneadmin",VENDOR="8086",DEVICE="10d3",CLASS="0200"]',
    ],
    [
      "everything of a NIC",
      {
        request: request({ vendor: "8086" }),
        nic: nic({ mac: "02:00:00:00:00:AA", ip: "10.0.0.2", ip6: "2001:db8::1", vlan_id: 7 }),
      },
      'PCI=[TYPE="NIC",NETWORK="passthrough",MAC="02:00:00:00:00:aa",IP="10.0.0.2",IP6="2001:db8::1",VLAN_ID="7",VENDOR="8086"]',
    ],
    [
      "a virtual GPU",
      { request: request({ vendor: "10de" }), profile: 'nvidia-"258", ]' },
      'PCI=[VENDOR="10de",PROFILE="nvidia-\\"258\\", ]"]',
    ],
  ])("%s", (_what, given, text) => {
    expect(opennebula.desired(wants({ one: given }))).toEqual({ one: text });
  });

  test("is read back as it was, whatever it holds", () => {
    const words = fc.string().filter((text) => valueProblem(text) === null);
    const section = fc.record({ NETWORK: words, PROFILE: words, VENDOR: fc.constant("10de") });
    fc.assert(
      fc.property(fc.array(section, { minLength: 1, maxLength: 3 }), (sections) => {
        expect(parseSections(printSections(sections))).toEqual(sections);
      }),
    );
  });
});

test.each<[string, Partial<PciSlot>, string]>([
  [
    "ids and an address",
    { request: request({ vendor: "10de", short_address: "01:00.0" }) },
    "one or the other",
  ],
  ["nothing", { request: request({}) }, "request names nothing"],
  ["a vendor that is no hex", { request: request({ vendor: '10de"]' }) }, "Expected up to four hex digits"],
  ["a whole slot", { device: "0000:01:00" }, "no slot as a whole"],
  ["a NIC of two functions", { device: "0000:01:00.0;0000:01:00.1", nic: nic({}) }, "has 2"],
  ["a NIC without a network", { device: "0000:01:00.0", nic: nic({ network: "" }) }, "names no network"],
  [
    "a network that no template carries",
    { device: "0000:01:00.0", nic: nic({ network: "a\\" }) },
    "ends with a backslash",
  ],
  ["a malformed MAC", { device: "0000:01:00.0", nic: nic({ mac: "02:00" }) }, "six pairs"],
  ["a malformed IP", { device: "0000:01:00.0", nic: nic({ ip: "10.0.0" }) }, "IPv4"],
  ["a malformed IPv6", { device: "0000:01:00.0", nic: nic({ ip6: "x" }) }, "IPv6"],
  ["a VLAN beyond all", { device: "0000:01:00.0", nic: nic({ vlan_id: 5000 }) }, "from 1 to 4094"],
])("%s is refused", (_what, given, words) => {
  expect(opennebula.validate(wants({ one: given })).map(({ detail }) => detail)).toEqual([
    expect.stringContaining(words),
  ]);
});

test("one function in two slots is refused", () => {
  const both = wants({
    a: { device: "0000:01:00.0" },
    b: { request: request({ short_address: "01:00.0" }) },
  });
  expect(opennebula.validate(both)).toEqual([
    expect.objectContaining({ key: "b", detail: "01:00.0 is in slot a too." }),
  ]);
});

describe("a change", () => {
  const words = (facts: HostFacts, declaration: VmDeclaration | null, more?: Partial<VmRequest>) =>
    opennebula
      .change(asked(facts, declaration, more))
      .steps.map((step) =>
        "command" in step
          ? `${step.command.slice(6).join(" ")}${step.step === "feed" ? ` <<< ${step.content}` : ""}`
          : step.step,
      );

  test("attaches, detaches and leaves what somebody else has there", () => {
    const there = cloud({
      PCI: [
        { VENDOR: "1af4", PCI_ID: "0" },
        { CLASS: "0403", PCI_ID: "1", CDKTF_PASSTHROUGH: "old" },
        { TYPE: "NIC", NETWORK: "n", VENDOR: "8086", NIC_ID: "2", PCI_ID: "2", CDKTF_PASSTHROUGH: "net" },
      ],
    });
    const record = {
      base: { old: null, net: null },
      written: { old: 'PCI=[CLASS="0403"]', net: 'PCI=[TYPE="NIC",NETWORK="n",VENDOR="8086"]' },
    };
    expect(words(there, wants({ gpu: { request: request({ vendor: "10de" }) } }), { record })).toEqual([
      "onevm pci-detach 42 1",
      "onevm nic-detach 42 2",
      "onevm show -j 42",
      'onevm pci-attach 42 --file {file} <<< PCI=[VENDOR="10de",CDKTF_PASSTHROUGH="gpu"]\n',
    ]);
  });

  test("is nothing where somebody has asked for the same, and a destroy leaves that", () => {
    const there = cloud({ PCI: { VENDOR: "10DE", CLASS: "300", PCI_ID: "0", SHORT_ADDRESS: "01:00.0" } });
    const declaration = wants({ gpu: { request: request({ vendor: "10de", class: "0300" }) } });
    const { steps, record } = opennebula.change(asked(there, declaration));
    expect(steps).toEqual([]);
    expect(words(there, null, { record })).toEqual([]);
  });

  test("of a template is one update of the whole, guarded by what was read", () => {
    const facts = cloud(
      {},
      { templates: [named("7", "server", { MEMORY: "1024", CONTEXT: { A: 'x "y"' }, NOTE: {} })] },
    );
    const declaration = wants({ gpu: { request: request({ vendor: "10de" }) } }, { vmId: "template:server" });
    const { steps } = opennebula.change(asked(facts, declaration));
    expect(steps.map(({ step }) => step)).toEqual(["unchanged", "feed"]);
    expect(steps[1]).toMatchObject({
      owner: "oneadmin",
      content:
        'MEMORY="1024"\nCONTEXT=[A="x \\"y\\""]\nNOTE=""\nPCI=[VENDOR="10de",CDKTF_PASSTHROUGH="gpu"]\n',
    });
  });

  test("takes a device from a peer that is off", () => {
    const peer = vm("44", "spare", "8", "0", {
      PCI: { SHORT_ADDRESS: "01:00.0", PCI_ID: "3", CDKTF_PASSTHROUGH: "gpu" },
    });
    const facts = cloud({}, { vms: [vm("42", "workstation", "8", "0", {}), peer] });
    const declaration = wants({ gpu: { device: "0000:01:00.0" } }, { peers: ["spare"] });
    expect(words(facts, declaration)[0]).toBe("onevm pci-detach 44 3");
  });
});

describe("what speaks against it", () => {
  const problems = (facts: HostFacts, declaration: VmDeclaration, moment: "plan" | "apply" = "plan") =>
    opennebula
      .problems(asked(facts, declaration), moment)
      .map(({ severity, summary, detail }) => `${severity}: ${summary}: ${detail}`);
  const audio = { audio: { request: request({ vendor: "8086", device: "0a0c", class: "0403" }) } };

  test("nothing", () => {
    expect(problems(cloud(), wants({ gpu: { request: request({ vendor: "10de" }) } }), "apply")).toEqual([]);
  });

  test("somebody has the only one", () => {
    expect(problems(cloud(), wants(audio))).toEqual([
      expect.stringMatching(
        /^error: No device for audio of VM 42 \(workstation\) of one: Node1 has no 8086:0a0c:0403 free: 8086:0a0c:0403 at 03:00\.0 \(Device 0a0c\) of node1 is VM 43's \(router\)/,
      ),
    ]);
  });

  test("a kind is asked for more often than it is there", () => {
    const twice = wants({
      a: { request: request({ vendor: "10de" }) },
      b: { request: request({ class: "0300" }) },
    });
    expect(problems(cloud(), twice, "apply")).toEqual([
      expect.stringContaining("error: No device for b of VM 42 (workstation) of one"),
    ]);
  });

  test("what is not listed yet may be by the time of the apply", () => {
    const declaration = wants({ x: { request: request({ vendor: "1af4" }) } });
    expect(problems(cloud(), declaration)[0]).toMatch(
      /^warning: No device for x .* There is: node1 10de:1e84:0300/,
    );
    expect(problems(cloud(), declaration, "apply")[0]).toMatch(/^error/);
  });

  test("a template's VM would wait for ever", () => {
    const facts = cloud({}, { templates: [named("7", "server", {})] });
    expect(problems(facts, wants(audio, { vmId: "template:7" }), "apply")).toEqual([
      expect.stringMatching(
        /^warning: .*VM template 7 \(server\).*No host has 8086:0a0c:0403 free.*scheduler's log/,
      ),
    ]);
  });

  test("a VM that runs", () => {
    const gpuSlot = { gpu: { request: request({ vendor: "10de" }) } };
    const running = cloud({}, {}, "3");
    expect(problems(running, wants(gpuSlot))).toEqual([
      expect.stringMatching(/^warning: .* is not powered off/),
    ]);
    expect(problems(running, wants(gpuSlot), "apply")).toEqual([
      expect.stringMatching(/^error: .*onevm poweroff 42/),
    ]);
    expect(problems(running, wants(gpuSlot, { restart: true }), "apply")).toEqual([]);
  });

  test("a VM, a template or a network that is not there", () => {
    expect(problems(cloud(), wants({}, { vmId: "99" }))).toEqual([
      "error: There is no VM 99 in OpenNebula on one: It has 42 (workstation), 43 (router). Name one of them, or create it first.",
    ]);
    expect(problems(cloud(), wants({}, { vmId: "template:x" }))[0]).toContain("There is no VM template x");
    const net = wants({ net: { request: request({ vendor: "10de" }), nic: nic({}) } });
    expect(problems(cloud(), net, "apply")).toEqual([
      expect.stringContaining("error: There is no virtual network passthrough"),
    ]);
  });

  test("a network whose driver has nothing to configure", () => {
    const net = wants({ net: { request: request({ vendor: "10de" }), nic: nic({}) } });
    const withDriver = (driver: string) =>
      problems(cloud({}, { networks: [named("1", "passthrough", { VN_MAD: driver })] }), net, "apply");
    expect(withDriver("bridge")).toEqual([expect.stringContaining("has the driver bridge")]);
    expect([withDriver("dummy"), withDriver("802.1Q")]).toEqual([[], []]);
  });

  test("two VMs of one name", () => {
    const facts = cloud({}, { vms: [vm("1", "twin", "8", "0", {}), vm("2", "twin", "8", "0", {})] });
    expect(problems(facts, wants({}, { vmId: "twin" }))[0]).toContain('Several VMs are called "twin": 1, 2');
  });
});
