/** The main job on a host with AMD's IOMMU, whose kernel never brings it up once it is told not to. */
import { MainJob } from "./mainJob";
import { machine } from "./bench";

describe("an AMD host whose administrator switched the IOMMU off", () => {
  const host = machine({ name: "amd", processor: "amd" });
  const job = new MainJob(host, {
    platform: { boot_loader: "grub", initramfs: "initramfs-tools", cpu_vendor: "amd" },
    lacks: "the running kernel lacks iommu=pt",
    files: { "/etc/default/grub.d/zz-cdktf-passthrough.cfg": expect.stringContaining("iommu=pt") },
    // AMD's is on unless it is told otherwise: nothing of ours switches it on.
    commandLine: /^(?!.*amd_iommu=).* iommu=pt/,
    unit: /^ivhd0$/m,
  });

  beforeAll(() => job.start());
  afterAll(() => job.end());

  test("no parameter overrules the one that switched it off: the plan names it, and where it stands", async () => {
    expect(await host.sh("cat /proc/cmdline")).toContain("amd_iommu=off");
    await job.rig.stack(job.declared(job.bindings));
    expect(await job.rig.refusal("plan")).toMatch(
      /has amd_iommu=off, which leaves the IOMMU off.*Take it out of \/etc\/default\/grub/,
    );
    await job.untouched();
    await host.sh("sed -i 's/ amd_iommu=off//' /etc/default/grub && update-grub");
    await job.remember();
  });

  job.deploys();
  job.destroys({ boots: false });
});
