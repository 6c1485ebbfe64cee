/** Devices of VMs: what is configured counts, a device has one user, and it moves between VMs that are stopped. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const hba = "0000:06:00";
const nvme = "0000:04:00";
const binding = "passthrough_vfio_binding.storage";

describe("two VMs and two devices", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: Record<string, string>;

  /** What each VM gets: a key of the binding's devices. */
  const define = (given: Readonly<Record<number, "hba" | "nvme">>, ...parameters: string[]) => {
    return (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["iommu=pt", ...parameters],
      });
      const storage = new VfioBinding(stack, "storage", {
        host: pve1,
        devices: { hba: { address: hba }, nvme: { address: nvme } },
      });
      for (const [id, device] of Object.entries(given))
        new PassthroughVm(stack, `vm${id}`, {
          on: Proxmox.vm(pve1, Number(id)),
          pci: { hostpci0: { device: storage.device(device) } },
        });
    };
  };
  const slot = async (id: number) => /^hostpci0: (.*)$/m.exec(await sh(host, `qm config ${id}`))?.[1] ?? null;
  const state = async (address: string) => (await rig.tf.resources())[address]?.values;

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    await sh(host, `sed -i 's/DEFAULT="quiet"/DEFAULT="quiet iommu=pt"/' /etc/default/grub && update-grub`);
    await sh(host, "qm unlock 102");
    await host.reboot();
    before = filesOf(host);
  });
  afterAll(() => rig.close());

  test("a failed create that changed nothing leaves nothing in the state", async () => {
    await rig.stack(define({ 100: "hba" }));
    host.setFaults({
      programs: [
        { program: "qm", arguments: "^set 100", effect: { kind: "fail", message: "got no worker upid" } },
      ],
    });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("got no worker upid");
    expect(Object.keys(await rig.tf.resources())).not.toContain("passthrough_vm.vm100");
    expect(Object.keys((await rig.plan()).changes)).toEqual(["passthrough_vm.vm100"]);
  });

  test("two stopped VMs swap their devices in one apply", async () => {
    await rig.stack(define({ 100: "hba", 102: "nvme" }));
    await rig.apply();
    expect([await slot(100), await slot(102)]).toEqual([hba, nvme]);

    await rig.stack(define({ 100: "nvme", 102: "hba" }));
    const { text } = await rig.plan();
    expect(flowing(text)).toMatch(/moves from VM 102 \(storage\).* to VM 100/);
    // Cut in the middle, no device is left with both.
    host.setFaults({
      programs: [
        { program: "qm", arguments: "^set 102 .*--hostpci0", effect: { kind: "fail", message: "no quorum" } },
      ],
    });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("no quorum");
    expect([await slot(100), await slot(102)]).toEqual([nvme, null]);

    await rig.apply();

    expect([await slot(100), await slot(102)]).toEqual([nvme, hba]);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a device is not taken from a VM that runs with it", async () => {
    await sh(host, "qm start 102");
    await rig.stack(define({ 100: "hba", 102: "nvme" }));
    const { text } = await rig.plan();
    expect(flowing(text)).toContain("0000:06:00.0 is in use by VM 102");

    const words = await rig.refusal("apply", "-auto-approve", "-parallelism=1");

    expect(words).toMatch(/0000:06:00\.0 is in use by VM 102 .*Shut .* down before the apply/);
    expect(await slot(100)).not.toBe(hba);
  });

  test("a destroy is refused while a VM runs with a device, and takes nothing away", async () => {
    await rig.stack(define({ 102: "hba" }));
    await sh(host, "qm stop 102");
    await rig.apply();
    await sh(host, "qm start 102");
    const standing = filesOf(host);
    expect(await rig.refusal("plan", "-destroy")).toMatch(
      /0000:06:00\.0 of pve1 is in use .*VM 102 runs with it \(hostpci0\)/,
    );
    expect(filesOf(host)).toEqual(standing);
  });

  test("a VM that started after the plan keeps its device", async () => {
    await sh(host, "qm stop 102");
    await rig.plan("-destroy", `-target=${binding}`);
    await sh(host, "qm set 102 --hostpci0 0000:06:00");
    await sh(host, "qm start 102");
    const { code, stderr } = await rig.applyPlan();
    expect(code).toBe(1);
    expect(flowing(stderr)).toMatch(/0000:06:00\.0 of pve1 is in use/);
    expect(await sh(host, `readlink /sys/bus/pci/devices/${hba}.0/driver`)).toContain("vfio-pci");
  });

  test("what a running VM gets at its next start is configured; what is pending triggers nothing", async () => {
    await sh(host, "qm stop 102");
    await rig.apply();
    await sh(host, "qm start 100");
    await rig.stack(define({ 100: "nvme", 102: "hba" }));
    await rig.apply();
    expect(await state("passthrough_vm.vm100")).toMatchObject({
      settings: { hostpci0: nvme },
      restart_pending: true,
    });
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await sh(host, "qm stop 100 && qm start 100");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await rig.apply("-refresh-only");
    expect(await state("passthrough_vm.vm100")).toMatchObject({ restart_pending: false });
  });

  test("a VM whose restart failed is replaced, and still given back as it was", async () => {
    await sh(host, "qm stop 100");
    await rig.destroy();
    await sh(host, "qm set 101 --vga std");
    const was = await sh(host, "qm config 101");
    await rig.stack((stack) => {
      define({})(stack);
      const pve1 = stack.node.findChild("pve1") as IommuHost;
      new PassthroughVm(stack, "vm101", { on: Proxmox.vm(pve1, 101), vga: "none", restart: true });
    });
    host.setFaults({
      programs: [{ program: "qm", arguments: "^reboot 101", effect: { kind: "fail", message: "timeout" } }],
    });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("timeout");
    expect((await rig.tf.resources())["passthrough_vm.vm101"]).toMatchObject({ tainted: true });

    await rig.apply();
    expect(await sh(host, "qm config 101")).toContain("vga: none");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });

    await rig.destroy();
    expect(await sh(host, "qm config 101")).toBe(was);
    await sh(host, "qm set 101 --delete vga");
  });

  test("destroy gives every VM back as it was", async () => {
    await sh(host, "qm stop 101 && qm start 101");
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
  });
});
