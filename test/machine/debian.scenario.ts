/** The main job on a real kernel, and around it what is read, refused, added, and what drifts. */
import { machine } from "./bench";
import { devices, driverOf } from "./host";
import { MainJob, type Bindings } from "./mainJob";

const multipath = "0000:08:00.0";

/** Every function of the slot; the console of this host is on its serial port. */
const graphics: Bindings = {
  graphics: { devices: { card: { address: "0000:07:00" } }, allowCritical: ["0000:07:00"] },
};

describe("a Debian host whose administrator switched the IOMMU off", () => {
  const host = machine({ name: "debian" });
  const { twin, usb, conventional, conventionalSibling, picture, sound } = host.places;
  const job = new MainJob(host, {
    platform: { boot_loader: "grub", initramfs: "initramfs-tools", cpu_vendor: "intel" },
    lacks: "the running kernel lacks intel_iommu=on iommu=pt",
    files: {
      "/etc/default/grub.d/zz-cdktf-passthrough.cfg": expect.stringContaining("intel_iommu=on iommu=pt"),
      "/etc/modprobe.d/zz-cdktf-passthrough.conf": "options vfio-pci ids=8086:10d3\n",
    },
    // Both stand there: the administrator's word came first, and the last one counts.
    commandLine: /intel_iommu=off .*intel_iommu=on iommu=pt/,
    unit: /^dmar0$/m,
  });
  const { rig } = job;
  const declared = (further: Bindings) => job.declared({ ...job.bindings, ...further });

  beforeAll(() => job.start());
  afterAll(() => job.end());

  test("one probe reads what lspci, lsblk, ip and /proc say", async () => {
    const seen = await job.probe();
    const compared = seen.devices.map(({ address, vendor, device, driver, iommuGroup, name }) => ({
      ...{ address, id: `${vendor}:${device}`, driver, iommuGroup, name },
    }));
    expect(compared).toEqual(await devices(host));
    expect(seen.kernel).toEqual({
      release: await host.sh("uname -r"),
      commandLine: await host.sh("cat /proc/cmdline"),
      next: await host.sh("uname -r"),
      installed: [await host.sh("uname -r")],
    });
    expect(seen).toMatchObject({
      bootId: await host.bootId(),
      machineId: await host.sh("cat /etc/machine-id"),
      distribution: { id: "debian", versionId: "12" },
      firmware: { efi: false, iommuTable: "DMAR" },
      missingTools: [],
      unresolved: [],
    });
    const disk = await host.sh("lsblk -no PKNAME $(findmnt -no SOURCE /)");
    const interfaceName = await host.sh("ip -o route get 10.0.2.2 | sed 's/.* dev \\([^ ]*\\).*/\\1/'");
    for (const [kind, node] of [
      ["disk", `/sys/class/block/${disk}`],
      ["network", `/sys/class/net/${interfaceName}`],
    ] as const) {
      const address = /.*\/(\w{4}:\w\w:\w\w\.\w)\//.exec(await host.sh(`readlink -f ${node}`))?.[1];
      expect(seen.critical).toContainEqual(expect.objectContaining({ kind, address, essential: true }));
    }
  });

  test("a file system on an NVMe disk with several paths is traced to its controller", async () => {
    const disk = await host.sh("basename $(ls -d /sys/devices/virtual/nvme-subsystem/*/nvme*n1)");
    expect((await job.probe()).critical).not.toContainEqual(expect.objectContaining({ address: multipath }));
    await host.sh(`mkfs.ext4 -q /dev/${disk} && mount /dev/${disk} /mnt`);
    expect((await job.probe()).critical).toContainEqual({
      address: multipath,
      kind: "disk",
      essential: true,
      use: expect.stringContaining(`/mnt (/dev/${disk})`),
    });
    await host.sh(`umount /mnt && wipefs -qa /dev/${disk}`);
  });

  test("the root disk, the network card of the session and the screen are refused at plan", async () => {
    await rig.stack(job.declared({ wrong: { devices: { disk: { address: "0000:00:02.0" } } } }));
    expect(await rig.refusal("plan")).toMatch(/0000:00:02\.0.*carries \/ \(\/dev\/vda1\)/);
    await rig.stack(job.declared({ wrong: { devices: { lan: { address: "0000:00:03.0" } } } }));
    expect(await rig.refusal("plan")).toMatch(/0000:00:03\.0.*carries this SSH session/);
    await rig.stack(job.declared({ wrong: { devices: { screen: { address: "0000:07:00" } } } }));
    expect(await rig.refusal("plan")).toMatch(/0000:07:00\.0.*shows the console/);
  });

  job.deploys(graphics, [picture, sound]);

  test("a part of an IOMMU group is refused, the rest named", async () => {
    const group = await host.sh(`ls /sys/bus/pci/devices/${conventional}/iommu_group/devices`);
    expect(group.split("\n")).toContain(conventionalSibling);
    await rig.stack(declared({ ...graphics, legacy: { devices: { card: { address: conventional } } } }));
    expect(await rig.refusal("plan")).toMatch(new RegExp(`${conventional}.*${conventionalSibling}`));
  });

  test("a further device is bound without a reboot", async () => {
    const boot = await host.bootId();
    await rig.stack(declared({ ...graphics, usb: { devices: { controller: { address: usb } } } }));
    const { changes } = await rig.plan();
    expect(changes["passthrough_iommu_host.server"]?.after).toMatchObject({ reboot_required: false });
    await rig.apply();
    expect(await driverOf(host, usb)).toBe("vfio-pci");
    expect(await host.bootId()).toBe(boot);
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("a device that somebody gave back to its driver is drift, and is bound again", async () => {
    await host.sh(
      `cd /sys/bus/pci && echo >devices/${twin}/driver_override && echo ${twin} >drivers/vfio-pci/unbind && echo ${twin} >drivers/nvme/bind`,
    );
    const { changes } = await rig.plan();
    expect(Object.keys(changes)).toEqual(["passthrough_vfio_binding.storage"]);
    expect(changes["passthrough_vfio_binding.storage"]).toMatchObject({
      before: { functions: { [twin]: { driver: "nvme" } } },
      after: { functions: { [twin]: { driver: "vfio-pci" } } },
    });
    await rig.apply();
    expect(await driverOf(host, twin)).toBe("vfio-pci");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  job.destroys();
});
