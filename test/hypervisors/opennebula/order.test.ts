/** The order in which PCI sections of a VM or VM template stand. */
import fc from "fast-check";
import { opennebula } from "../../../lib/hypervisors/opennebula/opennebula";
import {
  arranged,
  attachedAgain,
  orderThere,
  type Standing,
} from "../../../lib/hypervisors/opennebula/order";
import { mark, type Slots } from "../../../lib/hypervisors/opennebula/sections";
import { standing } from "../../../lib/hypervisors/opennebula/slots";
import type { Target } from "../../../lib/hypervisors/opennebula/target";
import { untouched, type VmDeclaration } from "../../../lib/hypervisors/types";
import type { Section } from "../../../lib/model/openNebulaTemplate";
import { declare, pciSlot } from "../proxmox/node";
import { device, frontEnd, host, vm } from "./frontEnd";

/** `a b:x c`: sections of the slots a and c, and one of somebody else. */
function sectionsOf(text: string): Section[] {
  const words = text === "" ? [] : text.split(" ");
  return words.map((word): Section =>
    word.startsWith(":") ? { VENDOR: word } : { VENDOR: word, [mark]: word },
  );
}

const ids = (sections: readonly Section[]) =>
  sections.map((section) => section[mark] ?? section["VENDOR"]).join(" ");

function found(sections: readonly Section[], names: readonly string[]): ReadonlyMap<string, Standing> {
  const slots: Slots = Object.fromEntries(names.map((name) => [name, [{ VENDOR: name }]]));
  return standing({ sections, kind: "vm" } as unknown as Target, slots);
}

test.each<[sections: string, wanted: string, order: string | null]>([
  ["a b", "a b", "a b"],
  ["b a", "a b", "b a"],
  [":x a :y b", "a b", "a b"],
  ["a a b", "a b", "a b"],
  ["a b a", "a b", "a b a"],
  ["a c", "a b c", "a c"],
  ["c a", "a b c", "c a"],
  ["a", "a b", null],
])("sections %s, declared %s: the order is %s", (there, wanted, order) => {
  const sections = sectionsOf(there);
  const names = wanted.split(" ");
  expect(orderThere({ sections }, found(sections, names), names)).toBe(order);
});

test("what somebody else has to the same effect is in nobody's order", () => {
  const sections = [{ VENDOR: "b" }, ...sectionsOf("c a")];
  const names = ["a", "b", "c"];
  expect(orderThere({ sections }, found(sections, names), names)).toBe("b c a");
  expect(orderThere({ sections }, found(sections, ["c", "a", "b"]), ["c", "a", "b"])).toBe("c a b");
});

test.each<[sections: string, wanted: string, arriving: string, again: string]>([
  ["a b", "a b", "", ""],
  ["b a", "a b", "", "b"],
  ["a b", "a n b", "n", "b"],
  ["a b", "a b n", "n", ""],
  ["c a b", "a b c", "", "c"],
  ["b c a", "a b c", "", "b c"],
  ["a b a", "a b", "", "b"],
  [":x b :y a", "a b", "", "b"],
])("a VM with %s that is to have %s, %s to come: %s again", (there, wanted, arriving, again) => {
  const sections = sectionsOf(there);
  const names = wanted.split(" ");
  const coming = Object.fromEntries(
    arriving
      .split(" ")
      .filter(Boolean)
      .map((name) => [name, []]),
  );
  const target = { sections } as unknown as Target;
  expect(attachedAgain(target, found(sections, names), names, coming).join(" ")).toBe(again);
});

test.each<[sections: string, ours: string, leaving: string, result: string]>([
  ["b :x a", "a b", "", "a :x b"],
  ["a :x", "a n", "", "a n :x"],
  [":x b", "n b", "", ":x n b"],
  [":x", "a b", "", ":x a b"],
  ["a :x b", "b", "a", ":x b"],
  ["c :x b :y a", "a b n c", "", "a :x b n :y c"],
  ["a b a", "a b", "", "a b"],
])("a template with %s whose slots are to be %s, %s leaving: %s", (there, wanted, leaving, result) => {
  const sections = sectionsOf(there);
  const ours = new Map(wanted.split(" ").map((name) => [name, sectionsOf(name)]));
  const gone = sections.filter((section) => section[mark] === leaving);
  expect(ids(arranged(sections, ours, gone))).toBe(result);
});

