/** A binding's selectors are literal; what they resolved to is state, and what became of it is told. */
import { readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding, type DeviceSelector } from "../../lib";
import { profiles, type EmbeddedHost, type Profile } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const pve1 = "passthrough_iommu_host.pve1";
const storage = "passthrough_vfio_binding.storage";
const hba = "0000:06:00.0";
const spare = "0000:04:00.0";

let rig: Rig;
let host: EmbeddedHost;

const define =
  (devices: Readonly<Record<string, DeviceSelector>>, vm: boolean, ...parameters: string[]) =>
  (stack: TerraformStack): void => {
    const pve1 = new IommuHost(stack, "pve1", {
      connection: connect(host),
      kernelParameters: ["iommu=pt", ...parameters],
    });
    const storage = new VfioBinding(stack, "storage", { host: pve1, devices });
    if (vm)
      new PassthroughVm(stack, "vm", {
        on: Proxmox.vm(pve1, 100),
        pci: { hostpci0: { device: storage.device("hba") } },
      });
  };
const driver = (address: string) => sh(host, `readlink /sys/bus/pci/devices/${address}/driver`);

async function start(): Promise<void> {
  rig = new Rig();
  host = await rig.host("proxmox-amd");
  await sh(host, `sed -i 's/DEFAULT="quiet"/DEFAULT="quiet iommu=pt"/' /etc/default/grub && update-grub`);
  await host.reboot();
}

describe("an IOMMU group that changed under an applied binding", () => {
  let before: Record<string, string>;

  beforeAll(async () => {
    await start();
    before = filesOf(host);
    await rig.stack(define({ hba: { address: "0000:06:00" } }, false));
    await rig.apply();
    // As after a firmware update that turned off the isolation between two slots.
    const link = join(host.root, "sys/bus/pci/devices", spare, "iommu_group");
    const group = readlinkSync(join(host.root, "sys/bus/pci/devices", hba, "iommu_group"));
    rmSync(link);
    symlinkSync(group, link);
  });
  afterAll(() => rig.close());

  test("is a warning, and what stays as it is stays applied", async () => {
    const { text, changes } = await rig.plan();
    expect(flowing(text)).toMatch(
      /0000:06:00\.0 .* of pve1 cannot be handed over alone.*it also holds 0000:04:00\.0/,
    );
    expect(changes).toEqual({});
    await rig.apply();
  });

  test("lets no change of the binding through: not in a plan, and no repair in an apply", async () => {
    await rig.stack(define({ hba: { address: "0000:06:00" }, more: { address: "0000:0a:00.0" } }, false));
    expect(await rig.refusal("plan")).toMatch(/0000:06:00\.0 .* cannot be handed over alone/);

    await rig.stack(define({ hba: { address: "0000:06:00" } }, false));
    await sh(host, `echo ${hba} | tee /sys/bus/pci/drivers/vfio-pci/unbind`);
    expect(Object.keys((await rig.plan()).changes)).toEqual([storage]);
    expect(await rig.refusal("apply", "-auto-approve")).toMatch(
      /cannot be handed over alone.*Nothing was touched/,
    );
    expect(await sh(host, `ls /sys/bus/pci/devices/${hba}`)).not.toMatch(/^driver$/m);
  });

  test("does not stand in the way of a destroy", async () => {
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
    expect(await driver(hba)).toContain("mpt3sas");
  });
});

describe("selectors that mean another device than when they were applied", () => {
  beforeAll(start);
  afterAll(() => rig.close());

  /** The same hardware after bus numbers moved. */
  async function renumbered(from: string, to: string): Promise<void> {
    const profile = profiles["proxmox-amd"] as Profile;
    const rename = (address: string) => (address === from ? to : address);
    await host.stop();
    const moved = {
      ...profile,
      devices: profile.devices.map((device) => ({ ...device, address: rename(device.address) })),
    };
    host = await rig.host(moved);
    await host.reboot();
  }

  test("a device that is gone is told, and is no reason to forget the binding", async () => {
    await rig.stack(define({ hba: { id: "1000:0097" } }, true));
    await rig.apply();
    await renumbered(hba, "0000:0b:00.0");
    await rig.stack(define({ hba: { address: "0000:06:00" } }, true));
    expect(await rig.refusal("plan")).toMatch(/0000:06:00/);
  });

  test("another resolution is a difference that names both addresses, and the VM follows", async () => {
    host.resetCounters();
    await rig.stack(define({ hba: { id: "1000:0097" } }, true));
    const { changes } = await rig.plan();
    expect(changes[storage]).toMatchObject({
      actions: ["update"],
      before: { addresses: { hba: hba }, functions: { [hba]: { driver: "" } } },
      after: {
        addresses: { hba: "0000:0b:00.0" },
        functions: { "0000:0b:00.0": { driver: "vfio-pci", host_driver: "mpt3sas" } },
      },
    });
    expect(changes["passthrough_vm.vm"]).toMatchObject({
      before: { settings: { hostpci0: hba } },
      after: { settings: { hostpci0: "0000:0b:00.0" } },
    });
    expect(changes[pve1]?.after).toMatchObject({ reboot_required: false });

    await rig.apply();

    expect(host.counters().reboots).toBe(0);
    expect(await driver("0000:0b:00.0")).toContain("vfio-pci");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});

describe("a create that fails half way", () => {
  let before: Record<string, string>;

  beforeAll(async () => {
    await start();
    before = filesOf(host);
    await rig.stack(define({ hba: { address: "0000:06:00" } }, false, "nosmt"));
  });
  afterAll(() => rig.close());

  test("leaves what was done in the state, with what is still owed", async () => {
    host.setFaults({
      programs: [{ program: "update-grub", effect: { kind: "fail", message: "no space left" } }],
    });
    const words = await rig.refusal("apply", "-auto-approve");
    expect(words).toContain("no space left");
    expect((await rig.tf.resources())[pve1]).toMatchObject({
      values: { pending: ["update-grub"], id: "pve1", reboot_required: true },
    });
    expect(host.counters().reboots).toBe(1);
  });

  test("a destroy works on that", async () => {
    await rig.destroy();
    expect(filesOf(host)).toEqual(before);
  });

  test("refused before its first write, it leaves nothing in the state", async () => {
    await rig.plan();
    await sh(host, "mkdir -p /var/lib/cdktf-passthrough");
    await rig.apply(`-target=${pve1}`);
    await rig.tf.succeed("state", "rm", pve1);
    await sh(
      host,
      `sed -i 's/"owner": "[^"]*"/"owner": "another project"/' /var/lib/cdktf-passthrough/record.json`,
    );
    const standing = filesOf(host);
    expect(await rig.refusal("plan")).toMatch(/pve1 belongs to another declaration.*another project/);
    expect(await rig.refusal("apply", "-auto-approve")).toContain("belongs to another declaration");
    expect(Object.keys(await rig.tf.resources())).not.toContain(pve1);
    expect(filesOf(host)).toEqual(standing);
  });
});
