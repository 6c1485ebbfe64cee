import { creationProblems } from "../../../lib/hypervisors/proxmox/creation";
import { plannedChange } from "../../../lib/hypervisors/proxmox/vmChange";
import type { VmCreation } from "../../../lib/hypervisors/types";
import { node, pciSlot, request } from "./node";
import { found, nothing } from "./problems/found";

const creation = (different: Partial<VmCreation> = {}): VmCreation => ({
  ...{ name: "nas", cores: null, memory: null, os_type: null, storage: null, disk: null },
  ...{ bridge: null, clone: null, full: null, delete_on_destroy: null },
  ...different,
});
const gpu = { pci: { hostpci0: pciSlot({ device: "02:00.0" }) } };
const template = {
  "900": { config: "name: base\ntemplate: 1\nmemory: 2048\nostype: win11\nscsi0: local:base-900-disk-0\n" },
};
const commands = (...args: Parameters<typeof request>) =>
  plannedChange(request(...args)).steps.map((step) =>
    step.step === "command" ? step.command.join(" ") : step.step,
  );
const marked = "--description=Created by cdktf-passthrough.";

describe("what a new VM is to be", () => {
  it.each<[Partial<VmCreation>, string]>([
    [{ name: "" }, "name"],
    [{ name: "-rf" }, "name"],
    [{ name: "a b" }, "name"],
    [{ name: "a;reboot" }, "name"],
    [{ name: "x".repeat(64) }, "name"],
    [{ cores: 0 }, "cores"],
    [{ memory: 1.5 }, "memory"],
    [{ storage: "local,import-from=/etc/shadow", disk: 1 }, "storage"],
    [{ bridge: "vmbr0,firewall=0" }, "bridge"],
    [{ os_type: "linux" }, "os_type"],
    [{ clone: "../100" }, "clone"],
    [{ disk: 10 }, "disk needs a storage"],
    [{ disk: 10, storage: "local", clone: "900", full: true }, "leave disk out"],
    [{ full: true }, "full is for a clone"],
    [{ clone: "900", storage: "local" }, "only as a full copy"],
  ])("%j is refused", (different, words) => {
    expect(creationProblems(creation(different)).join("\n")).toContain(words);
  });

  it("may be little or much", () => {
    expect(creationProblems(creation())).toEqual([]);
    expect(
      creationProblems(creation({ cores: 4, memory: 8192, storage: "local-lvm", disk: 32, bridge: "vmbr0" })),
    ).toEqual([]);
    expect(creationProblems(creation({ clone: "900", full: true, storage: "local-lvm" }))).toEqual([]);
  });
});

describe("the change", () => {
  it("makes a VM with all its settings at once", () => {
    const create = creation({ memory: 4096, storage: "local-lvm", disk: 32, bridge: "vmbr0" });
    expect(commands(node({}), { ...gpu, bios: "ovmf", create })).toEqual([
      `qm create 100 --name=nas ${marked} --memory=4096 --ostype=l26 --scsihw=virtio-scsi-single --scsi0=local-lvm:32 ` +
        "--efidisk0=local-lvm:1,efitype=4m,pre-enrolled-keys=0 --net0=virtio,bridge=vmbr0 --hostpci0=0000:02:00.0 --bios=ovmf",
    ]);
  });

  it("copies one, and then sets what is declared", () => {
    const create = creation({ clone: "900", full: true, storage: "fast", cores: 2 });
    expect(commands(node(template), { ...gpu, create })).toEqual([
      `qm clone 900 100 --name=nas ${marked} --full=1 --storage=fast`,
      "qm set 100 --cores=2 --hostpci0=0000:02:00.0",
    ]);
  });

  it("makes nothing where the VM is there, and knows its own by the mark", () => {
    const there = (description: string) =>
      node({ "100": { config: `${description}name: nas\nhostpci0: 02:00.0\n` } });
    const wanted = { ...gpu, create: creation({ delete_on_destroy: true }) };
    const made = (description: string, isNew: boolean) =>
      plannedChange(request(there(description), wanted, { isNew }));
    expect(made("", true)).toMatchObject({ steps: [] });
    expect(made("", true).record.created).toBeUndefined();
    expect(made("#Created by cdktf-passthrough.\n", false).record.created).toBeUndefined();
    expect(made("#Created by cdktf-passthrough.\n", true).record.created).toBe("delete");
    expect(made("#Created%20by cdktf-passthrough.\n", true).record.created).toBe("delete");
  });

  it("deletes only what it made, and only where that was asked for", () => {
    const facts = node({ "100": { config: "name: nas\nhostpci0: 02:00.0\n" } });
    const record = { base: { hostpci0: null }, written: { hostpci0: "0000:02:00.0" } };
    const destroy = (created: "keep" | "delete" | undefined) =>
      commands(facts, null, { record: { ...record, ...(created ? { created } : {}) } });
    expect(destroy("delete")).toEqual(["qm destroy 100 --purge=1"]);
    for (const kept of ["keep", undefined] as const)
      expect(destroy(kept)).toEqual([
        expect.stringMatching(/^qm set 100 --digest \w+ --delete hostpci0$/) as string,
      ]);
  });
});

describe("what is checked", () => {
  it("is the VM as it would be", () => {
    expect(found(node({}), { ...gpu, machine: "q35", bios: "ovmf", create: creation() })).toMatchObject(
      nothing,
    );
    const pcie = { pci: { hostpci0: pciSlot({ device: "02:00.0", pcie: true }) } };
    expect(found(node({}), { ...pcie, create: creation() }).errors).toEqual([
      "hostpci0 of VM 100 (nas) on pve1 needs machine q35",
    ]);
    expect(found(node({}), { ...gpu, create: creation({ memory: 999_999 }) }).errors).toEqual([
      "VM 100 (nas) on pve1 needs more memory than pve1 has",
    ]);
  });

  it("is the original of a clone", () => {
    const create = creation({ clone: "900" });
    expect(found(node(template), { ...gpu, create })).toMatchObject(nothing);
    expect(found(node({}), { ...gpu, create }).errors).toEqual([
      "There is no VM 900 on pve1 to clone for VM 100",
    ]);
    const elsewhere = node({ "900": { config: "name: base\n", node: "pve2" } });
    expect(found(elsewhere, { ...gpu, create }).words).toContain("VM 900 (base) is on node pve2");
  });
});
