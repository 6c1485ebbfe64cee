/** The main job on a real kernel: declare, refuse, plan, deploy with a reboot, prove, add, drift, destroy. */
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding, type VfioBindingProps } from "../../lib";
import { createHost } from "../../lib/host/host";
import { createSession } from "../../lib/host/session";
import type { HostFacts } from "../../lib/model/facts";
import { Rig } from "../support/rig";
import { machine } from "./bench";
import { configuration, devices, driverOf, initramfs } from "./host";

const twin = "0000:01:00.0";
const otherTwin = "0000:02:00.0";
const nic = "0000:03:00.0";
const usb = "0000:04:00.0";
const conventional = "0000:06:01.0";
const conventionalSibling = "0000:06:02.0";
const picture = "0000:07:00.0";
const sound = "0000:07:00.1";
const multipath = "0000:08:00.0";
const countBoots = "journalctl --list-boots --quiet | wc -l";

type Bindings = Readonly<Record<string, Omit<VfioBindingProps, "host">>>;

const first: Bindings = {
  storage: { devices: { scratch: { address: twin } } },
  network: { devices: { uplink: { id: "8086:10d3" } } },
  // Every function of the slot; the console of this host is on its serial port.
  graphics: { devices: { card: { address: "0000:07:00" } }, allowCritical: ["0000:07:00"] },
};

