import { proxmox } from "../../../lib/hypervisors/proxmox/proxmox";
import { golden, node, pciSlot, request } from "./node";

const facts = node({
  "100": { config: golden("workstation"), running: true },
  "101": { config: golden("plain"), node: "pve2" },
  "102": { config: `lock: backup\n${golden("plain")}` },
});

describe("observe", () => {
  it("answers in the wanted words where they mean the same", () => {
    const wanted = { hostpci0: "02:00,pcie=1,x-vga=0", hostpci2: "0000:03:00", machine: "q35", bios: "ovmf" };
    expect(proxmox.observe(facts, "100", wanted)).toEqual({
      name: "workstation",
      node: "pve1",
      running: true,
      locked: null,
      settings: { ...wanted, hostpci2: "0000:03:00.0" },
      restartPending: true,
    });
  });

  it("leaves out what the VM does not have", () => {
    expect(proxmox.observe(facts, "100", { usb0: "host=046d:c52b", hostpci7: "01:00" })?.settings).toEqual(
      {},
    );
  });

  it("looks at the wanted keys only", () => {
    expect(proxmox.observe(facts, "100", { machine: "q35" })).toMatchObject({
      settings: { machine: "q35" },
      restartPending: false,
    });
  });

  it.each([
    ["differs", "hostpci0: 01:00\n\n[PENDING]\nhostpci0: 02:00\n", true],
    ["arrives", "name: a\n\n[PENDING]\nhostpci0: 02:00\n", true],
    ["goes", "hostpci0: 01:00\n\n[PENDING]\ndelete: hostpci0\n", true],
    ["is only written in another way", "hostpci0: 01:00\n\n[PENDING]\nhostpci0: 0000:01:00\n", false],
    ["goes and was never there", "name: a\n\n[PENDING]\ndelete: hostpci0\n", false],
  ])("sees that a start is pending if the key %s", (_how, config, pending) => {
    const running = node({ "100": { config, running: true } });
    const stopped = node({ "100": { config, running: false } });
    expect(proxmox.observe(running, "100", { hostpci0: "01:00" })?.restartPending).toBe(pending);
    expect(proxmox.observe(stopped, "100", { hostpci0: "01:00" })?.restartPending).toBe(false);
  });

  it("names the node and the lock", () => {
    expect(proxmox.observe(facts, "101", {})).toMatchObject({ node: "pve2", locked: null });
    expect(proxmox.observe(facts, "102", {})).toMatchObject({ locked: "backup" });
  });

  it("knows no other VM", () => {
    expect(proxmox.observe(facts, "103", {})).toBeNull();
    expect(proxmox.observe(facts, "constructor", {})).toBeNull();
  });

  it("takes no answer for no sign that the VM is gone", () => {
    expect(() => proxmox.observe({ ...facts, proxmox: null }, "100", {})).toThrow(
      "pve1 does not answer as a Proxmox VE host",
    );
  });
});

describe("changedSince", () => {
  const seen = { hostpci0: "0000:01:00" };
  const now = (config: string) =>
    proxmox.changedSince(
      request(node({ "100": { config } }), { pci: { hostpci0: pciSlot({ device: "02:00.0" }) } }),
      seen,
    );

  it.each([
    ["as the plan saw it", "hostpci0: 01:00\n"],
    ["already what is declared", "hostpci0: 0000:02:00.0\n"],
    ["gone, as a peer took the device", "name: a\n"],
  ])("takes a key that is %s", (_how, config) => {
    expect(now(config)).toEqual([]);
  });

  it("finds a key that somebody set", () => {
    expect(now("hostpci0: 03:00.0\n")).toEqual([{ key: "hostpci0", before: "0000:01:00", after: "03:00.0" }]);
  });

  it("is quiet about a VM that is gone", () => {
    expect(proxmox.changedSince(request(node({}), null), seen)).toEqual([]);
  });
});
