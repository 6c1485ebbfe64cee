/** Network cards of a Proxmox VE VM: what nobody declared of one stays, its MAC address above all. */
import fc from "fast-check";
import {
  formatNic,
  nicAfter,
  nicProblems,
  parseNic,
  sameNic,
  satisfiesNic,
} from "../../../lib/hypervisors/proxmox/nic";
import { proxmox } from "../../../lib/hypervisors/proxmox/proxmox";
import { plannedChange } from "../../../lib/hypervisors/proxmox/vmChange";
import { untouched, type Settings, type VmNic, type VmRecord } from "../../../lib/hypervisors/types";
import { declare, digestOf, node, request } from "./node";

const card = (given: Partial<VmNic>): VmNic => ({ profile: null, ...given });
const mac = "BC:24:11:00:00:01";

test.each<[Partial<VmNic>, string]>([
  [{ bridge: "vmbr0" }, "bridge=vmbr0"],
  [{ model: "virtio", bridge: "vmbr0" }, "virtio,bridge=vmbr0"],
  [{ model: "e1000", mac: mac.toLowerCase() }, `e1000=${mac}`],
  [{ mac }, `macaddr=${mac}`],
  [
    {
      ...{ model: "virtio", mac, bridge: "vmbr0", vlan_id: 7, trunks: "8;20-30", firewall: true },
      ...{ link_down: false, mtu: 1, queues: 4, rate: 12.5 },
    },
    `virtio=${mac},bridge=vmbr0,firewall=1,link_down=0,mtu=1,queues=4,rate=12.5,tag=7,trunks=8;20-30`,
  ],
])("%j is %s", (given, text) => {
  expect(nicProblems(card(given))).toEqual([]);
  expect(formatNic(card(given))).toBe(text);
});

test.each<[string, Partial<VmNic>, string]>([
  ["nothing", {}, "says nothing of the card"],
  ["a model that is none", { model: "virtio,bridge=vmbr1" }, "model"],
  ["a bridge with an option", { bridge: "vmbr0,firewall=0" }, "bridge"],
  ["a bridge that is an option", { bridge: "--delete" }, "bridge"],
  ["a bridge with a line break", { bridge: "vmbr0\nargs: x" }, "bridge"],
  ["a group address", { mac: "01:00:5e:00:00:01" }, "mac"],
  ["a VLAN beyond all", { vlan_id: 4095 }, "vlan_id"],
  ["half a VLAN", { vlan_id: 1.5 }, "vlan_id"],
  ["a trunk with a command", { trunks: "7;$(id)" }, "trunks"],
  ["a trunk beyond all", { trunks: "7;20-5000" }, "names a VLAN that is none"],
  ["too many queues", { queues: 65 }, "queues"],
  ["a negative rate", { rate: -1 }, "rate"],
  ["an MTU of another model", { model: "e1000", mtu: 9000 }, "mtu is for a virtio card"],
])("%s is refused", (_what, given, words) => {
  expect(nicProblems(card(given)).join()).toContain(words);
});

test.each([
  [`virtio=${mac},bridge=vmbr0,firewall=1`, "bridge=vmbr0", true],
  [`virtio=${mac},bridge=vmbr0`, "virtio,bridge=vmbr0", true],
  [`model=virtio,macaddr=${mac},bridge=vmbr0`, `virtio=${mac.toLowerCase()}`, true],
  ["virtio,bridge=vmbr0", "firewall=0,link_down=0", true],
  ["virtio,bridge=vmbr0,firewall=on", "firewall=1", true],
  ["virtio,rate=10.0", "rate=10", true],
  [`virtio=${mac},bridge=vmbr1`, "bridge=vmbr0", false],
  [`e1000=${mac}`, "virtio", false],
  ["virtio,bridge=vmbr0", "tag=7", false],
  ["virtio,bridge=vmbr0", "firewall=1", false],
  ["virtio,virtio", "virtio", false],
])("%s has %s: %s", (actual, wanted, answer) => {
  expect(satisfiesNic(actual, wanted)).toBe(answer);
});

const was = `virtio=${mac},bridge=vmbr0,firewall=1`;
test.each<[string, string | null, string, { written: string; base: string | null } | null, string]>([
  [
    "a new one is virtio, and Proxmox VE makes its address",
    null,
    "bridge=vmbr0",
    null,
    "virtio,bridge=vmbr0",
  ],
  [
    "one that is there keeps what is not declared",
    was,
    "bridge=vmbr1,tag=7",
    null,
    `virtio=${mac},bridge=vmbr1,firewall=1,tag=7`,
  ],
  [
    "another model keeps the address",
    was,
    "e1000,bridge=vmbr0",
    null,
    `e1000=${mac},bridge=vmbr0,firewall=1`,
  ],
  ["nothing to do leaves the text", was, "bridge=vmbr0,firewall=1", null, was],
  [
    "an option that is declared no more is as before us",
    `virtio=${mac},bridge=vmbr1,firewall=0,tag=7`,
    "bridge=vmbr1",
    { written: "bridge=vmbr1,firewall=0,tag=7", base: was },
    `virtio=${mac},bridge=vmbr1,firewall=1`,
  ],
  [
    "unless somebody changed it since",
    `virtio=${mac},bridge=vmbr1,tag=9`,
    "bridge=vmbr1",
    { written: "bridge=vmbr1,tag=7", base: was },
    `virtio=${mac},bridge=vmbr1,tag=9`,
  ],
  [
    "a card of ours keeps its model and address",
    `e1000=${mac},bridge=vmbr0`,
    "bridge=vmbr0",
    { written: `e1000=${mac},bridge=vmbr0`, base: null },
    `e1000=${mac},bridge=vmbr0`,
  ],
  [
    "one that was taken away comes back as it was",
    null,
    "bridge=vmbr1",
    { written: "bridge=vmbr1", base: was },
    `virtio=${mac},bridge=vmbr1,firewall=1`,
  ],
  [
    "given back, it is byte for byte as before",
    `virtio=${mac},bridge=vmbr1,firewall=1`,
    "",
    { written: "bridge=vmbr1", base: was },
    was,
  ],
])("%s", (_what, actual, wanted, before, after) => {
  expect(nicAfter(actual, wanted, before)).toBe(after);
});

