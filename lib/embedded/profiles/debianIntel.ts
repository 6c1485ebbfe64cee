import { modulesWithout } from "./modules";
import { names } from "./names";
import type { Disk, PciFunction, Profile } from "./types";

const board = "1043:8694";

/** Each disk has an ESP and one half of the mirror. */
const mirrorDisk = (name: string, number: string, serial: string, esp: string): Disk => ({
  name,
  number,
  serial,
  sectors: 1953525168,
  model: "Samsung SSD 860",
  partitions: [
    { sectors: 1048576, uuid: esp, type: "vfat" },
    { sectors: 1952473088, type: "linux_raid_member" },
  ],
});

/** The slot's root port passes requests on unseen, so that it and the whole card are one group. */
const slot = {
  parent: "0000:00:01.0",
  subsystem: "1043:86fe",
  revision: "a1",
  group: 1,
  resetMethods: "bus",
} as const;

const bonded = (address: string, name: string, mac: string, group: number): PciFunction => ({
  address,
  parent: "0000:00:1c.0",
  id: "8086:1521",
  subsystem: "8086:0002",
  class: "020000",
  revision: "01",
  group,
  gives: { driver: "igb", net: [{ name, mac, up: true }] },
});

const devices: PciFunction[] = [
  { address: "0000:00:00.0", id: "8086:3e30", subsystem: board, class: "060000", revision: "0a", group: 0 },
  { address: "0000:00:01.0", id: "8086:1901", class: "060400", revision: "0a", group: 1, bridge: true },
  {
    address: "0000:00:02.0",
    id: "8086:3e98",
    subsystem: board,
    class: "030000",
    group: 2,
    bootVga: true,
    gives: { driver: "i915", display: { card: 0, framebuffer: "i915drmfb" } },
  },
  {
    address: "0000:00:14.0",
    id: "8086:a36d",
    subsystem: board,
    class: "0c0330",
    revision: "10",
    group: 3,
    gives: {
      driver: "xhci_hcd",
      usb: { bus: 1, devices: [{ port: "1-5", id: "046d:c31c", product: "USB Keyboard" }] },
    },
  },
  {
    address: "0000:00:17.0",
    id: "8086:a352",
    subsystem: board,
    class: "010601",
    revision: "10",
    group: 4,
    gives: {
      driver: "ahci",
      disks: [
        mirrorDisk("sda", "8:0", "S3Z1NB0K100001", "C1D2-0A01"),
        mirrorDisk("sdb", "8:16", "S3Z1NB0K100002", "C1D2-0A02"),
      ],
    },
  },
  { address: "0000:00:1b.0", id: "8086:a340", class: "060400", revision: "f0", group: 5, bridge: true },
  { address: "0000:00:1c.0", id: "8086:a340", class: "060400", revision: "f0", group: 6, bridge: true },
  { address: "0000:00:1f.0", id: "8086:a304", subsystem: board, class: "060100", revision: "10", group: 7 },
  { address: "0000:00:1f.3", id: "8086:a348", subsystem: board, class: "040300", revision: "10", group: 7 },
  { address: "0000:00:1f.4", id: "8086:a323", subsystem: board, class: "0c0500", revision: "10", group: 7 },
  {
    address: "0000:00:1f.6",
    id: "8086:15bb",
    subsystem: board,
    class: "020000",
    revision: "10",
    group: 7,
    gives: { driver: "e1000e", net: [{ name: "eno1", mac: "04:d4:c4:00:30:09", up: false }] },
  },
  {
    ...slot,
    address: "0000:01:00.0",
    id: "10de:1e84",
    class: "030000",
    gives: { driver: "nouveau", display: { card: 1 } },
  },
  { ...slot, address: "0000:01:00.1", id: "10de:10f8", class: "040300" },
  { ...slot, address: "0000:01:00.2", id: "10de:1ad8", class: "0c0330" },
  { ...slot, address: "0000:01:00.3", id: "10de:1ad9", class: "0c8000" },
  {
    address: "0000:02:00.0",
    parent: "0000:00:1b.0",
    id: "144d:a808",
    subsystem: "144d:a801",
    class: "010802",
    group: 8,
    gives: {
      driver: "nvme",
      nvme: {
        name: "nvme0",
        subsystem: "nvme-subsys0",
        multipath: false,
        disk: {
          name: "nvme0n1",
          number: "259:0",
          sectors: 976773168,
          model: "Samsung SSD 970 EVO 500GB",
          serial: "S466NX0K300001",
          partitions: [],
        },
      },
    },
  },
  bonded("0000:03:00.0", "enp3s0f0", "a0:36:9f:00:30:01", 9),
  bonded("0000:03:00.1", "enp3s0f1", "a0:36:9f:00:30:02", 10),
];

