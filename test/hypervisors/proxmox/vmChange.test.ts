import { plannedChange, recordAfter } from "../../../lib/hypervisors/proxmox/vmChange";
import type { VmRecord } from "../../../lib/hypervisors/types";
import { digestOf, golden, node, pciSlot, request, usbSlot } from "./node";

const plain = golden("plain");
const gpu = { hostpci0: pciSlot({ device: "01:00", pcie: true }) };
const commands = (...of: Parameters<typeof plannedChange>) =>
  plannedChange(...of).steps.map((step) => (step.step === "command" ? step.command.join(" ") : step.step));
const digest = (config: string) => digestOf(config);

describe("plannedChange", () => {
  it("sets what is declared, guarded by the digest that the plan saw", () => {
    const facts = node({ "100": { config: plain } });
    const change = plannedChange(
      request(facts, { pci: gpu, machine: "q35", bootOrder: ["hostpci0", "net0"] }),
    );
    expect(change.steps).toEqual([
      {
        step: "command",
        command: [
          ...["qm", "set", "100", "--digest", digest(plain)],
          ...["--hostpci0", "0000:01:00,pcie=1", "--machine", "q35", "--boot", "order=hostpci0;net0"],
        ],
        timeoutSeconds: 120,
      },
    ]);
    expect(change.changes).toEqual([
      { key: "hostpci0", before: null, after: "0000:01:00,pcie=1" },
      { key: "machine", before: null, after: "q35" },
      { key: "boot", before: "order=scsi0;net0", after: "order=hostpci0;net0" },
    ]);
  });

  it("keeps what each key had before", () => {
    const facts = node({ "100": { config: plain } });
    expect(plannedChange(request(facts, { pci: gpu, bootOrder: ["net0"] })).record).toEqual({
      base: { hostpci0: null, boot: "order=scsi0;net0" },
      written: { hostpci0: "0000:01:00,pcie=1", boot: "order=net0" },
    });
  });

  it("has nothing to do where only the writing differs", () => {
    const facts = node({ "100": { config: "hostpci0: pcie=on,host=01:00\nmachine: pc-q35-8.1\nname: a\n" } });
    const change = plannedChange(request(facts, { pci: gpu, machine: "q35" }));
    expect(change.steps).toEqual([]);
    expect(change.record.base).toEqual({ hostpci0: "pcie=on,host=01:00", machine: "pc-q35-8.1" });
  });

  it("counts what is pending as done", () => {
    const facts = node({
      "100": { config: `${plain}\n[PENDING]\nhostpci0: 0000:01:00,pcie=1\n`, running: true },
    });
    expect(plannedChange(request(facts, { pci: gpu })).steps).toEqual([]);
  });

  it("keeps what others wrote into a value", () => {
    const facts = node({ "100": { config: "cpu: kvm64,flags=+aes\n" } });
    expect(commands(request(facts, { cpu: "host" }))[0]).toMatch(/ --cpu host,flags=\+aes$/);
  });

  it("does nothing for a VM that is not there", () => {
    expect(plannedChange(request(node({}), { pci: gpu })).steps).toEqual([]);
  });
});

describe("keys that leave the declaration", () => {
  const record: VmRecord = {
    base: { hostpci0: null, hostpci1: "02:00", machine: "pc-i440fx-8.1" },
    written: { hostpci0: "0000:01:00", hostpci1: "0000:03:00.0", machine: "q35" },
  };
  const asWeLeftIt = "hostpci0: 01:00\nhostpci1: 0000:03:00.0\nmachine: q35\n";

  it("get back what they had", () => {
    const facts = node({ "100": { config: asWeLeftIt } });
    expect(commands(request(facts, null, { record }))).toEqual([
      `qm set 100 --digest ${digest(asWeLeftIt)} --hostpci1 02:00 --machine pc-i440fx-8.1 --delete hostpci0`,
    ]);
  });

  it("go together with what arrives, in one command", () => {
    const facts = node({ "100": { config: asWeLeftIt } });
    const change = plannedChange(
      request(facts, { pci: { hostpci5: pciSlot({ device: "02:00.0" }) } }, { record }),
    );
    expect(change.changes.map(({ key, after }) => [key, after])).toEqual([
      ["hostpci5", "0000:02:00.0"],
      ["hostpci0", null],
      ["hostpci1", "02:00"],
      ["machine", "pc-i440fx-8.1"],
    ]);
    expect(change.record).toEqual({ base: { hostpci5: null }, written: { hostpci5: "0000:02:00.0" } });
  });

  it("stay where somebody changed them since", () => {
    const config = "hostpci0: 02:00\nmachine: pc-q35-8.1\n";
    const facts = node({ "100": { config } });
    const change = plannedChange(request(facts, null, { record }));
    // The version was added by somebody, and it still is the q35 that we wrote; hostpci1 is gone already.
    expect(change.changes).toEqual([{ key: "machine", before: "pc-q35-8.1", after: "pc-i440fx-8.1" }]);
  });

  it("need nothing where the declaration found them so", () => {
    const found: VmRecord = { base: { hostpci0: "01:00" }, written: { hostpci0: "0000:01:00" } };
    const facts = node({ "100": { config: "hostpci0: 01:00\n" } });
    expect(plannedChange(request(facts, null, { record: found })).steps).toEqual([]);
  });

  it("never go where we never wrote", () => {
    const facts = node({ "100": { config: golden("workstation") } });
    expect(plannedChange(request(facts, null)).steps).toEqual([]);
  });

  it("are given back once", () => {
    const facts = node({ "100": { config: "hostpci1: 02:00\nmachine: pc-i440fx-8.1\n" } });
    expect(plannedChange(request(facts, null, { record })).steps).toEqual([]);
  });

  it("keep the base of the first write over later ones", () => {
    const facts = node({ "100": { config: "hostpci1: 0000:03:00.0\n" } });
    const change = plannedChange(
      request(facts, { pci: { hostpci1: pciSlot({ device: "01:00" }) } }, { record }),
    );
    expect(change.record.base).toEqual({ hostpci1: "02:00" });
  });

  it("never restart a VM that is given up", () => {
    const facts = node({ "100": { config: asWeLeftIt, running: true } });
    expect(commands(request(facts, null, { record })).join()).not.toMatch(/reboot/);
  });
});

