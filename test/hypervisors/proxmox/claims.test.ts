import { claims } from "../../../lib/hypervisors/proxmox/claims";
import { golden, node } from "./node";

const brief = (facts: Parameters<typeof claims>[0]) =>
  claims(facts).map(({ vmId, slot, address, inUse, configured }) => [
    `${vmId} ${slot} ${address}`,
    inUse ? (configured ? "runs with it" : "until the next start") : "configured",
  ]);

describe("claims", () => {
  it("names every function of a slot", () => {
    const facts = node({ "101": { config: "name: ws\nhostpci0: 01:00,pcie=1\n" } });
    expect(claims(facts)).toEqual([
      {
        address: "0000:01:00.0",
        vmId: "101",
        vmName: "ws",
        slot: "hostpci0",
        running: false,
        inUse: false,
        configured: true,
        shared: false,
      },
      expect.objectContaining({ address: "0000:01:00.1" }),
    ]);
  });

  it("tells what a running VM has now from what it will have", () => {
    expect(brief(node({ "100": { config: golden("workstation"), running: true } }))).toEqual([
      ["100 hostpci0 0000:01:00.0", "until the next start"],
      ["100 hostpci0 0000:01:00.1", "until the next start"],
      ["100 hostpci0 0000:02:00.0", "configured"],
      ["100 hostpci2 0000:03:00.0", "configured"],
    ]);
  });

  it("takes what is configured for what a stopped VM has", () => {
    expect(brief(node({ "100": { config: golden("workstation") } }))).toEqual([
      ["100 hostpci0 0000:02:00.0", "configured"],
      ["100 hostpci2 0000:03:00.0", "configured"],
    ]);
  });

  it("knows a device that a VM keeps over its next start", () => {
    expect(brief(node({ "100": { config: "hostpci0: 02:00.0\n", running: true } }))).toEqual([
      ["100 hostpci0 0000:02:00.0", "runs with it"],
    ]);
  });

  it("leaves VMs of other nodes, snapshots and mappings out", () => {
    const facts = node({
      "101": { config: "hostpci0: 01:00\n", node: "pve2" },
      "102": { config: "hostpci0: mapping=gpu\n\n[snap]\nhostpci1: 01:00\n" },
    });
    expect(claims(facts)).toEqual([]);
  });

  it("shows an address where nothing is, and what it cannot read not at all", () => {
    const facts = node({ "101": { config: "hostpci0: 09:00\nhostpci1: rubbish\nhostpci2: 01:00,02:00\n" } });
    expect(brief(facts)).toEqual([["101 hostpci0 0000:09:00", "configured"]]);
  });

  it("knows a mediated device", () => {
    const facts = node({ "101": { config: "hostpci0: 02:00.0,mdev=nvidia-63\n" } });
    expect(claims(facts)).toMatchObject([{ shared: true }]);
  });

  it("is empty on a host without Proxmox VE", () => {
    expect(claims({ ...node({}), proxmox: null })).toEqual([]);
  });
});
