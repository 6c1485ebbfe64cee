import { node, pciSlot } from "../node";
import { found, nothing, vm100 } from "./found";

const gpu = { pci: { hostpci0: pciSlot({ device: "02:00.0" }) } };
const MiB = 1024;

function host(
  memory: number,
  own: string,
  others: Record<string, { config: string; running?: boolean; node?: string }> = {},
) {
  return node({ "100": { config: `name: ws\n${own}\n` }, ...others }, { memory: memory * MiB });
}

describe("memory that a device pins", () => {
  it("must fit into the host", () => {
    const { errors, words } = found(host(8000, "memory: 8192"), gpu);
    expect(errors).toEqual(["VM 100 (ws) on pve1 needs more memory than pve1 has"]);
    expect(words).toContain("keeps all its memory: 8192 MiB, and the host has 8000 MiB");
  });

  it("is added up with what runs or starts with the host", () => {
    const others = {
      "101": { config: "name: a\nmemory: 2048\nhostpci0: 01:00\n", running: true },
      "102": { config: "name: b\nmemory: 1024\nonboot: 1\n" },
      "103": { config: "memory: 4096\n" },
      "104": { config: "memory: 4096\nonboot: 1\n", node: "pve2" },
    };
    expect(found(host(7168, "memory: 4096", others), gpu)).toMatchObject({
      errors: [],
      warnings: [
        "The memory of pve1 does not suffice for VM 100 (ws) on pve1 beside the VMs that run or start with it",
      ],
    });
    const { words } = found(host(7168, "memory: 4096", others), gpu);
    expect(words).toContain(
      "Together they need 7168 MiB, 6144 MiB of it for good, and the host has 7168 MiB",
    );
    expect(words).toContain("VM 101 (a): 2048 MiB, kept for good\n  VM 102 (b): 1024 MiB");
    expect(words).not.toContain("VM 103");
    expect(found(host(7169, "memory: 4096", others), gpu)).toMatchObject(nothing);
  });

  it.each([
    ["nothing arrives", host(1000, "memory: 8192\nhostpci0: 02:00.0"), gpu],
    ["no device is passed", host(1000, "memory: 8192"), { cpu: "host" }],
    ["the host does not say what it has", host(0, "memory: 8192"), gpu],
    ["nobody said how much the VM has", host(513, ""), gpu],
  ])("is no matter where %s", (_why, facts, declaration) => {
    expect(found(facts, declaration)).toMatchObject(nothing);
  });
});

describe("ballooning as a setting", () => {
  it("switched off in the same change is not warned of", () => {
    expect(found(vm100("memory: 8192\nballoon: 2048"), { ...gpu, balloon: 0 })).toMatchObject(nothing);
  });

  it("switched on beside a device is", () => {
    const facts = vm100("memory: 8192\nhostpci0: 02:00.0");
    expect(found(facts, { ...gpu, balloon: 2048 })).toMatchObject({
      warnings: ["Ballooning of VM 100 (ws) on pve1 has no effect"],
    });
  });
});