describe("a Debian host whose administrator switched the IOMMU off", () => {
  const host = machine({ name: "debian" });
  const rig = new Rig();
  const before: { configuration: Record<string, string>; initramfs: string[]; drivers: (string | null)[] } = {
    configuration: {},
    initramfs: [],
    drivers: [],
  };

  const declared = (bindings: Bindings) => (stack: TerraformStack) => {
    const server = new IommuHost(stack, "server", {
      connection: host.connection,
      kernelParameters: ["iommu=pt"],
    });
    for (const [name, binding] of Object.entries(bindings))
      new VfioBinding(stack, name, { host: server, ...binding });
  };

  const probe = async (): Promise<HostFacts> => {
    const asked = createHost("server", createSession("server", host.connection));
    return asked.probe().finally(() => asked.close());
  };

  beforeAll(async () => {
    await host.start();
    before.configuration = await configuration(host);
    before.initramfs = await initramfs(host);
    before.drivers = (await devices(host)).map(({ driver }) => driver);
  });
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("one probe reads what lspci, lsblk, ip and /proc say", async () => {
    const seen = await probe();
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
    expect((await probe()).critical).not.toContainEqual(expect.objectContaining({ address: multipath }));
    await host.sh(`mkfs.ext4 -q /dev/${disk} && mount /dev/${disk} /mnt`);
    expect((await probe()).critical).toContainEqual({
      address: multipath,
      kind: "disk",
      essential: true,
      use: expect.stringContaining(`/mnt (/dev/${disk})`),
    });
    await host.sh(`umount /mnt && wipefs -qa /dev/${disk}`);
  });

  test("the root disk, the network card of the session and the screen are refused at plan", async () => {
    await rig.stack(declared({ wrong: { devices: { disk: { address: "0000:00:02.0" } } } }));
    expect(await rig.refusal("plan")).toMatch(/0000:00:02\.0.*carries \/ \(\/dev\/vda1\)/);
    await rig.stack(declared({ wrong: { devices: { lan: { address: "0000:00:03.0" } } } }));
    expect(await rig.refusal("plan")).toMatch(/0000:00:03\.0.*carries this SSH session/);
    await rig.stack(declared({ wrong: { devices: { screen: { address: "0000:07:00" } } } }));
    expect(await rig.refusal("plan")).toMatch(/0000:07:00\.0.*shows the console/);
  });

  test("the plan says which lines, and that the kernel must boot with them", async () => {
    await rig.stack(declared(first));
    const { changes } = await rig.plan();
    expect(changes["passthrough_iommu_host.server"]?.after).toMatchObject({
      boot_loader: "grub",
      initramfs: "initramfs-tools",
      cpu_vendor: "intel",
      reboot_required: true,
      reboot_reason: "the running kernel lacks intel_iommu=on iommu=pt",
      files: {
        "/etc/default/grub.d/zz-cdktf-passthrough.cfg": expect.stringContaining("intel_iommu=on iommu=pt"),
        "/etc/modprobe.d/zz-cdktf-passthrough.conf": "options vfio-pci ids=8086:10d3\n",
      },
    });
    expect(await configuration(host)).toEqual(before.configuration);
  });

  test("the deploy reboots once, and the kernel itself shows that it took effect", async () => {
    const boots = Number(await host.sh(countBoots));
    const output = await rig.apply();
    expect(output).toContain("reboot issued");
    expect(output).toContain("proven");
    expect(Number(await host.sh(countBoots))).toBe(boots + 1);
    // Both stand there: the administrator's word came first, and the last one counts.
    expect(await host.sh("cat /proc/cmdline")).toMatch(/intel_iommu=off .*intel_iommu=on iommu=pt/);
    expect(await host.sh("ls /sys/class/iommu")).toContain("dmar0");
    expect(Number(await host.sh("ls /sys/kernel/iommu_groups | wc -l"))).toBeGreaterThan(5);
    expect(await host.sh(`cat /sys/kernel/iommu_groups/*/type | sort -u`)).toBe("identity");
    for (const address of [twin, nic, picture, sound]) expect(await driverOf(host, address)).toBe("vfio-pci");
    expect(await driverOf(host, otherTwin)).toBe("nvme");
  });

  test("no other driver ever held them: they were bound in the initramfs", async () => {
    const log = await host.sh("dmesg");
    for (const address of [twin, nic, picture, sound])
      expect(log).toContain(`cdktf-passthrough: ${address} is held by vfio-pci`);
    expect(log).toMatch(new RegExp(`nvme nvme\\d+: pci function ${otherTwin}`));
    expect(log).not.toMatch(new RegExp(`nvme nvme\\d+: pci function ${twin}`));
    expect(log).not.toMatch(new RegExp(`(e1000e|bochs-drm|snd_hda_intel) (${nic}|${picture}|${sound})`));
    expect(log.indexOf(`${twin} is held`)).toBeLessThan(log.indexOf("EXT4-fs (vda1): mounted"));
  });

  test("then there is nothing left to do", async () => {
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("a part of an IOMMU group is refused, the rest named", async () => {
    const group = await host.sh(`ls /sys/bus/pci/devices/${conventional}/iommu_group/devices`);
    expect(group.split("\n")).toContain(conventionalSibling);
    await rig.stack(declared({ ...first, legacy: { devices: { card: { address: conventional } } } }));
    expect(await rig.refusal("plan")).toMatch(new RegExp(`${conventional}.*${conventionalSibling}`));
  });

  test("a further device is bound without a reboot", async () => {
    const boot = await host.bootId();
    await rig.stack(declared({ ...first, usb: { devices: { controller: { address: usb } } } }));
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

  test("destroy gives back every file byte for byte, and the drivers", async () => {
    const boot = await host.bootId();
    await rig.destroy();
    expect(await host.bootId()).toBe(boot);
    expect(await configuration(host)).toEqual(before.configuration);
    expect((await devices(host)).map(({ driver }) => driver)).toEqual(before.drivers);
  });

  test("one more boot gives the host as it was", async () => {
    await host.reboot();
    expect(await host.sh("cat /proc/cmdline")).not.toContain("intel_iommu=on");
    expect(await host.sh("ls /sys/kernel/iommu_groups")).toBe("");
    expect((await devices(host)).map(({ driver }) => driver)).toEqual(before.drivers);
    expect(await initramfs(host)).toEqual(before.initramfs);
    expect(await configuration(host)).toEqual(before.configuration);
  });
});
