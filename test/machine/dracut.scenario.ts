/** The main job on a host whose initramfs dracut makes. */
import { MainJob } from "./mainJob";
import { machine } from "./bench";
import { initramfs } from "./host";

describe("a Debian host with dracut", () => {
  const host = machine({ name: "dracut", boots: "dracut" });
  const job = new MainJob(host, {
    platform: { boot_loader: "grub", initramfs: "dracut", cpu_vendor: "intel" },
    lacks: "the running kernel lacks intel_iommu=on iommu=pt",
    files: {
      "/etc/default/grub.d/zz-cdktf-passthrough.cfg": expect.stringContaining("intel_iommu=on iommu=pt"),
      "/etc/dracut.conf.d/zz-cdktf-passthrough.conf": expect.stringContaining("vfio"),
    },
    commandLine: /intel_iommu=off .*intel_iommu=on iommu=pt/,
    unit: /^dmar0$/m,
  });

  beforeAll(() => job.start());
  afterAll(() => job.end());

  job.isAsRecorded("debian-dracut");
  job.deploys();

  test("its image holds the table, the early script before udev, and the driver", async () => {
    const held = (await initramfs(host)).join("\n");
    expect(held).toMatch(/^etc\/cdktf-passthrough\/devices$/m);
    expect(held).toMatch(/^etc\/cdktf-passthrough\/early$/m);
    expect(held).toMatch(/hooks\/pre-udev\/00-pre-udev\.sh$/m);
    expect(held).toMatch(/vfio-pci\.ko$/m);
  });

  // What a boot after it is like, Debian and systemd-boot show.
  job.destroys({ boots: false });
});