const rootUuid = "2f6f1c1e-5a0b-4a57-9d3f-0f0a30c0de01";
const swapUuid = "2f6f1c1e-5a0b-4a57-9d3f-0f0a30c0de02";
const lvm = (volume: string) => `LVM-Qb6hT0yJ2m7c8sUeXr1vWnZp4dKf9aLg${volume.padEnd(32, "0")}`;

const mounts = `24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
25 30 0:23 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
26 30 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=16000000k
30 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg0-root rw,errors=remount-ro
45 30 8:1 / /boot/efi rw,relatime shared:24 - vfat /dev/sda1 rw,fmask=0077,dmask=0077
`;

/** Debian's kernel has the IOMMU on for all but the processor's graphics; `intel_iommu=on` takes those in. */
function iommu(parameters: readonly string[]): "all" | "all-but-graphics" | "none" {
  const values = parameters.flatMap((word) =>
    word.startsWith("intel_iommu=") ? word.slice("intel_iommu=".length).split(",") : [],
  );
  const last = values.filter((value) => ["on", "off", "intgpu_off"].includes(value)).pop();
  if (last === "off" || parameters.includes("iommu=off")) return "none";
  return last === "on" ? "all" : "all-but-graphics";
}

/** A plain Debian machine: `/` on LVM on a mirror of SATA disks, a bond, and a display of the processor's own. */
export const debianIntel: Profile = {
  name: "debian-intel",
  summary:
    "Debian 12, Intel Core, GRUB, LVM on RAID 1: processor graphics on the screen, an RTX 2070 SUPER, a bond",
  hostname: "vmhost",
  osRelease: `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`,
  kernels: ["6.1.0-27-amd64", "6.1.0-28-amd64"],
  cpu: {
    vendorId: "GenuineIntel",
    model: "Intel(R) Core(TM) i9-9900 CPU @ 3.10GHz",
    flags:
      "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx lm vmx ept vpid",
    threads: 4,
  },
  dmi: { vendor: "ASUSTeK COMPUTER INC.", product: "PRIME H370-PLUS" },
  firmware: { efi: true, iommuTable: "DMAR", iommuUnits: ["dmar0", "dmar1"] },
  iommu,
  bootLoader: { kind: "grub", root: "/dev/mapper/vg0-root", esps: [] },
  devices,
  modules: modulesWithout("ast", "mpt3sas", "kvm_amd", "ccp", "i2c_piix4", "iommufd", "zfs"),
  stackedDisks: [
    { name: "md0", number: "9:0", sectors: 1952208896, slaves: ["sda2", "sdb2"], md: "raid1" },
    {
      name: "dm-0",
      number: "253:0",
      sectors: 1900000000,
      slaves: ["md0"],
      dm: { name: "vg0-root", uuid: lvm("root") },
      uuid: rootUuid,
    },
    {
      name: "dm-1",
      number: "253:1",
      sectors: 33554432,
      slaves: ["md0"],
      dm: { name: "vg0-swap", uuid: lvm("swap") },
      uuid: swapUuid,
    },
  ],
  network: {
    address: "192.168.30.5",
    interfaces: [{ name: "bond0", kind: "bond", lower: ["enp3s0f0", "enp3s0f1"], mac: "a0:36:9f:00:30:01" }],
    addresses: `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
20: bond0    inet 192.168.30.5/24 brd 192.168.30.255 scope global bond0\\       valid_lft forever preferred_lft forever
`,
    routes:
      "default via 192.168.30.1 dev bond0 onlink \n192.168.30.0/24 dev bond0 proto kernel scope link src 192.168.30.5 \n",
  },
  mounts,
  swaps: "/dev/dm-1                               partition\t16777212\t0\t\t-2\n",
  zpools: "",
  essential: [
    { use: "the root file system", anyOf: ["0000:00:17.0"] },
    { use: "the network", anyOf: ["0000:03:00.0", "0000:03:00.1"] },
  ],
  files: {
    "/etc/default/grub": `# If you change this file, run 'update-grub' afterwards to update
# /boot/grub/grub.cfg.

GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR="Debian"
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX=""
`,
    "/etc/fstab": `UUID=${rootUuid} / ext4 errors=remount-ro 0 1
UUID=C1D2-0A01 /boot/efi vfat umask=0077 0 1
UUID=${swapUuid} none swap sw 0 0
`,
    "/etc/initramfs-tools/conf.d/resume": `RESUME=UUID=${swapUuid}\n`,
    "/etc/mdadm/mdadm.conf": "ARRAY /dev/md/0 metadata=1.2 UUID=1f2e3d4c:5b6a7988:90a1b2c3:d4e5f607\n",
    "/etc/network/interfaces":
      "auto lo\niface lo inet loopback\n\nauto bond0\niface bond0 inet static\n\taddress 192.168.30.5/24\n\tgateway 192.168.30.1\n\tbond-slaves enp3s0f0 enp3s0f1\n\tbond-mode active-backup\n",
  },
  names,
};
