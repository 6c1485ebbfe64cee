/** A ROM file of the author's on the host: kept in step, never over somebody else's, removed with its declaration. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, RomFile } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sha256 } from "../../lib/model/digest";
import { sh } from "../support/byHand";
import { connect, fileOf, flowing, Rig } from "../support/rig";
import { rom } from "../support/rom";

jest.setTimeout(240_000);

const file = "passthrough_rom_file.vbios";

describe("a ROM file", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  let source: string;
  const define = (name?: string, withVm = true) => {
    return (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), iommu: false });
      const vbios = new RomFile(stack, "vbios", {
        host: pve1,
        source,
        ...(name === undefined ? {} : { name }),
      });
      if (!withVm) return;
      new PassthroughVm(stack, "vm", {
        on: Proxmox.vm(pve1, 100),
        pci: { hostpci0: { device: { address: "0000:06:00" }, romfile: vbios } },
      });
    };
  };
  const onHost = () => readFileSync(join(host.root, "usr/share/kvm/gpu.rom"));

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    source = join(rig.folder, "gpu.rom");
    writeFileSync(source, rom([{ id: "10de:2204", fill: 0xff }]));
  });
  afterAll(() => rig.close());

  test("one of somebody else is left alone", async () => {
    await rig.stack(define("vbios-3090.rom"));
    const was = fileOf(host, "usr/share/kvm/vbios-3090.rom");
    expect(await rig.refusal("plan")).toMatch(
      /vbios-3090\.rom on pve1 is not of this stack .*Choose another name/,
    );
    expect(fileOf(host, "usr/share/kvm/vbios-3090.rom")).toBe(was);
  });

  test("is there before the VM names it, byte for byte", async () => {
    await rig.stack(define());
    const { changes, text } = await rig.plan();
    // It is no graphics card that this test gives it to.
    expect(flowing(text)).toMatch(
      /The ROM file gpu\.rom is for 10de:2204, and hostpci0 of VM 100 \(workstation\) on pve1 is 1[0-9a-f]{3}:/,
    );
    expect(changes[file]?.after).toMatchObject({
      sha256: sha256(readFileSync(source)),
      images: ["10de:2204 BIOS"],
    });
    expect((await rig.applyPlan()).stderr).toBe("");
    expect(onHost().equals(readFileSync(source))).toBe(true);
    expect(await sh(host, "qm config 100")).toContain("hostpci0: 0000:06:00,romfile=gpu.rom");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("follows the file here, and comes back where somebody changed it", async () => {
    writeFileSync(source, rom([{ id: "10de:2204" }, { id: "10de:2204", code: 3 }], 2));
    await sh(host, "echo something else > /usr/share/kvm/gpu.rom");
    await rig.stack(define());
    const { changes } = await rig.plan();
    expect(changes[file]?.before).toMatchObject({ sha256: sha256("something else\n") });
    expect(changes[file]?.after).toMatchObject({ images: ["10de:2204 BIOS", "10de:2204 UEFI"] });
    // Changed once more after the plan: that is not what was agreed to.
    await sh(host, "echo something more > /usr/share/kvm/gpu.rom");
    const { code, stderr } = await rig.applyPlan();
    expect(code).toBe(1);
    expect(flowing(stderr)).toContain("/usr/share/kvm/gpu.rom has changed since the plan was made");
    await rig.apply();
    expect(onHost().equals(readFileSync(source))).toBe(true);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("does not go while a VM of somebody else names it, and leaves what somebody put in its place", async () => {
    await sh(host, "qm set 101 --hostpci1 0000:06:00,romfile=gpu.rom");
    expect(await rig.refusal("plan", "-destroy")).toMatch(
      /ROM file gpu\.rom of pve1 is in use .*VM 101 \(router\) as part of hostpci1 names it/,
    );
    await sh(host, "qm stop 101 && qm set 101 --delete hostpci1");
    await rig.stack(define(undefined, false));
    await rig.apply();
    await rig.destroy();
    expect(fileOf(host, "usr/share/kvm/gpu.rom")).toBeNull();
    expect(fileOf(host, "usr/share/kvm/vbios-3090.rom")).not.toBeNull();
  });
});
