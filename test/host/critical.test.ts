import { parseProbe, probeScript } from "../../lib/host/probe";
import type { CriticalUse, HostFacts } from "../../lib/model/facts";
import { FakeRoot, OUTSIDE_PCI } from "../support/fakeRoot";

let root: FakeRoot;
beforeEach(() => (root = new FakeRoot()));
afterEach(() => root.remove());

async function facts(): Promise<HostFacts> {
  const { stdout, stderr } = await root.run(probeScript);
  return parseProbe(stdout, "pve1", stderr);
}

/** `address words`, with `(warning)` for what is not essential. */
async function uses(kind: CriticalUse["kind"]): Promise<string[]> {
  const found = (await facts()).critical.filter((use) => use.kind === kind);
  return found
    .map(({ address, use, essential }) => `${address} ${use}${essential ? "" : " (warning)"}`)
    .sort();
}

async function unresolved(): Promise<readonly string[]> {
  return (await facts()).unresolved;
}

const ROOT_MOUNT = (number: string) => `27 1 ${number} / / rw,relatime shared:1 - ext4 /dev/root rw`;

/** A disk below a SATA controller, with one partition of number 8:1. */
function sataDisk(address = "0000:00:17.0"): void {
  const disk = `${root.pci(address, { class: "010601", driver: "ahci" })}/ata1/host0/target0:0:0/0:0:0:0/block/sda`;
  root.partition("sda1", "8:1", root.block("sda", "8:0", disk));
}