test("what is declared is reached in one step, keeps the address, and is given back", () => {
  const options = fc.record(
    {
      ...{ model: fc.constantFrom("virtio", "e1000"), bridge: fc.constantFrom("vmbr0", "vmbr1") },
      ...{
        vlan_id: fc.integer({ min: 1, max: 4094 }),
        firewall: fc.boolean(),
        queues: fc.integer({ min: 0, max: 8 }),
      },
    },
    { requiredKeys: ["bridge"] },
  );
  fc.assert(
    fc.property(options, options, options, (there, first, second) => {
      const base = formatNic(card({ model: "virtio", ...there, mac }));
      const [one, two] = [formatNic(card(first)), formatNic(card(second))];
      const once = nicAfter(base, one, null);
      const twice = nicAfter(once, two, { written: one, base });
      expect([satisfiesNic(once, one), satisfiesNic(twice, two)]).toEqual([true, true]);
      expect(parseNic(twice)?.["macaddr"]).toBe(mac);
      expect(sameNic(twice, nicAfter(base, two, null))).toBe(true);
      expect(nicAfter(twice, "", { written: two, base })).toBe(base);
    }),
  );
});

describe("the change of a VM", () => {
  const config = (nets: string) => `name: ws\n${nets}scsi0: local:1\n`;
  const facts = (nets: string, running = false) => node({ "100": { config: config(nets), running } });
  const steps = (nets: string, nics: Record<string, VmNic> | null, record: VmRecord = untouched) =>
    plannedChange(request(facts(nets), nics && { nics }, { record })).steps.flatMap((step) =>
      "command" in step ? [step.command.slice(5).join(" ")] : [],
    );
  const written = (settings: Settings, base: VmRecord["base"]): VmRecord => ({ base, written: settings });

  test("is of the declared cards alone", () => {
    const nets = `net0: ${was}\nnet1: e1000=BC:24:11:00:00:02,bridge=vmbr1\n`;
    expect(
      steps(nets, { net0: card({ bridge: "vmbr1" }), net2: card({ bridge: "vmbr0", vlan_id: 7 }) }),
    ).toEqual([`--net0 virtio=${mac},bridge=vmbr1,firewall=1 --net2 virtio,bridge=vmbr0,tag=7`]);
    expect(steps(nets, { net0: card({ bridge: "vmbr0" }), net1: card({ model: "e1000" }) })).toEqual([]);
  });

  test("gives back what a card had, and takes one of ours away", () => {
    const nets = `net0: virtio=${mac},bridge=vmbr1,firewall=1,queues=2\nnet2: virtio=BC:24:11:00:00:03,bridge=vmbr0\n`;
    const record = written({ net0: "bridge=vmbr1", net2: "bridge=vmbr0" }, { net0: was, net2: null });
    // Somebody else set the queues.
    expect(steps(nets, null, record)).toEqual([
      `--net0 virtio=${mac},bridge=vmbr0,firewall=1,queues=2 --delete net2`,
    ]);
  });

  test("is seen where somebody else changes what is declared, and nowhere else", () => {
    const wanted = { net0: "bridge=vmbr0" };
    const seen = (net: string) => proxmox.observe(facts(`net0: ${net}\n`), "100", wanted)?.settings;
    expect(seen(`virtio=${mac},bridge=vmbr0,queues=4`)).toEqual(wanted);
    expect(seen(`virtio=${mac},bridge=vmbr1`)).toEqual({ net0: `virtio=${mac},bridge=vmbr1` });
  });

  test("of a VM that is made has whole cards, and a copy none of its original's addresses", () => {
    const create = {
      ...{ name: "nas", cores: null, memory: null, os_type: null, storage: null, disk: null, bridge: null },
      ...{ clone: null, full: null, delete_on_destroy: null },
    };
    const nics = { net0: card({ bridge: "vmbr1" }) };
    const commands = (clone: string | null) =>
      plannedChange(
        request(node({ "900": { config: `name: base\ntemplate: 1\nnet0: ${was}\n` } }), {
          nics,
          create: { ...create, clone },
        }),
      ).steps.map((step) => ("command" in step ? step.command.join(" ") : step.step));
    expect(commands(null)[0]).toContain(" --net0=virtio,bridge=vmbr1");
    expect(commands("900")[1]).toBe("qm set 100 --net0=virtio,bridge=vmbr1,firewall=1");
    const twice = proxmox.validate(declare({ nics, create: { ...create, bridge: "vmbr0" } }));
    expect(twice).toEqual([expect.objectContaining({ key: "create" })]);
  });

  test("carries the digest of what was read", () => {
    const [step] = plannedChange(
      request(facts(`net0: ${was}\n`), { nics: { net0: card({ bridge: "vmbr1" }) } }),
    ).steps;
    expect(step).toMatchObject({
      command: [
        "qm",
        "set",
        "100",
        "--digest",
        digestOf(config(`net0: ${was}\n`)),
        "--net0",
        expect.any(String),
      ],
    });
  });
});
