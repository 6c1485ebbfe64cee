import { claims } from "../../../lib/hypervisors/libvirt/claims";
import { libvirt } from "../../../lib/hypervisors/libvirt/libvirt";
import { plannedChange, recordAfter } from "../../../lib/hypervisors/libvirt/vmChange";
import { sha256 } from "../../../lib/model/digest";
import type { Step } from "../../../lib/model/change";
import { card, definition, hostdev, kvm, pciSlot, request, usbSlot, uuidOf } from "./host";

const gpu = { gpu: pciSlot() };
const text = "pci 0000:01:00 managed=yes";
const record = { base: { gpu: null }, written: { gpu: text } };

/** `attach config 0000:01:00.0 ua-cdktf-gpu_0` and the like. */
const told = (steps: readonly Step[]) =>
  steps.flatMap((step) =>
    step.step !== "domain"
      ? [step.step]
      : step.devices.map(({ verb, layer, xml }) => {
          const address = /bus=.0x(\w+). slot=.0x(\w+). function=.0x(\w)/.exec(xml)?.slice(1) ?? [];
          const [bus, slot, fn] = address;
          const alias = /alias name=.([\w-]+)/.exec(xml)?.[1] ?? "-";
          return `${verb} ${layer} ${bus === undefined ? "" : `0000:${bus}:${slot ?? ""}.${fn ?? ""} `}${alias}`;
        }),
  );
const work = (...of: Parameters<typeof plannedChange>) => told(plannedChange(...of).steps);

describe("a change", () => {
  it("attaches each function of a card, guarded by the configuration that was read", () => {
    const change = plannedChange(request(kvm({ web: {} }), { pci: gpu }));
    expect(told(change.steps)).toEqual([
      "attach config 0000:01:00.0 ua-cdktf-gpu_0",
      "attach config 0000:01:00.1 ua-cdktf-gpu_1",
    ]);
    expect(change.steps[0]).toMatchObject({ uuid: uuidOf(0), expect: sha256(definition("web", 0, "")) });
    expect(change.changes).toEqual([{ key: "gpu", before: null, after: text }]);
    expect(change.record).toEqual({ base: { gpu: null }, written: { gpu: text } });
  });

  it("writes every option where libvirt has it", () => {
    const slot = pciSlot({
      ...{ managed: false, rombar: false, romfile: "/rom/a.bin", boot_order: 2, teaming: "ua-b" },
      ...{ guest_address: "05:00" },
    });
    const [step] = plannedChange(request(kvm({ web: {} }), { pci: { gpu: slot } })).steps;
    const [first, second] = step?.step === "domain" ? step.devices.map(({ xml }) => xml) : [];
    expect(first).toBe(
      '<hostdev mode="subsystem" type="pci"><source><address domain="0x0000" bus="0x01" slot="0x00" function="0x0"/></source>' +
        '<alias name="ua-cdktf-gpu_0"/><rom bar="off" file="/rom/a.bin"/><boot order="2"/>' +
        '<teaming type="transient" persistent="ua-b"/>' +
        '<address type="pci" domain="0x0000" bus="0x05" slot="0x00" function="0x0" multifunction="on"/></hostdev>',
    );
    // What a card has once is with its first function.
    expect(second).toContain('<rom bar="off"/>');
    expect(second).not.toContain("<boot");
    expect(second).toContain('bus="0x05" slot="0x00" function="0x1"');
  });

  it("writes USB devices by id, and by the number that the one at a port has now", () => {
    const usb = {
      key: usbSlot({ host: "046d:c52b" }),
      port: usbSlot({ host: "1-4", startup_policy: "optional" }),
    };
    const [step] = plannedChange(request(kvm({ web: {} }), { usb })).steps;
    expect(step?.step === "domain" ? step.devices.map(({ xml }) => xml) : []).toEqual([
      '<hostdev mode="subsystem" type="usb"><source><vendor id="0x046d"/><product id="0xc52b"/></source><alias name="ua-cdktf-key_0"/></hostdev>',
      '<hostdev mode="subsystem" type="usb"><source startupPolicy="optional"><address bus="1" device="5"/></source><alias name="ua-cdktf-port_0"/></hostdev>',
    ]);
  });

  it.each([
    ["what is as declared", card(), gpu],
    ["what is written in another way", card().replaceAll("0x0", "0"), gpu],
    [
      "what somebody else attached to the same effect",
      hostdev("0000:02:00.0"),
      { gpu: pciSlot({ device: "02:00.0" }) },
    ],
  ])("leaves %s", (_what, devices, pci) => {
    expect(work(request(kvm({ web: { devices } }), { pci }))).toEqual([]);
  });

  it("replaces what is otherwise, and gives it back", () => {
    const foreign = hostdev("0000:02:00.0", { managed: "no" });
    const nvme = { nvme: pciSlot({ device: "02:00.0" }) };
    const there = kvm({ web: { devices: foreign } });
    const change = plannedChange(request(there, { pci: nvme }));
    expect(told(change.steps)).toEqual([
      "detach config 0000:02:00.0 -",
      "attach config 0000:02:00.0 ua-cdktf-nvme_0",
    ]);
    expect(change.record.base["nvme"]?.replaceAll(`"`, "'")).toBe(foreign);

    const done = kvm({ web: { devices: hostdev("0000:02:00.0", { alias: "ua-cdktf-nvme_0" }) } });
    expect(work(request(done, null, { record: change.record }))).toEqual([
      "detach config 0000:02:00.0 ua-cdktf-nvme_0",
      "attach config 0000:02:00.0 -",
    ]);
  });

  it("takes away what carries our mark and still is what we made, and nothing else", () => {
    const devices = [
      hostdev("0000:01:00.0", { alias: "ua-cdktf-gpu_0" }),
      hostdev("0000:01:00.1", { alias: "ua-cdktf-gpu_1", managed: "no" }),
      hostdev("0000:02:00.0", { alias: "ua-mine" }),
    ].join("");
    expect(work(request(kvm({ web: { devices } }), null, { record }))).toEqual([
      "detach config 0000:01:00.0 ua-cdktf-gpu_0",
    ]);
  });

  it("moves a device from one slot to another", () => {
    const facts = kvm({ web: { devices: card("gpu") } });
    expect(work(request(facts, { pci: { card: pciSlot() } }, { record }))).toEqual([
      "detach config 0000:01:00.0 ua-cdktf-gpu_0",
      "detach config 0000:01:00.1 ua-cdktf-gpu_1",
      "attach config 0000:01:00.0 ua-cdktf-card_0",
      "attach config 0000:01:00.1 ua-cdktf-card_1",
    ]);
  });

  it("takes a device from a stopped peer first, and from nobody else", () => {
    const facts = kvm({ web: {}, db: { devices: card() } });
    const steps = plannedChange(request(facts, { pci: gpu, peers: ["db"] })).steps;
    expect(steps.map((step) => step.step === "domain" && step.uuid)).toEqual([uuidOf(1), uuidOf(0)]);
    expect(told(steps.slice(0, 1))).toEqual([
      "detach config 0000:01:00.0 ua-cdktf-gpu_0",
      "detach config 0000:01:00.1 ua-cdktf-gpu_1",
    ]);
    expect(plannedChange(request(facts, { pci: gpu })).steps).toHaveLength(1);
    const running = kvm({ web: {}, db: { devices: card(), live: card() } });
    expect(plannedChange(request(running, { pci: gpu, peers: ["db"] })).steps).toHaveLength(1);
  });
});

