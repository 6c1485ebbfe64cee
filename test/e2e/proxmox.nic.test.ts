/** A virtual network card beside a passed one: what nobody declared of it stays, and a destroy gives it back. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, type PassthroughVmProps } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const address = "passthrough_vm.vm";

describe("network cards of a VM that is there", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: Record<string, string>;
  const define = (nics: PassthroughVmProps["nics"]) => {
    return (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), iommu: false });
      new PassthroughVm(stack, "vm", { on: Proxmox.vm(pve1, 100), nics });
    };
  };
  const nets = () =>
    (fileOf(host, "etc/pve/nodes/pve1/qemu-server/100.conf") ?? "")
      .split("\n")
      .filter((line) => line.startsWith("net"));

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    await sh(host, "qm set 100 --net0 virtio=BC:24:11:10:01:00,bridge=vmbr0,firewall=1");
    before = filesOf(host);
  });
  afterAll(() => rig.close());

  test("get what is declared, and keep their address and all else", async () => {
    await rig.stack(define({ net0: { vlanId: 7 }, net1: { bridge: "vmbr9", model: "e1000" } }));
    const { changes, text } = await rig.plan();
    expect(changes[address]?.after?.["settings"]).toEqual({ net0: "tag=7", net1: "e1000,bridge=vmbr9" });
    expect(flowing(text)).toContain("There is no bridge vmbr9 on pve1");
    expect((await rig.applyPlan()).code).toBe(0);
    expect(nets()).toEqual([
      "net0: virtio=BC:24:11:10:01:00,bridge=vmbr0,firewall=1,tag=7",
      expect.stringMatching(/^net1: e1000=BC:24:11:[0-9A-F:]{8},bridge=vmbr9$/),
    ]);
  });

  test("drift where somebody changes what is declared, and only there", async () => {
    await sh(host, "qm set 100 --net0 virtio=BC:24:11:10:01:00,bridge=vmbr0,firewall=1,tag=7,queues=2");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await sh(host, "qm set 100 --net0 virtio=BC:24:11:10:01:00,bridge=vmbr0,firewall=1,tag=8");
    const { changes } = await rig.plan();
    expect(changes[address]?.before?.["settings"]).toMatchObject({
      net0: "virtio=BC:24:11:10:01:00,bridge=vmbr0,firewall=1,tag=8",
    });
    expect((await rig.applyPlan()).code).toBe(0);
    expect(nets()[0]).toBe("net0: virtio=BC:24:11:10:01:00,bridge=vmbr0,firewall=1,tag=7");
  });

  test("are given back by a destroy, and those of ours are gone", async () => {
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
  });
});