describe("disks", () => {
  test("a mounted partition names its controller and every bridge above it", async () => {
    root.pci("0000:00:1d.0", { bridge: true });
    const controller = root.pci("0000:01:00.0", { parent: "0000:00:1d.0", class: "010802" });
    root.partition("nvme0n1p2", "259:2", root.block("nvme0n1", "259:0", `${controller}/nvme/nvme0/nvme0n1`));
    root.mounts(ROOT_MOUNT("259:2"));

    expect(await uses("disk")).toEqual([
      "0000:00:1d.0 carries / (/dev/nvme0n1p2)",
      "0000:01:00.0 carries / (/dev/nvme0n1p2)",
    ]);
  });

  test("an NVMe head without a PCI parent is followed through its subsystem's controllers", async () => {
    const subsystem = "/sys/devices/virtual/nvme-subsystem/nvme-subsys0";
    for (const [at, address] of ["0000:01:00.0", "0000:02:00.0"].entries()) {
      const controller = `${root.pci(address, { class: "010802" })}/nvme/nvme${at}`;
      root.write(`${controller}/transport`, "pcie\n");
      root.write(`${controller}/address`, `${address}\n`);
      root.link(`${subsystem}/nvme${at}`, controller);
    }
    root.partition("nvme0n1p3", "259:3", root.block("nvme0n1", "259:0", `${subsystem}/nvme0n1`));
    root.mounts(ROOT_MOUNT("259:3"));

    expect(await uses("disk")).toEqual([
      "0000:01:00.0 carries / (/dev/nvme0n1p3)",
      "0000:02:00.0 carries / (/dev/nvme0n1p3)",
    ]);
    expect((await facts()).unresolved).toEqual([]);
  });

  test("LVM over md over two disks names both", async () => {
    for (const [at, address] of ["0000:03:00.0", "0000:04:00.0"].entries()) {
      const disk = `${root.pci(address, { class: "010802" })}/nvme/nvme${at}/nvme${at}n1`;
      root.partition(
        `nvme${at}n1p1`,
        `259:${at * 10 + 1}`,
        root.block(`nvme${at}n1`, `259:${at * 10}`, disk),
      );
    }
    root.stacked("md0", "9:0", ["nvme0n1p1", "nvme1n1p1"]);
    root.stacked("dm-0", "253:0", ["md0"], "pve-root");
    root.mounts(ROOT_MOUNT("253:0"));

    expect(await uses("disk")).toEqual([
      "0000:03:00.0 carries / (/dev/mapper/pve-root on /dev/md0 on /dev/nvme0n1p1)",
      "0000:04:00.0 carries / (/dev/mapper/pve-root on /dev/md0 on /dev/nvme1n1p1)",
    ]);
  });

  test("a partition of an md device is followed through the whole device", async () => {
    sataDisk();
    root.partition("md0p1", "259:9", root.stacked("md0", "9:0", ["sda1"]));
    root.mounts(ROOT_MOUNT("259:9"));
    expect(await uses("disk")).toEqual(["0000:00:17.0 carries / (/dev/md0p1 on /dev/md0 on /dev/sda1)"]);
  });

  describe("ZFS", () => {
    beforeEach(() => {
      sataDisk();
      root.mounts(
        "27 1 0:25 / / rw - zfs rpool/ROOT/pve-1 rw",
        "28 27 0:26 / /rpool rw - zfs rpool rw",
        "29 27 0:27 / /rpool/data rw - zfs rpool/data rw",
        "30 27 0:28 / /var/lib/x rw - zfs rpool/x rw",
      );
    });

    test("the pool tells its disks, and its altroot is none", async () => {
      root.program(
        "zpool",
        `printf 'rpool\\t1T\\t/mnt\\n\\tmirror-0\\t1T\\n\\t/dev/sda1\\t1T\\n\\t/vols/file\\t1G\\n'`,
      );
      expect(await uses("disk")).toEqual([
        "0000:00:17.0 is in the ZFS pool rpool with /, /rpool, /rpool/data and 1 more (/dev/sda1)",
      ]);
      expect(await unresolved()).toEqual([]);
    });

    test.each([
      ["is missing", "exit 127"],
      ["fails", "echo 'cannot open' >&2; exit 1"],
      ["tells another pool", "printf 'tank\\t1T\\n\\t/dev/sda1\\t1T\\n'"],
    ])("a zpool that %s leaves the root unresolved", async (_case, body) => {
      root.program("zpool", body);
      expect(await unresolved()).toEqual([expect.stringMatching(/^carries \/, .* zpool .* rpool$/)]);
    });
  });

  test("btrfs names every member, also the one that no mount names", async () => {
    sataDisk();
    const other = `${root.pci("0000:05:00.0", { class: "010802" })}/nvme/nvme0/nvme0n1`;
    root.block("nvme0n1", "259:0", other);
    root.link("/sys/fs/btrfs/1111/devices/sda1", "/sys/class/block/sda1");
    root.link("/sys/fs/btrfs/1111/devices/nvme0n1", "/sys/class/block/nvme0n1");
    root.mounts("27 1 0:25 /@ / rw - btrfs /dev/sda1 rw,subvol=/@");
    expect(await uses("disk")).toEqual([
      "0000:00:17.0 carries / (/dev/sda1)",
      "0000:05:00.0 is part of a mounted btrfs file system (/dev/nvme0n1)",
    ]);
  });

  test("what boot looks for counts although it is not mounted", async () => {
    sataDisk();
    for (const [at, what] of ["fstab", "crypt", "esp", "resume"].entries()) {
      const disk = `${root.pci(`0000:0${at + 1}:00.0`, { class: "010802" })}/nvme/nvme${at}/nvme${at}n1`;
      root.block(`nvme${at}n1`, `259:${at * 10}`, disk);
      root.link(`/dev/disk/by-uuid/${what}`, `/dev/nvme${at}n1`);
    }
    root.mounts(ROOT_MOUNT("8:1"));
    root.write(
      "/etc/fstab",
      '# comment\nUUID=gone /gone ext4 nofail 0 0\nUUID="fstab" /backup ext4 noauto 0 0\nUUID=x / ext4\n',
    );
    root.write("/etc/crypttab", "vault UUID=crypt none luks\n");
    root.write("/etc/kernel/proxmox-boot-uuids", "esp\n");
    root.write("/proc/cmdline", "root=/dev/sda1 resume=UUID=resume glob=[a-z]*\n");

    expect(await uses("disk")).toEqual([
      "0000:00:17.0 carries / (/dev/sda1)",
      "0000:01:00.0 is in /etc/fstab as /backup (/dev/nvme0n1)",
      "0000:02:00.0 is unlocked at boot as vault (/etc/crypttab) without nofail: without it boot stops (/dev/nvme1n1)",
      "0000:04:00.0 is what the host resumes from (resume=) (/dev/nvme3n1)",
    ]);
    expect(await uses("esp")).toEqual([
      "0000:03:00.0 holds the EFI system partition (ESP) esp, which the host boots from (/dev/nvme2n1)",
    ]);
    expect(await unresolved()).toEqual([]);
  });

  test("swap, and disks whose volumes nothing has mounted", async () => {
    sataDisk();
    root.stacked("dm-1", "253:1", ["sda1"], "pve-swap");
    root.write(
      "/proc/swaps",
      "Filename Type Size Used Priority\n/dev/dm-1 partition 8 0 -2\n/swapfile file 8 0 -3\n",
    );
    const other = `${root.pci("0000:05:00.0", { class: "010802" })}/nvme/nvme0/nvme0n1`;
    root.block("nvme0n1", "259:0", other);
    for (const at of [2, 3, 4, 5]) root.stacked(`dm-${at}`, `253:${at}`, ["nvme0n1"], `vm-${at}`);
    expect(await uses("disk")).toEqual([
      "0000:00:17.0 is swap in use (/dev/mapper/pve-swap on /dev/sda1)",
      "0000:05:00.0 belongs to /dev/mapper/vm-2, /dev/mapper/vm-3, /dev/mapper/vm-4 and 1 more (/dev/nvme0n1)",
    ]);
  });

  test.each([
    ["zfs_member", "ZFS pool"],
    ["linux_raid_member", "RAID array"],
    ["crypto_LUKS", "LUKS volume"],
    ["ceph_bluestore", "Ceph OSD"],
    ["bcache", "bcache"],
    ["LVM2_member", "LVM volume group (guests)"],
  ])("a disk that only bears the signature %s: whoever gets it may destroy data", async (type, words) => {
    sataDisk();
    root.write("/run/udev/data/b8:1", `S:disk\nE:ID_FS_UUID=Ab3-x\nE:ID_FS_TYPE=${type}\n`);
    root.write("/etc/lvm/backup/guests", 'pv0 {\n\tid = "Ab3-x"\n\tdevice = "/dev/sda1"\n}\n');
    root.write("/etc/lvm/backup/other", 'pv0 {\n\tid = "Ab3-xy"\n}\n');
    expect(await uses("disk")).toEqual([
      `0000:00:17.0 bears the signature of a ${words}, whose data nothing of the host uses now (/dev/sda1)`,
    ]);
  });

  test("a plain file system that nothing names is nobody's", async () => {
    sataDisk();
    root.write("/run/udev/data/b8:1", "E:ID_FS_TYPE=ext4\n");
    expect(await uses("disk")).toEqual([]);
  });

  test("a mounted USB disk makes its controller essential", async () => {
    const controller = root.pci("0000:00:14.0", { class: "0c0330" });
    root.block("sdb", "8:16", `${controller}/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb`);
    root.mounts(ROOT_MOUNT("8:16"));
    expect(await uses("disk")).toEqual(["0000:00:14.0 carries / (/dev/sdb)"]);
  });

  test("behind Intel's VMD the controller and the VMD itself are named", async () => {
    const vmd = root.pci("0000:00:0e.0", { class: "010400" });
    root.block("nvme0n1", "259:0", `${vmd}/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1`);
    root.mounts(ROOT_MOUNT("259:0"));
    expect((await uses("disk")).map((use) => use.split(" ")[0])).toEqual([
      "0000:00:0e.0",
      "10000:e0:06.0",
      "10000:e1:00.0",
    ]);
  });

  test.each([
    ["the kernel shows no such device", "253:9", /^carries \/: the kernel shows no block device 253:9$/],
    ["nothing below a virtual device", "253:7", /^carries \/ \(\/dev\/nbd0\): no PCI device found below it$/],
  ])("unresolved: %s", async (_case, number, words) => {
    root.block("nbd0", "253:7", "/sys/devices/virtual/block/nbd0");
    root.mounts(ROOT_MOUNT(number));
    expect(await unresolved()).toContainEqual(expect.stringMatching(words));
  });

  test("a bus that is not PCI, memory and loops over files are neither critical nor unresolved", async () => {
    root.block("mmcblk0", "179:0", "/sys/devices/platform/soc/mmc0/mmcblk0");
    root.block("zram0", "251:0", "/sys/devices/virtual/block/zram0");
    root.write(
      `${root.block("loop0", "7:0", "/sys/devices/virtual/block/loop0")}/loop/backing_file`,
      "/snaps/core.snap\n",
    );
    root.mounts(
      ROOT_MOUNT("179:0"),
      "28 27 7:0 / /snap/core ro - squashfs /dev/loop0 ro",
      "29 27 0:30 / /run rw - tmpfs tmpfs rw",
    );
    root.write("/proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 8 0 100\n");
    const { critical, unresolved: open } = await facts();
    expect(critical).toEqual([]);
    expect(open).toEqual([]);
  });

  test("without mountinfo nothing is known to be free", async () => {
    root.write("/proc/self/mountinfo", "");
    expect(await unresolved()).toContainEqual(expect.stringMatching(/mountinfo/));
  });
});

