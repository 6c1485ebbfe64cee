/** Resource mappings of a cluster: complete on every node, only ours touched, given back exactly. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, PciMapping, Proxmox, UsbMapping, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const mapping = "passthrough_pci_mapping.gpu";
const first = "id=10de:2204,iommugroup=14,node=pve1,path=0000:01:00,subsystem-id=1043:87d3";
const second = "id=10de:2204,iommugroup=15,node=pve1,path=0000:02:00,subsystem-id=1043:87d3";

describe("a cluster of two nodes", () => {
  let rig: Rig;
  let pve1: EmbeddedHost;
  let pve2: EmbeddedHost;
  let before: Record<string, string>;

  const cards = { card: { address: "0000:01:00" } };
  const define = (
    more: (stack: TerraformStack, nodes: readonly [IommuHost, IommuHost], gpu: PciMapping) => void,
    options: { description?: string; second?: boolean; adopt?: boolean } = {},
  ) => {
    return (stack: TerraformStack): void => {
      const one = new IommuHost(stack, "pve1", { connection: connect(pve1), kernelParameters: ["iommu=pt"] });
      const two = new IommuHost(stack, "pve2", { connection: connect(pve2) });
      const bound = new VfioBinding(stack, "cards", { host: one, devices: cards });
      const gpu = new PciMapping(stack, "gpu", {
        host: one,
        description: options.description ?? "it's -x $(id); `id`",
        devices: {
          first: bound.device("card"),
          ...(options.second === false ? {} : { second: { host: one, address: "0000:02:00" } }),
          other: { host: two, address: "0000:03:00.0" },
        },
        adopt: options.adopt ?? false,
      });
      more(stack, [one, two], gpu);
    };
  };
  const file = () => fileOf(pve1, "etc/pve/mapping/pci.cfg") ?? "";
  const withVm = (stack: TerraformStack, [one]: readonly [IommuHost, IommuHost], gpu: PciMapping): void => {
    new PassthroughVm(stack, "workstation", {
      on: Proxmox.vm(one, 100),
      pci: { hostpci0: { mapping: gpu, pcie: true } },
    });
  };

  beforeAll(async () => {
    rig = new Rig();
    [pve1, pve2] = [await rig.host("proxmox-amd"), await rig.host("proxmox-intel-systemd-boot", "other")];
    // The file system of the cluster, as far as one node shows the other.
    await sh(pve1, "mkdir -p /etc/pve/nodes/pve2/qemu-server");
    before = filesOf(pve1);
  });
  afterAll(() => rig.close());

  test("the first deploy writes it after the reboot that brings the groups about", async () => {
    await rig.stack(define(withVm));
    const { changes } = await rig.plan();
    expect(changes[mapping]?.after).toMatchObject({ settings: { description: "it's -x $(id); `id`" } });
    expect(changes["passthrough_vm.workstation"]?.after).toMatchObject({
      settings: { hostpci0: "mapping=gpu,pcie=1" },
    });

    expect((await rig.applyPlan()).stderr).toBe("");

    expect(file()).toContain(
      `gpu\n\tdescription it's -x $(id); \`id\`\n\tmap ${first}\n\tmap ${second}\n` +
        "\tmap id=10de:1e84,iommugroup=22,node=pve2,path=0000:03:00.0,subsystem-id=1043:86fe\n",
    );
    expect(file()).toContain("spare-nvme\n");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await sh(pve1, "qm start 100");
    expect(await sh(pve1, "readlink /sys/bus/pci/devices/0000:01:00.0/driver")).toContain("vfio-pci");
    await sh(pve1, "qm stop 100");
  });

  test("what somebody changes of ours comes back, what they add stays", async () => {
    const foreign = "id=10de:2204,iommugroup=3,node=pve3,path=0000:41:00,subsystem-id=1043:87d3";
    await sh(
      pve1,
      `pvesh set '/cluster/mapping/pci/gpu' --map ${first.replace("group=14", "group=99")} --map ${second} --map ${foreign} --mdev 1`,
    );
    const { changes } = await rig.plan();
    expect(changes[mapping]?.before).toMatchObject({
      settings: { "map pve1 0000:01:00": expect.stringContaining("iommugroup=99") as string },
    });
    expect(Object.keys(changes)).toEqual([mapping]);
    await rig.apply();
    for (const entry of [first, second, foreign, "node=pve2"]) expect(file()).toContain(entry);
    expect(file()).toContain("\tmdev 1\n");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("somebody who changes it between plan and apply is not overwritten", async () => {
    await rig.stack(define(withVm, { description: "two cards", second: false }));
    await rig.plan();
    const entries =
      file()
        .split("\n\n")[0]
        ?.match(/map \S+/g) ?? [];
    const maps = entries.map((entry) => `--map ${entry.slice(4).replace("group=14", "group=7")}`);
    await sh(pve1, `pvesh set '/cluster/mapping/pci/gpu' ${maps.join(" ")}`);
    const { code, stderr } = await rig.applyPlan();
    expect(code).toBe(1);
    expect(flowing(stderr)).toMatch(
      /PCI resource mapping gpu changed since the plan .*group=14.* and is .*group=7/,
    );
    expect(file()).toContain("group=7,");

    await rig.apply();
    expect(file()).not.toContain("path=0000:02:00");
    expect(file()).toContain("\tdescription two cards\n");
  });

  test("it does not go while a VM of somebody else names it", async () => {
    await sh(pve1, "qm unlock 102 && qm set 102 --hostpci0 mapping=gpu");
    const words = await rig.refusal("plan", "-destroy");
    expect(words).toMatch(/PCI resource mapping gpu is in use .*VM 102 \(storage\) as hostpci0 names it/);
    expect(words).not.toContain("VM 100");
    await sh(pve1, "qm set 102 --delete hostpci0 --lock backup");
  });

  test("destroy takes our entries alone, and the mapping where nobody else has one", async () => {
    await rig.destroy();
    expect(file()).toMatch(/^gpu\n\tmdev 1\n\tmap \S*node=pve3\S*\n/);
    expect(await sh(pve1, "pvesh delete '/cluster/mapping/pci/gpu' && qm config 100")).not.toContain(
      "hostpci0",
    );
    expect(filesOf(pve1)).toEqual(before);
  });

  test("one of somebody else is not taken over unasked; adopted, it stays at the destroy", async () => {
    await sh(
      pve1,
      `pvesh create '/cluster/mapping/pci' --id gpu --map ${first} --map ${second} --description mine`,
    );
    const standing = file();
    await rig.stack(define(() => undefined, { description: "mine" }));
    expect(await rig.refusal("plan")).toMatch(
      /There is a PCI resource mapping gpu already .*node=pve1.* Set `adopt: true`/,
    );

    await rig.stack(define(() => undefined, { description: "mine", adopt: true }));
    await rig.apply();
    expect(file()).toContain("node=pve2");
    await rig.destroy();
    expect(file()).toBe(standing);
    await sh(pve1, "pvesh delete '/cluster/mapping/pci/gpu'");
  });

  test("a USB device, and one that is not there", async () => {
    const usb = (id: string) => (stack: TerraformStack) => {
      const one = new IommuHost(stack, "pve1", { connection: connect(pve1), iommu: false });
      const keyboard = new UsbMapping(stack, "keyboard", {
        host: one,
        devices: { here: { host: one, id, port: "1-1.1" } },
      });
      new PassthroughVm(stack, "vm", {
        on: Proxmox.vm(one, 100),
        usb: { usb0: { mapping: keyboard, usb3: true } },
      });
    };
    await rig.stack(usb("046b:ff11"));
    expect(await rig.refusal("apply", "-auto-approve")).toMatch(
      /Unable to write USB resource mapping keyboard .*046b:ff10 Virtual Keyboard and Mouse is plugged into 1-1\.1, not 046b:ff11/,
    );
    await rig.stack(usb("046B:FF10"));
    await rig.apply();
    expect(fileOf(pve1, "etc/pve/mapping/usb.cfg")).toBe(
      "keyboard\n\tmap id=046b:ff10,node=pve1,path=1-1.1\n",
    );
    expect(await sh(pve1, "qm config 100")).toContain("usb0: mapping=keyboard,usb3=1");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    await rig.destroy();
    expect(filesOf(pve1)).toEqual(before);
  });
});
