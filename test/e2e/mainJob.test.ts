/** Declare, plan, deploy, reboot, drift, repair, destroy: the real Terraform, provider, SSH and scripts. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, fileOf, filesOf, Rig } from "../support/rig";
import { sh } from "../support/byHand";

jest.setTimeout(240_000);

const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";

function workstation(host: EmbeddedHost) {
  return (stack: TerraformStack) => {
    const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), kernelParameters: ["iommu=pt"] });
    const gpu = new VfioBinding(stack, "gpu", { host: pve1, devices: { card: { address: "0000:01:00" } } });
    new PassthroughVm(stack, "vm", {
      on: Proxmox.vm(pve1, 100),
      pci: { hostpci0: { device: gpu.device("card"), pcie: true, xVga: true } },
    });
  };
}

describe("one GPU on one Proxmox host", () => {
  const rig = new Rig();
  let host: EmbeddedHost;
  let before: Record<string, string>;

  beforeAll(async () => {
    host = await rig.host("proxmox-amd");
    before = filesOf(host);
    await rig.stack(workstation(host));
  });
  afterAll(() => rig.close());

  test("the first plan shows the lines, the drivers, the VM's slot, and the reboot with its reason", async () => {
    const { changes } = await rig.plan();
    const pve1 = changes["passthrough_iommu_host.pve1"]?.after;
    expect(pve1).toMatchObject({
      reboot_required: true,
      reboot_reason: expect.stringContaining("iommu=pt"),
      files: { [dropIn]: 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt"\n' },
    });
    expect(changes["passthrough_vfio_binding.gpu"]?.after).toMatchObject({
      addresses: { card: "0000:01:00" },
      functions: {
        "0000:01:00.0": { driver: "vfio-pci", host_driver: "nouveau", id: "10de:2204" },
        "0000:01:00.1": { driver: "vfio-pci", host_driver: "snd_hda_intel" },
      },
    });
    expect(changes["passthrough_vm.vm"]?.after).toMatchObject({
      settings: { hostpci0: "0000:01:00,pcie=1,x-vga=1" },
    });
    expect(host.counters()).toMatchObject({ connections: 1, commands: 1, reboots: 0 });
    expect(filesOf(host)).toEqual(before);
  });

  test("the deploy configures, reboots once, proves, binds and attaches", async () => {
    const output = await rig.apply();
    expect(output).toContain("reboot issued");
    expect(output).toContain("proven");
    expect(host.counters().reboots).toBe(1);
    expect(fileOf(host, "/proc/cmdline")).toContain("iommu=pt");
    const state = await rig.tf.resources();
    expect(state["passthrough_vfio_binding.gpu"]?.values).toMatchObject({
      functions: { "0000:01:00.0": { driver: "vfio-pci" }, "0000:01:00.1": { driver: "vfio-pci" } },
      iommu_groups: {
        "0000:01:00.0": expect.stringMatching(/^\d+$/),
        "0000:01:00.1": expect.stringMatching(/^\d+$/),
      },
    });
    // The twin stays with the host.
    expect(await sh(host, "readlink /sys/bus/pci/devices/0000:02:00.0/driver")).toContain("nouveau");
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: .*01:00/m);
  });

  test("then there is nothing left to do, in one connection and one command", async () => {
    host.resetCounters();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    expect(host.counters()).toMatchObject({ connections: 1, commands: 1 });
  });

  test("drift by hand is a readable diff, and is repaired without a reboot", async () => {
    await sh(host, `sed -i 's/ iommu=pt//' ${dropIn}`);
    await sh(host, "echo 0000:01:00.1 | tee /sys/bus/pci/drivers/vfio-pci/unbind");
    await sh(host, "echo | tee /sys/bus/pci/devices/0000:01:00.1/driver_override");
    await sh(host, "echo 0000:01:00.1 | tee /sys/bus/pci/drivers/snd_hda_intel/bind");
    await sh(host, "qm set 100 --hostpci0 0000:01:00,pcie=1");
    host.resetCounters();

    const { changes } = await rig.plan();
    expect(changes["passthrough_iommu_host.pve1"]).toMatchObject({
      actions: ["update"],
      after: { reboot_required: false },
    });
    expect(changes["passthrough_vfio_binding.gpu"]).toMatchObject({
      before: { functions: { "0000:01:00.1": { driver: "snd_hda_intel" } } },
      after: { functions: { "0000:01:00.1": { driver: "vfio-pci" } } },
    });
    expect(changes["passthrough_vm.vm"]).toMatchObject({
      before: { settings: { hostpci0: "0000:01:00,pcie=1" } },
      after: { settings: { hostpci0: "0000:01:00,pcie=1,x-vga=1" } },
    });
    expect(Object.keys(changes)).toHaveLength(3);

    await rig.apply();
    expect(host.counters().reboots).toBe(0);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a host that was rebooted without its parameters is rebooted with them", async () => {
    await sh(host, `rm ${dropIn} && update-grub`);
    await host.reboot();
    expect(fileOf(host, "/proc/cmdline")).not.toContain("iommu=pt");
    const { changes } = await rig.plan();
    expect(changes["passthrough_iommu_host.pve1"]?.after).toMatchObject({ reboot_required: true });
    expect(Object.values(changes).map(({ actions }) => actions)).toContainEqual(["delete", "create"]);
    host.resetCounters();
    await rig.apply();
    expect(host.counters().reboots).toBe(1);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("destroy gives back every file byte for byte, and the drivers, without a reboot", async () => {
    host.resetCounters();
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
    expect(host.counters().reboots).toBe(0);
    expect(await sh(host, "readlink /sys/bus/pci/devices/0000:01:00.0/driver")).toContain("nouveau");
    expect(await sh(host, "readlink /sys/bus/pci/devices/0000:01:00.1/driver")).toContain("snd_hda_intel");
    expect(fileOf(host, "var/lib/cdktf-passthrough/record.json")).toBeNull();
  });
});