describe("network", () => {
  const ADDRESSES =
    "1: lo    inet 127.0.0.1/8 scope host lo\n7: vmbr0    inet 192.0.2.1/24 brd 192.0.2.255 scope global vmbr0\\ valid";
  const shown = (routes: string, ways = {}) => root.network({ addresses: ADDRESSES, routes, ways });

  function bondOf(first: string, second: string, carrier = true): void {
    root.nic("eno1", first);
    root.nic("eno2", second, carrier);
    root.virtualInterface("bond0", ["eno1", "eno2"], true);
    root.virtualInterface("bond0.7", ["bond0"]);
    root.virtualInterface("tap100i0", []);
    root.virtualInterface("vmbr0", ["bond0.7", "tap100i0"]);
    shown("192.0.2.0/24 dev vmbr0 proto kernel scope link src 192.0.2.1");
  }

  test("a bond of two cards below a VLAN below a bridge is a warning on each", async () => {
    root.pci("0000:01:00.0");
    root.pci("0000:02:00.0");
    bondOf("0000:01:00.0", "0000:02:00.0");
    expect(await uses("network")).toEqual([
      "0000:01:00.0 carries this SSH session (vmbr0 on bond0.7 on bond0 on eno1) (warning)",
      "0000:02:00.0 carries this SSH session (vmbr0 on bond0.7 on bond0 on eno2) (warning)",
    ]);
  });

  test("the last member with a link is essential", async () => {
    root.pci("0000:01:00.0");
    root.pci("0000:02:00.0");
    bondOf("0000:01:00.0", "0000:02:00.0", false);
    expect(await uses("network")).toEqual([
      "0000:01:00.0 carries this SSH session (vmbr0 on bond0.7 on bond0 on eno1)",
      "0000:02:00.0 carries this SSH session (vmbr0 on bond0.7 on bond0 on eno2) (warning)",
    ]);
  });

  test("two ports of one card do not stand in for each other", async () => {
    root.pci("0000:01:00.0");
    root.pci("0000:01:00.1");
    bondOf("0000:01:00.0", "0000:01:00.1");
    expect((await uses("network")).some((use) => use.endsWith("(warning)"))).toBe(false);
  });

  const defaultRoute = (routes: string) => root.network({ addresses: OUTSIDE_PCI, routes });

  test("the default route, by every next hop", async () => {
    root.pci("0000:01:00.0");
    root.pci("0000:02:00.0");
    root.nic("eno1", "0000:01:00.0");
    root.nic("eno2", "0000:02:00.0");
    defaultRoute(
      "default proto static \\\tnexthop via 192.0.2.254 dev eno1 weight 1 \\\tnexthop via 198.51.100.1 dev eno2 weight 1",
    );
    expect(await uses("network")).toEqual([
      "0000:01:00.0 carries the default route (eno1)",
      "0000:02:00.0 carries the default route (eno2)",
    ]);
  });

  test("a virtual function takes its physical one along, and is named with it", async () => {
    const physical = root.pci("0000:01:00.0");
    const virtual = root.pci("0000:01:10.0");
    root.link(`${virtual}/physfn`, physical);
    root.link(`${physical}/virtfn0`, virtual);
    root.link(`${physical}/virtfn1`, root.pci("0000:01:10.2"));
    root.nic("vf0", "0000:01:10.0");
    defaultRoute("default via 192.0.2.254 dev vf0");
    expect(await uses("network")).toEqual([
      "0000:01:00.0 carries the default route (vf0), through a virtual function of it",
      "0000:01:10.0 carries the default route (vf0)",
      "0000:01:10.2 is a virtual function of 0000:01:00.0, which carries the default route (vf0), through a virtual function of it (warning)",
    ]);
  });

  test("the ports of an Open vSwitch bridge", async () => {
    root.pci("0000:01:00.0");
    root.nic("eno1", "0000:01:00.0");
    root.virtualInterface("vmbr0", []);
    root.virtualInterface("ovs-system", ["eno1", "vmbr0"]);
    root.link("/sys/devices/virtual/net/vmbr0/upper_ovs-system", "/sys/class/net/ovs-system");
    shown("192.0.2.0/24 dev vmbr0");
    expect(await uses("network")).toEqual([
      "0000:01:00.0 carries this SSH session (vmbr0 on ovs-system on eno1)",
    ]);
  });

  test("through a tunnel, every interface that carries a route", async () => {
    root.pci("0000:01:00.0");
    root.nic("eno1", "0000:01:00.0");
    root.virtualInterface("vmbr0", []);
    shown("192.0.2.0/24 dev vmbr0\n198.51.100.0/24 dev eno1");
    expect(await uses("network")).toEqual([
      "0000:01:00.0 may carry the tunnel vmbr0, which carries this SSH session (eno1)",
    ]);
    expect(await unresolved()).toEqual([]);
  });

  test.each([
    ["no SSH_CONNECTION", { SSH_CONNECTION: "" }, /SSH_CONNECTION/],
    ["an address that no interface has", { SSH_CONNECTION: "1 2 203.0.113.9 22" }, /203\.0\.113\.9/],
    ["an interface that leads nowhere", {}, /vmbr0/],
  ])("unresolved: %s", async (_case, env, words) => {
    root.env = { ...root.env, ...env };
    root.virtualInterface("vmbr0", []);
    shown("");
    expect(await unresolved()).toEqual([expect.stringMatching(words)]);
  });

  test("NFS, iSCSI and NVMe over fabrics by the route to their server", async () => {
    for (const [at, name] of ["nfs0", "scsi0", "nvme0", "vmbr0"].entries()) {
      root.pci(`0000:0${at + 1}:00.0`);
      root.nic(name, `0000:0${at + 1}:00.0`);
    }
    shown("", {
      "10.0.0.1": "10.0.0.1 dev nfs0 src 10.0.0.2 uid 0",
      "10.1.0.1": "10.1.0.1 dev scsi0 src 10.1.0.2",
      "10.2.0.1": "10.2.0.1 via 10.2.0.9 dev nvme0 src 10.2.0.2",
    });
    root.block("sda", "8:0", "/sys/devices/platform/host3/session1/target3:0:0/3:0:0:0/block/sda");
    root.write("/sys/class/iscsi_connection/connection1:0/persistent_address", "10.1.0.1\n");
    const controller = "/sys/devices/virtual/nvme-fabrics/ctl/nvme5";
    root.write(`${controller}/address`, "traddr=10.2.0.1,trsvcid=4420\n");
    root.link("/sys/devices/virtual/nvme-subsystem/nvme-subsys5/nvme5", controller);
    root.block("nvme5n1", "259:0", "/sys/devices/virtual/nvme-subsystem/nvme-subsys5/nvme5n1");
    root.mounts(
      "30 1 0:40 / /mnt/nfs rw - nfs4 store:/vm rw,vers=4.2,clientaddr=10.0.0.2,local_lock=none,addr=10.0.0.1",
      "31 1 8:0 / /mnt/iscsi rw - ext4 /dev/sda rw",
      "32 1 259:0 / /mnt/nvme rw - ext4 /dev/nvme5n1 rw",
    );
    expect((await uses("network")).filter((use) => !use.includes("SSH"))).toEqual([
      "0000:01:00.0 carries /mnt/nfs from 10.0.0.1 (nfs0)",
      "0000:02:00.0 carries /mnt/iscsi (/dev/sda) (scsi0)",
      "0000:03:00.0 carries /mnt/nvme (/dev/nvme5n1) (nvme0)",
    ]);
    expect(await unresolved()).toEqual([]);
  });

  test("cluster rings by address or by name", async () => {
    for (const [at, name] of ["ring0", "ring1", "vmbr0"].entries()) {
      root.pci(`0000:0${at + 1}:00.0`);
      root.nic(name, `0000:0${at + 1}:00.0`);
    }
    root.network({
      addresses: `${ADDRESSES}\n2: ring0    inet 10.9.0.1/24\n3: ring1    inet 10.8.0.1/24`,
      routes: "",
    });
    root.write("/etc/hosts", "127.0.0.1 localhost\n10.8.0.1 pve1-ring pve1\n");
    root.write(
      "/etc/pve/corosync.conf",
      "nodelist {\n  node {\n    name: pve1\n    ring0_addr: 10.9.0.1\n    ring1_addr: pve1-ring\n  }\n  node {\n    ring0_addr: 10.9.0.2\n  }\n}\n",
    );
    expect((await uses("network")).filter((use) => use.includes("ring"))).toEqual([
      "0000:01:00.0 carries a cluster ring of this node (corosync, 10.9.0.1) (ring0)",
      "0000:02:00.0 carries a cluster ring of this node (corosync, 10.8.0.1) (ring1)",
      "0000:02:00.0 carries the address of this node (pve1, 10.8.0.1) (ring1)",
    ]);
  });
});

