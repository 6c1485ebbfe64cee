import type { HostFacts } from "../../../../lib/model/facts";
import { pciDevice } from "../../../support/facts";
import { golden, node, pciSlot, type VmOnNode } from "../node";
import { found, nothing, vm100 } from "./found";

const gpu = { pci: { hostpci0: pciSlot({ device: "01:00" }) } };
const peer = { ...gpu, peers: ["101"] };
const beside = (other: VmOnNode) => node({ "100": { config: golden("plain") }, "101": other });
const has = "hostpci3: 0000:01:00,pcie=1\nname: other\n";

describe("a device that another VM has", () => {
  const inUse = "0000:01:00.0, 0000:01:00.1 is in use by VM 101 (other)";

  it("moves from a stopped peer, and the plan says so", () => {
    const { errors, warnings, words, keys } = found(beside({ config: has }), peer);
    expect(errors).toEqual([]);
    expect(warnings).toEqual([
      "0000:01:00.0, 0000:01:00.1 moves from VM 101 (other) to VM 100 (plain) on pve1",
    ]);
    expect(words).toContain("its hostpci3 is emptied first");
    expect(keys).toEqual(["hostpci0"]);
    expect(found(beside({ config: has }), peer, "apply")).toMatchObject(nothing);
  });

  it("has time until the apply where a peer runs with it", () => {
    const facts = beside({ config: has, running: true });
    expect(found(facts, peer)).toMatchObject({ errors: [], warnings: [inUse] });
    expect(found(facts, peer, "apply")).toMatchObject({ errors: [inUse], warnings: [] });
    expect(found(facts, peer).words).toContain("Shut VM 101 (other) down before the apply");
  });

  it("is refused where a VM of somebody else runs with it", () => {
    expect(found(beside({ config: has, running: true }), gpu).errors).toEqual([inUse]);
  });

  it("is warned of where a stopped VM of somebody else has it", () => {
    const { errors, warnings, words } = found(beside({ config: has }), gpu);
    expect(errors).toEqual([]);
    expect(warnings).toEqual(["0000:01:00.0, 0000:01:00.1 is configured for VM 101 (other) too"]);
    expect(words).toContain("qm set 101 --delete hostpci3");
    expect(words).not.toContain("onboot");
    expect(found(beside({ config: `${has}onboot: 1\n` }), gpu).words).toContain(
      "starts with the host (onboot)",
    );
  });

  describe("and gives up at its next start", () => {
    const facts = beside({ config: `${has}\n[PENDING]\ndelete: hostpci3\n`, running: true });

    it("is warned of where the VM is somebody else's", () => {
      for (const moment of ["plan", "apply"] as const)
        expect(found(facts, gpu, moment)).toMatchObject({
          errors: [],
          warnings: [`${inUse} until its next start`],
        });
    });

    it("is refused at apply where the VM is a peer, whichever of the two changed first", () => {
      expect(found(facts, peer)).toMatchObject({ errors: [], warnings: [inUse] });
      expect(found(facts, peer, "apply")).toMatchObject({ errors: [inUse], warnings: [] });
    });
  });

  it("cannot be taken from a peer that is locked", () => {
    const facts = beside({ config: `lock: backup\n${has}` });
    const summary =
      "0000:01:00.0, 0000:01:00.1 cannot be taken from VM 101 (other), which is locked (backup)";
    expect(found(facts, peer).warnings).toEqual([summary]);
    expect(found(facts, peer, "apply").errors).toEqual([summary]);
  });

  it("is nothing new where both have had it", () => {
    const facts = node({ "100": { config: "hostpci0: 01:00\n" }, "101": { config: has, running: true } });
    expect(found(facts, gpu)).toMatchObject(nothing);
  });

  it("is its own where it only changes the slot", () => {
    const facts = node({
      "100": { config: "hostpci5: 01:00\n\n[PENDING]\ndelete: hostpci5\n", running: true },
    });
    expect(found(facts, gpu, "apply")).toMatchObject(nothing);
  });

  it("is another one on another node", () => {
    expect(found(beside({ config: has, node: "pve2" }), gpu)).toMatchObject(nothing);
  });
});

describe("a device that the host needs", () => {
  const host = (driver: string | null, critical: string): HostFacts => ({
    ...vm100(""),
    devices: [
      pciDevice({ address: "0000:03:00.0", class: "020000", driver, iommuGroup: "7" }),
      pciDevice({ address: "0000:03:00.1", class: "020000", driver: "igb", iommuGroup: "7" }),
    ],
    critical: [
      { address: critical, kind: "network", use: "carries this SSH session (enp3s0)", essential: true },
    ],
  });
  const nic = { pci: { hostpci0: pciSlot({ device: "03:00.0" }) } };
  const summary = "pve1 needs what hostpci0 of VM 100 (ws) on pve1 would take";

  it("may be bound away until the apply, and is refused there", () => {
    const facts = host("igb", "0000:03:00.0");
    expect(found(facts, nic)).toMatchObject({
      errors: [],
      warnings: [summary, "pve1 also loses 0000:03:00.1 when VM 100 (ws) on pve1 starts"],
    });
    expect(found(facts, nic, "apply")).toMatchObject({ errors: [summary], warnings: [] });
    expect(found(facts, nic).words).toContain("carries this SSH session");
  });

  it("is free once it is bound", () => {
    expect(found(host("vfio-pci", "0000:03:00.0"), nic, "apply")).toMatchObject(nothing);
  });

  it("is refused for its IOMMU group, which goes as a whole", () => {
    const { errors, words } = found(host("vfio-pci", "0000:03:00.1"), nic, "apply");
    expect(errors).toEqual([summary]);
    expect(words).toContain("shares its IOMMU group with 0000:03:00.1");
  });

  it.each([{ mdev: "nvidia-63" }, { driver: "keep" }])("stays with the host's driver with %j", (slot) => {
    const declaration = { pci: { hostpci0: pciSlot({ device: "03:00.0", ...slot }) } };
    expect(found(host("igb", "0000:03:00.0"), declaration, "apply")).toMatchObject(nothing);
  });
});

describe("a VM that starts with the host", () => {
  it("should not name a device by its address", () => {
    const { warnings, keys } = found(vm100("onboot: 1"), {
      pci: { hostpci0: pciSlot({ device: "02:00.0" }), hostpci1: pciSlot({ mapping: "gpu" }) },
    });
    expect(warnings).toEqual(["VM 100 (ws) on pve1 starts with the host and names hostpci0 by address"]);
    expect(keys).toEqual(["hostpci0"]);
  });

  it("is not warned of again", () => {
    expect(
      found(vm100("onboot: 1\nhostpci0: 02:00.0"), { pci: { hostpci0: pciSlot({ device: "02:00.0" }) } }),
    ).toMatchObject(nothing);
  });
});
