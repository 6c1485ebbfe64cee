/** The same through Terraform, on the family that differs most from Debian; what is refused is refused at plan. */
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";
import { sh } from "../support/byHand";

jest.setTimeout(240_000);

const rig = new Rig();
afterAll(() => rig.close());

function binding(host: EmbeddedHost) {
  return (stack: TerraformStack) => {
    const kvm1 = new IommuHost(stack, "kvm1", {
      connection: connect(host),
      kernelParameters: ["iommu=pt", "rd.driver.pre=vfio-pci"],
    });
    new VfioBinding(stack, "gpu", { host: kvm1, devices: { card: { address: "0000:01:00" } } });
  };
}

test("Rocky Linux 9: the plan names entries and builder, one reboot, an empty plan, destroy byte for byte", async () => {
  const host = await rig.host("rocky9-bls");
  const before = filesOf(host);
  await rig.stack(binding(host));

  const { changes } = await rig.plan();
  expect(changes["passthrough_iommu_host.kvm1"]?.after).toMatchObject({
    boot_loader: "grub-bls",
    initramfs: "dracut",
    reboot_required: true,
    files: {
      "/boot/loader/entries/*.conf": "intel_iommu=on iommu=pt rd.driver.pre=vfio-pci",
      "/etc/kernel/cmdline": "intel_iommu=on iommu=pt rd.driver.pre=vfio-pci",
      "/etc/default/grub": "GRUB_CMDLINE_LINUX: intel_iommu=on iommu=pt rd.driver.pre=vfio-pci",
    },
  });

  expect(await rig.apply()).toContain("proven");
  expect(host.counters().reboots).toBe(1);
  expect(await sh(host, "grubby --info=ALL")).toMatch(
    /args=".*intel_iommu=on iommu=pt rd.driver.pre=vfio-pci"/,
  );
  expect(await rig.tf.plan()).toMatchObject({ changes: false });

  // A new kernel's entry is made of /etc/kernel/cmdline, and is no drift.
  const kernels = "/boot/loader/entries";
  const [id = ""] = (await sh(host, "cat /etc/machine-id")).split("\n");
  const release = "5.14.0-503.15.1.el9_5.x86_64";
  const next = "5.14.0-503.22.1.el9_5.x86_64";
  await sh(host, `cp -r /lib/modules/${release} /lib/modules/${next}`);
  await sh(host, `cp /boot/vmlinuz-${release} /boot/vmlinuz-${next}`);
  await sh(host, `cp ${kernels}/${id}-${release}.conf ${kernels}/${id}-${next}.conf`);
  await sh(host, `sed -i s/${release}/${next}/ ${kernels}/${id}-${next}.conf`);
  expect(await rig.tf.plan()).toMatchObject({ changes: false });

  await rig.destroy();
  expect(fileOf(host, `${kernels}/${id}-${next}.conf`)).toBe(
    (before[`boot/loader/entries/${id}-${release}.conf`] ?? "").replaceAll(release, next),
  );
  const after = Object.entries(filesOf(host)).filter(([path]) => !path.includes(next));
  expect(Object.fromEntries(after)).toEqual(before);
  expect(host.counters().reboots).toBe(1);
});

test("oVirt Node: refused at plan, by name, with what to do", async () => {
  const node = new Rig();
  try {
    const host = await node.host("ovirt-node");
    const before = filesOf(host);
    await node.stack(binding(host));
    const words = flowing(await node.refusal("plan"));
    expect(words).toMatch(
      /ovirt-node \(oVirt Node 4\.5\.5\) is an oVirt Node: .*It is left alone\. Set the kernel parameters in the engine/,
    );
    expect(filesOf(host)).toEqual(before);
  } finally {
    await node.close();
  }
});