describe("a running VM", () => {
  const running = (config: string) => node({ "100": { config, running: true } });

  it("is left running", () => {
    expect(commands(request(running(plain), { pci: gpu }))).toEqual([expect.stringMatching(/^qm set /)]);
  });

  it("is restarted where that is asked for", () => {
    const change = plannedChange(request(running(plain), { pci: gpu, restart: true }));
    expect(change.steps[1]).toEqual({
      step: "command",
      command: ["qm", "reboot", "100", "--timeout", "300"],
      timeoutSeconds: 420,
    });
  });

  it("is restarted for what is pending already", () => {
    const config = `${plain}\n[PENDING]\nhostpci0: 0000:01:00,pcie=1\n`;
    expect(commands(request(running(config), { pci: gpu, restart: true }))).toEqual([
      "qm reboot 100 --timeout 300",
    ]);
  });

  it.each([
    ["nothing changes", "hostpci0: 01:00,pcie=1\n", { pci: gpu }],
    ["something else is pending", "hostpci0: 01:00,pcie=1\n\n[PENDING]\nmemory: 4096\n", { pci: gpu }],
    [
      "the change takes back what was pending",
      "hostpci0: 01:00,pcie=1\n\n[PENDING]\ndelete: hostpci0\n",
      { pci: gpu },
    ],
    ["USB is plugged live", plain, { usb: { usb0: usbSlot({ host: "1-4" }) } }],
  ])("is not restarted if %s", (_why, config, declaration) => {
    expect(commands(request(running(config), { ...declaration, restart: true })).join()).not.toMatch(
      /reboot/,
    );
  });

  it("is restarted for another version of its machine", () => {
    const facts = running("machine: pc-q35-8.1\n\n[PENDING]\nmachine: q35\n");
    expect(commands(request(facts, { machine: "q35", restart: true }))).toEqual([
      "qm reboot 100 --timeout 300",
    ]);
  });

  it.each([
    ["0", true],
    ["network,disk", true],
    ["1", false],
    ["disk,usb", false],
  ])("with hotplug %s is restarted for USB: %s", (hotplug, restarts) => {
    const facts = running(`hotplug: ${hotplug}\n${plain}`);
    const all = commands(request(facts, { usb: { usb0: usbSlot({ host: "1-4" }) }, restart: true }));
    expect(all.some((command) => command.startsWith("qm reboot"))).toBe(restarts);
  });

  it("that is stopped is not started", () => {
    const facts = node({ "100": { config: plain } });
    expect(commands(request(facts, { pci: gpu, restart: true }))).toHaveLength(1);
  });
});

