/** A reboot is an event that is permitted, not ordered; a plan is made of what was read. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";
const pve1 = "passthrough_iommu_host.pve1";
const gpu = "passthrough_vfio_binding.gpu";
const vm = "passthrough_vm.vm";

describe("a host that is set up already", () => {
  const rig = new Rig();
  let host: EmbeddedHost;
  let before: Record<string, string>;
  let event: string;

  const define =
    (...parameters: string[]) =>
    (stack: TerraformStack) => {
      const pve1 = new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["iommu=pt", ...parameters],
      });
      const gpu = new VfioBinding(stack, "gpu", { host: pve1, devices: { card: { address: "0000:01:00" } } });
      new PassthroughVm(stack, "vm", {
        on: Proxmox.vm(pve1, 100),
        pci: { hostpci0: { device: gpu.device("card"), pcie: true } },
      });
    };
  const driverOf = (address: string) => sh(host, `readlink /sys/bus/pci/devices/${address}/driver`);
  const generation = async () => (await rig.tf.resources())[pve1]?.values["reboot_generation"];

  beforeAll(async () => {
    host = await rig.host("proxmox-amd");
    before = filesOf(host);
    await rig.stack(define());
    const planned = Object.keys((await rig.plan()).changes);
    event = planned.find((address) => address.startsWith("terraform_data.")) ?? "";
  });
  beforeEach(() => host.resetCounters());
  afterAll(() => rig.close());

  test("-target of the event alone brings its host with it, and reboots it once", async () => {
    const output = await rig.apply(`-target=${event}`);
    expect(output).toContain("proven");
    expect(host.counters().reboots).toBe(1);
    expect(Object.keys(await rig.tf.resources()).sort()).toEqual([pve1, event].sort());
  });

  test("-target of the binding alone leaves the VM as it is, and needs no further reboot", async () => {
    await rig.apply(`-target=${gpu}`);
    expect(host.counters().reboots).toBe(0);
    expect(Object.keys(await rig.tf.resources()).sort()).toEqual([pve1, gpu, event].sort());
    expect(await sh(host, "qm config 100")).not.toContain("hostpci0");
  });

  test("once applied, the next applies find nothing to do and the generation stays", async () => {
    await rig.apply();
    const first = await generation();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await rig.apply();
    expect(await generation()).toBe(first);
    expect(host.counters().reboots).toBe(0);
  });

  test("a reboot by somebody else into the declared state is no difference", async () => {
    const first = await generation();
    await host.reboot();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await rig.apply("-refresh-only");
    expect(await generation()).toBe(first);
  });

  test("a tainted event proves the host and leaves it running", async () => {
    await rig.tf.succeed("taint", event);
    const output = await rig.apply();
    expect(output).toContain("proven: no reboot needed");
    expect(host.counters().reboots).toBe(0);
  });

  test("-replace of the event proves the host and leaves it running", async () => {
    const output = await rig.apply(`-replace=${event}`);
    expect(output).toContain("proven: no reboot needed");
    expect(host.counters().reboots).toBe(0);
  });

  test("-replace or taint of the binding does not let go of the card, which only a reboot would bring back", async () => {
    await rig.apply(`-replace=${gpu}`);
    await rig.tf.succeed("taint", gpu);
    await rig.apply();
    expect(await driverOf("0000:01:00.0")).toContain("vfio-pci");
    expect(host.counters().reboots).toBe(0);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("-replace of the VM puts the same settings there again", async () => {
    await rig.apply(`-replace=${vm}`);
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: .*01:00/m);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("-replace of the host writes the same files again, without a reboot", async () => {
    const standing = filesOf(host);
    // What somebody else adds to the same effect does not make the final plan another one.
    await sh(host, `sed -i 's/"quiet"/"quiet iommu=pt"/' /etc/default/grub`);
    await rig.apply(`-replace=${pve1}`);
    expect(host.counters().reboots).toBe(0);
    await sh(host, `sed -i 's/"quiet iommu=pt"/"quiet"/' /etc/default/grub && update-grub`);
    expect(filesOf(host)).toEqual(standing);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a tainted host is replaced without a reboot", async () => {
    await rig.tf.succeed("taint", pve1);
    await rig.apply();
    expect(host.counters().reboots).toBe(0);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a saved plan is refused once somebody edited a line of ours, and writes nothing", async () => {
    await rig.stack(define("nosmt"));
    const { changes } = await rig.plan();
    expect(changes[pve1]).toMatchObject({
      before: { files: { [dropIn]: expect.not.stringContaining("nosmt") } },
      after: { reboot_required: true, reboot_reason: "the running kernel lacks nosmt" },
    });
    await sh(host, `sed -i 's/iommu=pt/iommu=on/' ${dropIn}`);
    const edited = filesOf(host);

    const { code, stderr } = await rig.applyPlan();

    expect(code).toBe(1);
    expect(flowing(stderr)).toContain(`pve1 changed since the plan`);
    expect(flowing(stderr)).toMatch(
      /grub\.d\/zz-cdktf-passthrough\.cfg: .*Nothing was written\. Plan again\./,
    );
    expect(filesOf(host)).toEqual(edited);
    expect(host.counters().reboots).toBe(0);
  });

  test("a saved plan is refused once somebody edited a slot of ours, and the VM stays", async () => {
    await sh(host, `sed -i 's/iommu=on/iommu=pt/' ${dropIn}`);
    await rig.stack((stack) => {
      define()(stack);
      (stack.node.findChild("vm") as PassthroughVm).addOverride("pci.hostpci0.rombar", false);
    });
    expect((await rig.plan()).changes).toHaveProperty([vm]);
    await sh(host, "qm set 100 --hostpci0 0000:01:00,x-vga=1");

    const { code, stderr } = await rig.applyPlan();

    expect(code).toBe(1);
    expect(flowing(stderr)).toMatch(
      /VM 100 on pve1 changed since the plan .*Nothing was touched\. Plan again\./,
    );
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: 0000:01:00,x-vga=1$/m);
  });

  test("what belongs to a destroy outlives a refresh, and destroy gives back every byte", async () => {
    await rig.stack(define());
    await rig.apply();
    await rig.apply("-refresh-only");
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
    expect(await driverOf("0000:01:00.0")).toContain("nouveau");
    expect(fileOf(host, "var/lib/cdktf-passthrough/record.json")).toBeNull();
  });
});