test("a template's sections are all of ours in order, and all of others in theirs", () => {
  const words = fc.array(fc.constantFrom("a", "b", "c", ":x", ":y"), { maxLength: 8 });
  const slots = fc.shuffledSubarray(["a", "b", "c", "d"]);
  fc.assert(
    fc.property(words, slots, (there, names) => {
      const sections = sectionsOf(there.join(" "));
      const leaving = sections.filter((section) => section[mark] && !names.includes(section[mark]));
      const ours = new Map(names.map((name) => [name, sectionsOf(name)]));
      const result = ids(arranged(sections, ours, leaving))
        .split(" ")
        .filter(Boolean);
      expect(result.filter((word) => !word.startsWith(":"))).toEqual(names);
      expect(result.filter((word) => word.startsWith(":"))).toEqual(
        there.filter((word) => word.startsWith(":")),
      );
    }),
  );
});

describe("a VM", () => {
  const request = { device: null, class: null, short_address: null };
  const nic = { network: "n", network_uname: null, mac: null, ip: null, ip6: null, vlan_id: null };
  const declaration = (order: readonly string[]): VmDeclaration =>
    declare({
      vmId: "42",
      pci: {
        gpu: pciSlot({ device: null, request: { ...request, vendor: "10de" } }),
        net: pciSlot({ device: null, request: { ...request, vendor: "8086" }, nic }),
      },
      pciOrder: order,
    });
  const facts = (state: string) =>
    frontEnd({
      hosts: [
        host("0", "node1", [device("01:00.0 10de:1e84:0300", "42"), device("03:00.0 8086:1521:0200", "42")]),
      ],
      vms: [
        vm("42", "workstation", state, "0", {
          PCI: [
            {
              TYPE: "NIC",
              NETWORK: "n",
              VENDOR: "8086",
              MAC: "02:00:00:00:00:01",
              IP: "10.0.0.9",
              NIC_ID: "0",
              PCI_ID: "0",
              SHORT_ADDRESS: "03:00.0",
              CDKTF_PASSTHROUGH: "net",
            },
            { VENDOR: "10de", PCI_ID: "1", SHORT_ADDRESS: "01:00.0", CDKTF_PASSTHROUGH: "gpu" },
          ],
        }),
      ],
    });
  const request42 = (state: string, order: readonly string[]) => ({
    ...{ host: "one", facts: facts(state), vmId: "42", declaration: declaration(order), record: untouched },
  });

  test("whose NIC is to stand behind gets it back with its addresses", () => {
    const { steps, changes } = opennebula.change(request42("8", ["gpu", "net"]));
    expect(changes).toEqual([{ key: "pci order", before: "net gpu", after: "gpu net" }]);
    expect(steps).toEqual([
      expect.objectContaining({ command: expect.arrayContaining(["nic-detach", "42", "0"]) as unknown }),
      expect.objectContaining({ step: "await" }),
      expect.objectContaining({
        content:
          'PCI=[TYPE="NIC",NETWORK="n",VENDOR="8086",MAC="02:00:00:00:00:01",IP="10.0.0.9",CDKTF_PASSTHROUGH="net"]\n',
      }),
      expect.objectContaining({ step: "await" }),
    ]);
    const summaries = (moment: "plan" | "apply") =>
      opennebula.problems(request42("8", ["gpu", "net"]), moment).map(({ summary }) => summary);
    expect(summaries("plan")[0]).toBe(
      "net of VM 42 (workstation) of one is attached again, for the declared order",
    );
    expect(summaries("apply")).toEqual([]);
  });

  test("that has the declared order, or whose order nobody declared, is left alone", () => {
    expect(opennebula.change(request42("8", ["net", "gpu"])).steps).toEqual([]);
    expect(opennebula.change(request42("8", [])).steps).toEqual([]);
  });

  test("that runs is told to be off first", () => {
    expect(opennebula.problems(request42("3", ["gpu", "net"]), "apply")).toEqual([
      expect.objectContaining({
        severity: "error",
        summary: "VM 42 (workstation) of one is not powered off",
      }),
    ]);
  });

  test("whose order somebody changed since the plan stops the apply; a device that went does not", () => {
    const request = request42("8", ["gpu", "net"]);
    const seen = (order: string) =>
      opennebula.changedSince(request, { "pci order": order }).map(({ key }) => key);
    expect([seen("net gpu"), seen("net spare gpu")]).toEqual([[], []]);
    const other = { ...request, declaration: declaration([]) };
    expect(
      opennebula.changedSince(other, {
        gpu: 'PCI=[VENDOR="10de"]',
        net: 'PCI=[TYPE="NIC",NETWORK="n",VENDOR="8086"]',
        "pci order": "gpu net",
      }),
    ).toEqual([{ key: "pci order", before: "gpu net", after: "net gpu" }]);
  });
});