describe("a domain that runs", () => {
  it("gets its device at its next start", () => {
    const facts = kvm({ web: { live: "" } });
    expect(work(request(facts, { pci: gpu }))).toEqual([
      expect.stringMatching(/config/),
      expect.stringMatching(/config/),
    ]);
    const done = kvm({ web: { devices: card(), live: "" } });
    expect(libvirt.observe(done, "web", { gpu: text })).toMatchObject({
      settings: { gpu: text },
      restartPending: true,
    });
  });

  it("is restarted for it where that is declared, and only then", () => {
    const restart = { pci: gpu, restart: true };
    expect(work(request(kvm({ web: { live: "" } }), restart)).at(-1)).toBe("restart-domain");
    expect(work(request(kvm({ web: { devices: card(), live: "" } }), restart))).toEqual(["restart-domain"]);
    expect(work(request(kvm({ web: { devices: card(), live: card() } }), restart))).toEqual([]);
    expect(work(request(kvm({ web: {} }), restart)).at(-1)).toMatch(/^attach/);
  });

  it("gets and loses it at once where that is declared", () => {
    const live = { nvme: pciSlot({ device: "02:00.0", live: true }) };
    expect(work(request(kvm({ web: { live: "" } }), { pci: live }))).toEqual([
      "attach config 0000:02:00.0 ua-cdktf-nvme_0",
      "attach live 0000:02:00.0 ua-cdktf-nvme_0",
    ]);
    const devices = hostdev("0000:02:00.0", { alias: "ua-cdktf-nvme_0" });
    const wanted = { nvme: "pci 0000:02:00.0 managed=yes live" };
    const pulled = kvm({ web: { devices, live: "" } });
    expect(libvirt.observe(pulled, "web", wanted)?.settings).toEqual({
      nvme: "pci 0000:02:00.0 managed=yes",
    });
    expect(
      work(
        request(kvm({ web: { devices, live: devices } }), null, { record: { base: {}, written: wanted } }),
      ),
    ).toEqual(["detach config 0000:02:00.0 ua-cdktf-nvme_0", "detach live 0000:02:00.0 ua-cdktf-nvme_0"]);
  });
});

