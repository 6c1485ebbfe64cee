/** A VM that the stack makes: once, never in the place of another, and deleted only where that was asked for. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, type PassthroughVmProps } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const address = "passthrough_vm.vm";

describe("a VM of the stack's making", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: Record<string, string>;
  const define = (id: number, props: Omit<PassthroughVmProps, "on">) => {
    return (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), iommu: false });
      new PassthroughVm(stack, "vm", { on: Proxmox.vm(pve1, id), ...props });
    };
  };
  const hba = {
    machine: "q35",
    bios: "ovmf",
    balloon: 0,
    pci: { hostpci0: { device: { address: "0000:06:00" }, pcie: true } },
  } as const;
  const create = { name: "nas", cores: 4, memory: 8192, storage: "local-zfs", disk: 32, bridge: "vmbr0" };
  const config = (id: number) => fileOf(host, `etc/pve/nodes/pve1/qemu-server/${id}.conf`);

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    before = filesOf(host);
  });
  afterAll(() => rig.close());

  test("is not made where there is another one", async () => {
    await rig.stack(define(101, { ...hba, create }));
    expect(await rig.refusal("plan")).toMatch(
      /VM 101 \(router\) exists already on node pve1 .*is not touched/,
    );
  });

  test("is made with everything in one step, and then left as it is", async () => {
    await rig.stack(define(300, { ...hba, create: { ...create, deleteOnDestroy: true } }));
    host.setFaults({
      programs: [
        { program: "qm", arguments: "^create 300", effect: { kind: "fail", message: "no space left" } },
      ],
    });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("no space left");
    expect(config(300)).toBeNull();

    await rig.apply();
    for (const line of [
      "hostpci0: 0000:06:00,pcie=1",
      "name: nas",
      "memory: 8192",
      "balloon: 0",
      "scsi0: local-zfs:vm-300-disk-",
      "efidisk0: local-zfs:vm-300-disk-",
      "net0: virtio=BC:24:11:",
    ])
      expect(config(300)).toContain(line);
    expect((await rig.tf.resources())[address]?.values).toMatchObject({ created: true, node: "pve1" });
    await sh(host, "qm set 300 --memory 4096 --name nas2");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("is not deleted while it runs, and goes with its destroy", async () => {
    await sh(host, "qm set 300 --delete hostpci0 && qm start 300");
    const words = await rig.refusal("destroy", "-auto-approve");
    expect(words).toMatch(/VM 300 \(nas2\) on pve1 runs and is not deleted/);
    expect(config(300)).not.toBeNull();
    await sh(host, "qm stop 300");
    await rig.destroy();
    expect(config(300)).toBeNull();
    expect(filesOf(host)).toEqual(before);
  });

  test("that is a clone stays at the destroy unless asked otherwise", async () => {
    await sh(host, "qm set 101 --template 1");
    await rig.stack(define(301, { ...hba, create: { name: "copy", clone: 101, memory: 4096 } }));
    // Cut between the copy and its settings: what is there is known as ours.
    host.setFaults({
      programs: [{ program: "qm", arguments: "^set 301", effect: { kind: "fail", message: "no quorum" } }],
    });
    expect(flowing(await rig.refusal("apply", "-auto-approve"))).toContain("no quorum");
    expect(config(301)).toContain("name: copy");
    expect((await rig.tf.resources())[address]).toMatchObject({ tainted: true });

    await rig.apply();
    expect(config(301)).toMatch(/hostpci0: 0000:06:00,pcie=1\n/);
    expect(config(301)).toContain("scsi0: local-zfs:vm-301-disk-0,size=8G");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await rig.destroy();
    expect(config(301)).toContain("name: copy");
    expect(config(301)).not.toContain("hostpci0");
  });
});
