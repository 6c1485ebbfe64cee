/** What was set up by hand is taken over as it is: imported, adopted, never rebooted, and left there by a destroy. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, filesOf, fileOf, Rig } from "../support/rig";

jest.setTimeout(240_000);

const hba = "0000:06:00.0";

/** As the guides have it: the IOMMU, an ids line, a soft dependency, the modules, a slot of the VM. */
async function setUpByHand(host: EmbeddedHost): Promise<void> {
  await sh(host, `sed -i 's/DEFAULT="quiet"/DEFAULT="quiet iommu=pt"/' /etc/default/grub && update-grub`);
  await sh(host, "printf 'vfio\\nvfio_iommu_type1\\nvfio_pci\\n' | tee -a /etc/modules");
  await sh(host, "echo 'options vfio-pci ids=1000:0097' | tee /etc/modprobe.d/vfio.conf");
  await sh(host, "echo 'softdep mpt3sas pre: vfio-pci' | tee -a /etc/modprobe.d/vfio.conf");
  await sh(host, "update-initramfs -u -k all");
  await sh(host, "qm set 100 --hostpci0 0000:06:00,pcie=1");
  await host.reboot();
  expect(await sh(host, `readlink /sys/bus/pci/devices/${hba}/driver`)).toContain("vfio-pci");
}

describe("a host, a device and a VM that somebody set up by hand", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let before: Record<string, string>;
  const driver = () => sh(host, `readlink /sys/bus/pci/devices/${hba}/driver`);

  const define = (adopt: boolean) => (stack: TerraformStack) => {
    const pve1 = new IommuHost(stack, "pve1", {
      connection: connect(host),
      kernelParameters: ["iommu=pt"],
      adopt,
    });
    const storage = new VfioBinding(stack, "storage", {
      host: pve1,
      devices: { hba: { address: "0000:06:00" } },
      adopt,
    });
    new PassthroughVm(stack, "vm", {
      on: Proxmox.vm(pve1, 100),
      pci: { hostpci0: { device: storage.device("hba"), pcie: true } },
      adopt,
    });
  };

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    await setUpByHand(host);
    before = filesOf(host);
  });
  beforeEach(() => host.resetCounters());
  afterAll(() => rig.close());

  test("adopt: true imports all three without a difference, and nothing is written or rebooted", async () => {
    await rig.stack(define(true));
    const { changes } = await rig.plan();
    const actions = Object.entries(changes).map(([address, change]) => [
      address.split(".")[0],
      ...change.actions,
      ...(change.importing === undefined ? [] : ["import"]),
    ]);
    expect(actions).toEqual([
      ["passthrough_iommu_host", "no-op", "import"],
      ["passthrough_vfio_binding", "no-op", "import"],
      ["passthrough_vm", "no-op", "import"],
      ["terraform_data", "create"],
    ]);

    await rig.apply();

    expect(host.counters().reboots).toBe(0);
    expect(filesOf(host)).toEqual(before);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("destroying what was adopted leaves what somebody else wrote", async () => {
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
    expect(await driver()).toContain("vfio-pci");
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: 0000:06:00,pcie=1$/m);
  });

  test("plain ids import what is there; the apply then only records it", async () => {
    await rig.stack(define(false));
    await rig.tf.succeed("import", "-no-color", "passthrough_iommu_host.pve1", "pve1");
    await rig.tf.succeed("import", "-no-color", "passthrough_vfio_binding.storage", "pve1/0000:06:00");
    await rig.tf.succeed("import", "-no-color", "passthrough_vm.vm", "pve1/100");
    const imported = await rig.tf.resources();
    expect(imported["passthrough_vfio_binding.storage"]?.values).toMatchObject({
      functions: { [hba]: { driver: "vfio-pci", id: "1000:0097" } },
    });
    expect(imported["passthrough_vm.vm"]?.values).toMatchObject({ id: "pve1/100", node: "pve1" });

    const { changes } = await rig.plan();
    expect(Object.values(changes).map(({ actions }) => actions.join())).toEqual([
      "update",
      "update",
      "update",
      "create",
    ]);
    expect(changes["passthrough_iommu_host.pve1"]?.after).toMatchObject({
      reboot_required: false,
      files: {},
    });
    await rig.apply();

    expect(host.counters().reboots).toBe(0);
    expect(filesOf(host)).toEqual(before);
    expect(fileOf(host, "var/lib/cdktf-passthrough/record.json")).toContain('"owner"');
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a destroy after that leaves what somebody else wrote, too", async () => {
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
    expect(await driver()).toContain("vfio-pci");
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: 0000:06:00,pcie=1$/m);
  });

  test.each([
    ["passthrough_iommu_host.pve1", "pve9", /No connection for host pve9.*The provider block names pve1/],
    ["passthrough_vm.vm", "100", /The import id is 100; expected host\/vm_id/],
    ["passthrough_vm.vm", "pve1/999", /999/],
    ["passthrough_vfio_binding.storage", '{"nmae":"x"}', /The import id names nmae; known are/],
  ])("import of %s as %s says what is wrong", async (address, id, words) => {
    await rig.stack(define(false));
    expect(await rig.refusal("import", address, id)).toMatch(words);
  });
});