describe("a device that another VM has", () => {
  const other = "hostpci3: 01:00,pcie=1\nhostpci4: 02:00.0\nname: other\n";

  it("is taken from a stopped peer first", () => {
    const facts = node({ "100": { config: plain }, "101": { config: other } });
    const change = plannedChange(request(facts, { pci: gpu, peers: ["101"] }));
    expect(change.steps.map((step) => step.step === "command" && step.command.join(" "))).toEqual([
      `qm set 101 --digest ${digest(other)} --delete hostpci3`,
      `qm set 100 --digest ${digest(plain)} --hostpci0 0000:01:00,pcie=1`,
    ]);
  });

  it("is taken too where the addresses only overlap", () => {
    const facts = node({ "100": { config: plain }, "101": { config: other } });
    const one = { hostpci0: pciSlot({ device: "01:00.1" }) };
    expect(commands(request(facts, { pci: one, peers: ["101"] }))[0]).toMatch(
      /^qm set 101 .* --delete hostpci3$/,
    );
  });

  it("swaps, and the other VM's own change finds nothing to take", () => {
    const [a, b] = ["hostpci0: 0000:01:00\n", "hostpci0: 0000:02:00.0\n"];
    const toB = { hostpci0: pciSlot({ device: "02:00.0" }) };
    const toA = { hostpci0: pciSlot({ device: "01:00" }) };
    const before = node({ "100": { config: a }, "101": { config: b } });
    expect(commands(request(before, { pci: toB, peers: ["101"] }))).toEqual([
      `qm set 101 --digest ${digest(b)} --delete hostpci0`,
      `qm set 100 --digest ${digest(a)} --hostpci0 0000:02:00.0`,
    ]);
    const after = node({ "100": { config: "hostpci0: 0000:02:00.0\n" }, "101": { config: "" } });
    expect(commands(request(after, { vmId: "101", pci: toA, peers: ["100"] }))).toEqual([
      `qm set 101 --digest ${digest("")} --hostpci0 0000:01:00`,
    ]);
  });

  it("that has moved away is nothing to give back", () => {
    const record = { base: { hostpci0: null }, written: { hostpci0: "0000:01:00" } };
    expect(plannedChange(request(node({ "100": { config: plain } }), null, { record })).steps).toEqual([]);
  });

  it.each([
    ["runs with it", { "101": { config: other, running: true } }],
    ["is no peer", { "102": { config: other } }],
    ["is on another node", { "101": { config: other, node: "pve2" } }],
  ])("is not taken from a VM that %s", (_why, others) => {
    const facts = node({ "100": { config: plain }, ...others });
    expect(commands(request(facts, { pci: gpu, peers: ["101"] }))).toEqual([
      expect.stringMatching(/^qm set 100 /),
    ]);
  });

  it("is taken from a running peer that has it for its next start only", () => {
    const pending = "name: other\n\n[PENDING]\nhostpci0: 01:00\n";
    const facts = node({ "100": { config: plain }, "101": { config: pending, running: true } });
    expect(commands(request(facts, { pci: gpu, peers: ["101"] }))[0]).toMatch(
      /^qm set 101 .* --delete hostpci0$/,
    );
  });

  it("is shared where both have a mediated device of it", () => {
    const facts = node({ "100": { config: plain }, "101": { config: "hostpci0: 02:00.0,mdev=nvidia-63\n" } });
    const mediated = { hostpci0: pciSlot({ device: "02:00.0", mdev: "nvidia-63" }) };
    expect(commands(request(facts, { pci: mediated, peers: ["101"] }))).toHaveLength(1);
    const whole = { hostpci0: pciSlot({ device: "02:00.0" }) };
    expect(commands(request(facts, { pci: whole, peers: ["101"] }))).toHaveLength(2);
  });
});

describe("recordAfter", () => {
  const record: VmRecord = {
    base: { hostpci0: "02:00.0", hostpci1: "03:00.0" },
    written: { hostpci0: "0000:01:00", hostpci1: "0000:03:00.1" },
  };
  const before = node({ "100": { config: "hostpci0: 0000:01:00\nhostpci1: 0000:03:00.1\n" } });
  const wanted = request(
    before,
    { pci: { hostpci0: pciSlot({ device: "01:00.0" }), hostpci2: pciSlot({ device: "02:00.0" }) } },
    { record },
  );
  const after = (config: string) =>
    recordAfter(wanted, plannedChange(wanted), node(config === "" ? {} : { "100": { config } }));

  it("is the new one where everything is done", () => {
    const done = "hostpci0: 0000:01:00.0\nhostpci1: 03:00.0\nhostpci2: 0000:02:00.0\n";
    expect(after(done)).toEqual(plannedChange(wanted).record);
    expect(after(done)).toEqual({
      base: { hostpci0: "02:00.0", hostpci2: null },
      written: { hostpci0: "0000:01:00.0", hostpci2: "0000:02:00.0" },
    });
  });

  it("still gives back what was there where nothing is done", () => {
    const kept = after("hostpci0: 0000:01:00\nhostpci1: 0000:03:00.1\n");
    expect(kept.written).toEqual(record.written);
    expect(kept.base).toMatchObject(record.base);
    expect(
      plannedChange(request(before, null, { record: kept })).changes.map(({ key, after: to }) => [key, to]),
    ).toEqual([
      ["hostpci0", "02:00.0"],
      ["hostpci1", "03:00.0"],
    ]);
  });

  it("does not claim what somebody else set meanwhile", () => {
    const kept = after("hostpci0: 0000:01:00.0\nhostpci1: 0000:02:00.0\n");
    expect(kept.written).toEqual({ hostpci0: "0000:01:00.0" });
  });

  it("is the new one where the VM is gone", () => {
    expect(after("")).toEqual(plannedChange(wanted).record);
  });

  it("forgets what a destroy has given back, and nothing else", () => {
    const destroy = request(before, null, { record });
    const facts = node({ "100": { config: "hostpci0: 02:00.0\nhostpci1: 0000:03:00.1\n" } });
    expect(recordAfter(destroy, plannedChange(destroy), facts)).toEqual({
      base: { hostpci1: "03:00.0" },
      written: { hostpci1: "0000:03:00.1" },
    });
  });
});
