/** What a boot may bring that nobody declared, on a host whose kernel parameters alone are declared. */
import type { TerraformStack } from "cdktf";
import { IommuHost } from "../../lib";
import { Rig } from "../support/rig";
import { machine } from "./bench";
import { emulated } from "./machine";

const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";
/** GRUB reads it after ours, and it takes away what stood there before. */
const overruling = "/etc/default/grub.d/zzz-somebody.cfg";
const countBoots = "journalctl --list-boots --quiet | wc -l";

/** An entry of the administrator's own: the same kernel, with its IOMMU off. */
const rescueEntry = `cat >>/etc/grub.d/40_custom <<'END'
menuentry rescue {
  search --set=root --label root
  linux /vmlinuz root=LABEL=root ro ${emulated} intel_iommu=off
  initrd /initrd.img
}
END`;

describe("a Debian host whose boots bring surprises", () => {
  const host = machine({ name: "boots" });
  const rig = new Rig();
  const commandLine = () => host.sh("cat /proc/cmdline");
  const boots = async () => Number(await host.sh(countBoots));
  const planned = async () => {
    const plan = await rig.plan();
    return { ...plan, server: plan.changes["passthrough_iommu_host.server"] };
  };

  beforeAll(async () => {
    await host.start();
    await host.sh(rescueEntry);
    await host.sh(
      `. /etc/default/grub; echo "GRUB_CMDLINE_LINUX_DEFAULT='$GRUB_CMDLINE_LINUX_DEFAULT'" >${overruling}`,
    );
    await rig.stack((stack: TerraformStack) => {
      new IommuHost(stack, "server", { connection: host.connection, kernelParameters: ["iommu=pt"] });
    });
  });
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("a boot that does not bring what is declared fails the deploy, with the diagnosis", async () => {
    const before = await boots();
    const refusal = await rig.refusal("apply", "-auto-approve");
    expect(refusal).toContain("rebooted, but does not run what is declared");
    expect(refusal).toContain("the running kernel lacks intel_iommu=on iommu=pt");
    expect(refusal).toContain(`Running command line: ${await commandLine()}`);
    expect(await boots()).toBe(before + 1);
  });

  test("it is not rebooted for that again: the next plan says why, the next deploy too", async () => {
    const before = await boots();
    const { server, text } = await planned();
    expect(text).toContain("still so after the reboot for it");
    expect(server?.after ?? {}).not.toMatchObject({ reboot_required: true });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("is not rebooted: blocked");
    expect(await boots()).toBe(before);
  });

  test("once the cause is mended and the host booted, the next deploy proves it", async () => {
    await host.sh(`rm ${overruling} && update-grub`);
    await host.reboot();
    const before = await boots();
    expect(await rig.apply()).toContain("no reboot needed");
    expect(await boots()).toBe(before);
    expect(await commandLine()).toMatch(/intel_iommu=off .*intel_iommu=on iommu=pt/);
    expect((await planned()).changes).toEqual({});
  });

  test("GRUB's file edited by hand is a diff of its words, repaired without a reboot", async () => {
    await host.sh(`sed -i 's/ iommu=pt//' ${dropIn} && update-grub`);
    const { server } = await planned();
    expect(server?.before).toMatchObject({ files: { [dropIn]: expect.not.stringContaining("iommu=pt") } });
    expect(server?.after).toMatchObject({
      files: { [dropIn]: expect.stringContaining("intel_iommu=on iommu=pt") },
      reboot_required: false,
    });
    const boot = await host.bootId();
    await rig.apply();
    expect(await host.bootId()).toBe(boot);
    expect(await host.sh("cat /boot/grub/grub.cfg")).toMatch(/linux.* intel_iommu=on iommu=pt/);
    expect((await planned()).changes).toEqual({});
  });

  test("a host booted once without its IOMMU is rebooted, and nothing is written", async () => {
    await host.sh("grub-reboot rescue");
    await host.reboot();
    expect(await host.sh("ls /sys/kernel/iommu_groups")).toBe("");
    // What is due is read from the host; what changes is its event alone.
    const { server, text } = await planned();
    expect(server).toBeUndefined();
    expect(text).toContain("the running kernel lacks intel_iommu=on iommu=pt");
    const menu = await host.sh("stat -c %y /boot/grub/grub.cfg");
    const output = await rig.apply();
    expect(output).toContain("reboot issued");
    expect(output).toContain("proven");
    expect(await host.sh("ls /sys/kernel/iommu_groups")).not.toBe("");
    expect(await host.sh("stat -c %y /boot/grub/grub.cfg")).toBe(menu);
    expect((await planned()).changes).toEqual({});
  });
});
