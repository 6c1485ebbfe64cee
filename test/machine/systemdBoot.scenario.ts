/** The main job on a host that UEFI starts by systemd-boot, its entries made by kernel-install. */
import { MainJob } from "./mainJob";
import { machine } from "./bench";

describe("a Debian host with systemd-boot", () => {
  const host = machine({ name: "systemd-boot", boots: "systemd-boot" });
  const job = new MainJob(host, {
    platform: { boot_loader: "systemd-boot", initramfs: "initramfs-tools", cpu_vendor: "intel" },
    lacks: "the running kernel lacks intel_iommu=on iommu=pt",
    files: { "/etc/kernel/cmdline": expect.stringContaining("intel_iommu=on iommu=pt") },
    commandLine: /intel_iommu=off .*intel_iommu=on iommu=pt/,
    unit: /^dmar0$/m,
  });

  beforeAll(() => job.start());
  afterAll(() => job.end());

  test("the firmware started it by systemd-boot", async () => {
    const [, product = ""] =
      /Product: (systemd-boot \S+)/.exec(await host.sh("bootctl status --no-pager")) ?? [];
    const { bootEvidence, kernel } = await job.probe();
    expect(bootEvidence.loader).toBe(product);
    expect(product).not.toBe("");
    expect(kernel.next).toBe(await host.sh("uname -r"));
  });

  job.isAsRecorded("debian-systemd-boot");
  job.deploys();

  test("the kernel was given the words of the loader's entry, and nothing else", async () => {
    const entry = await host.sh("sed -n 's/^options *//p' /boot/efi/loader/entries/*.conf");
    const given = await host.sh("cat /proc/cmdline");
    // The loader puts where it found the initramfs before them.
    expect(given.replace(/^initrd=\S+ /, "").trim()).toBe(entry.trim());
  });

  job.destroys();
});