describe("display, console, USB, guests", () => {
  test("the boot display until it is given away, and the framebuffer's owner", async () => {
    root.pci("0000:01:00.0", { class: "030000", driver: "i915", attributes: { boot_vga: "1" } });
    root.write(`${root.node("0000:01:00.0")}/graphics/fb0/name`, "i915drmfb\n");
    root.link("/sys/class/graphics/fb0", `${root.node("0000:01:00.0")}/graphics/fb0`);
    root.pci("0000:02:00.0", { class: "030000", driver: "vfio-pci", attributes: { boot_vga: "1" } });
    root.pci("0000:03:00.0", { class: "030000", attributes: { boot_vga: "0" } });
    expect(await uses("display")).toEqual([
      "0000:01:00.0 is the display that the firmware chose (boot VGA)",
      "0000:01:00.0 shows the console (framebuffer fb0, i915drmfb)",
    ]);
  });

  test("a serial console only where it is a PCI device", async () => {
    root.link("/sys/class/tty/ttyS4", `${root.pci("0000:00:16.3", { class: "070002" })}/tty/ttyS4`);
    root.folderAt(`${root.node("0000:00:16.3")}/tty/ttyS4`);
    root.folderAt("/sys/devices/platform/serial8250/tty/ttyS0");
    root.link("/sys/class/tty/ttyS0", "/sys/devices/platform/serial8250/tty/ttyS0");
    root.write("/proc/cmdline", "console=tty0 console=ttyS0,115200n8 console=ttyS4,115200\n");
    expect(await uses("console")).toEqual(["0000:00:16.3 is the serial console ttyS4"]);
  });

  test("what is plugged into a USB controller is a warning that names it", async () => {
    const controller = root.pci("0000:00:14.0", { class: "0c0330" });
    const plug = (port: string, attributes: Record<string, string>) => {
      const node = `${controller}/usb1/${port}`;
      for (const [name, value] of Object.entries(attributes)) root.write(`${node}/${name}`, `${value}\n`);
      root.link(`/sys/bus/usb/devices/${port}`, node);
    };
    plug("1-1", { bDeviceClass: "09", product: "Hub" });
    plug("1-1.2", { bDeviceClass: "00", product: "K120 Keyboard" });
    plug("1-2", { bDeviceClass: "00", idVendor: "051d", idProduct: "0002" });
    expect(await uses("usb")).toEqual([
      "0000:00:14.0 has USB devices: K120 Keyboard, 051d:0002 (UPS) (warning)",
    ]);
  });

  test("a virtual machine's whole disk and a running container's graphics", async () => {
    sataDisk();
    root.link("/dev/disk/by-id/ata-X", "/dev/sda");
    root.write(
      "/etc/pve/nodes/pve1/qemu-server/100.conf",
      "scsi1: /dev/disk/by-id/ata-X,size=1T\nscsi0: local:vm-100\n",
    );
    root.link("/etc/pve/local", "/etc/pve/nodes/pve1");
    root.link("/sys/class/drm/renderD128/device", root.pci("0000:01:00.0", { class: "030000" }));
    root.write("/etc/pve/nodes/pve1/lxc/200.conf", "dev0: /dev/dri/renderD128,gid=104\n");
    root.write("/etc/pve/nodes/pve1/lxc/201.conf", "dev0: /dev/dri/renderD128,gid=104\n");
    root.folderAt("/sys/fs/cgroup/lxc/200");
    expect(await uses("guest")).toEqual([
      "0000:00:17.0 is the disk scsi1 of the virtual machine 100 (/dev/sda)",
      "0000:01:00.0 is meant for the container 201, which does not run (warning)",
      "0000:01:00.0 is used by the running container 200",
    ]);
  });
});