describe("observe", () => {
  it("tells a card of which a function is gone, and another device of a port", () => {
    const facts = kvm({ web: { devices: hostdev("0000:01:00.1", { alias: "ua-cdktf-gpu_1" }) } });
    expect(libvirt.observe(facts, "web", { gpu: text })?.settings).toEqual({
      gpu: "pci 0000:01:00.1 managed=yes",
    });
    const usb = `<hostdev mode='subsystem' type='usb'><source><address bus='1' device='3'/></source><alias name='ua-cdktf-key_0'/></hostdev>`;
    expect(libvirt.observe(kvm({ web: { devices: usb } }), "web", { key: "usb 1-4" })?.settings).toEqual({
      key: "usb 1.3",
    });
  });

  it("knows domains by their whole names alone", () => {
    const facts = kvm({ "a b": {}, "__proto__ x": {} });
    expect(libvirt.observe(facts, "a b", {})).toMatchObject({ name: "a b", running: false });
    expect(libvirt.observe(facts, "a", {})).toBeNull();
    expect(libvirt.observe(facts, "constructor", {})).toBeNull();
  });

  it("takes no answer for no sign that a domain is gone", () => {
    const silent = kvm({}, { libvirt: { complaint: "no socket", domains: {} } });
    expect(() => libvirt.observe(silent, "web", {})).toThrow("libvirt of kvm1 does not answer: no socket");
    expect(() => libvirt.observe({ ...silent, libvirt: null }, "web", {})).toThrow("not a libvirt host");
    expect(claims(silent)).toEqual([]);
  });
});

describe("claims", () => {
  it("names what runs, what is configured, and devices of interfaces and disks", () => {
    const nic = `<interface type='hostdev' managed='yes'><source><address type='pci' domain='0x0000' bus='0x03' slot='0x00' function='0x0'/></source></interface>`;
    const facts = kvm({ web: { devices: card(), live: hostdev("0000:02:00.0") }, db: { devices: nic } });
    expect(
      claims(facts).map(({ vmId, slot, address, inUse, configured }) => ({
        at: `${vmId} ${slot} ${address}`,
        inUse,
        configured,
      })),
    ).toEqual([
      { at: "web hostdev 0000:02:00.0", inUse: true, configured: false },
      { at: "web gpu 0000:01:00.0", inUse: false, configured: true },
      { at: "web gpu 0000:01:00.1", inUse: false, configured: true },
      { at: "db hostdev 0000:03:00.0", inUse: false, configured: true },
    ]);
  });
});

describe("recordAfter", () => {
  const wanted = request(kvm({ web: {} }), { pci: gpu });
  const after = (devices: string) => recordAfter(wanted, plannedChange(wanted), kvm({ web: { devices } }));

  it("keeps what came about, also where it is only a part: a destroy finds it by its mark", () => {
    expect(after(card())).toEqual(record);
    expect(after(hostdev("0000:01:00.0", { alias: "ua-cdktf-gpu_0" })).written).toEqual({ gpu: text });
    expect(after("").written).toEqual({});
  });

  it("forgets what a destroy has given back, and nothing else", () => {
    const destroy = request(kvm({ web: { devices: card() } }), null, { record });
    const change = plannedChange(destroy);
    expect(recordAfter(destroy, change, kvm({ web: {} })).written).toEqual({});
    expect(recordAfter(destroy, change, kvm({ web: { devices: card() } })).written).toEqual({ gpu: text });
  });
});

describe("changedSince", () => {
  it.each([
    ["nothing", card(), []],
    ["a device that is gone", "", []],
    [
      "a device that is otherwise",
      hostdev("0000:01:00.0", { alias: "ua-cdktf-gpu_0", managed: "no" }),
      ["gpu"],
    ],
  ])("is %s", (_what, devices, keys) => {
    const asked = request(kvm({ web: { devices } }), { pci: gpu }, { record });
    expect(libvirt.changedSince(asked, { gpu: text }).map(({ key }) => key)).toEqual(keys);
  });
});
