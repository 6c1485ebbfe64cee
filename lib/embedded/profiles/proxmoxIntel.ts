import { modulesWithout, withBuiltin } from "./modules";
import { names } from "./names";
import type { PciFunction, Profile } from "./types";

const rootPort = (address: string, id: string, group: number): PciFunction => ({
  address,
  id,
  class: "060400",
  group,
  bridge: true,
});

/** One half of the mirror that `/` is on: boot partition, ESP, ZFS. */
const mirrorDisk = (
  address: string,
  parent: string,
  group: number,
  at: number,
  multipath: boolean,
  esp: string,
): PciFunction => ({
  address,
  parent,
  id: "144d:a808",
  subsystem: "144d:a801",
  class: "010802",
  group,
  gives: {
    driver: "nvme",
    nvme: {
      name: `nvme${at}`,
      subsystem: `nvme-subsys${at}`,
      multipath,
      disk: {
        name: `nvme${at}n1`,
        number: `259:${at * 8}`,
        sectors: 1953525168,
        model: "SAMSUNG MZQLB960HAJR-00007",
        serial: `S437NA0N50000${at}`,
        partitions: [
          { sectors: 2014 },
          { sectors: 2097152, uuid: esp, type: "vfat" },
          { sectors: 1951425967, uuid: "13370425567780214771", type: "zfs_member" },
        ],
      },
    },
  },
});

const esps = ["4A3C-11F0", "4A3D-7B22"] as const;
const graphics = { subsystem: "1043:86fe", revision: "a1", parent: "0000:00:02.0", group: 22 } as const;

const devices: PciFunction[] = [
  {
    address: "0000:00:00.0",
    id: "8086:2f00",
    subsystem: "15d9:0832",
    class: "060000",
    revision: "02",
    group: 0,
  },
  rootPort("0000:00:01.0", "8086:2f02", 10),
  rootPort("0000:00:01.1", "8086:2f02", 11),
  rootPort("0000:00:02.0", "8086:2f04", 12),
  rootPort("0000:00:03.0", "8086:2f08", 13),
  {
    address: "0000:00:14.0",
    id: "8086:8d31",
    subsystem: "15d9:0832",
    class: "0c0330",
    revision: "05",
    group: 14,
    gives: {
      driver: "xhci_hcd",
      usb: { bus: 1, devices: [{ port: "1-3", id: "046b:ff10", product: "Virtual Keyboard and Mouse" }] },
    },
  },
  rootPort("0000:00:1c.0", "8086:8d10", 15),
  {
    address: "0000:00:1f.0",
    id: "8086:8d44",
    subsystem: "15d9:0832",
    class: "060100",
    revision: "05",
    group: 16,
  },
  {
    address: "0000:00:1f.2",
    id: "8086:8d62",
    subsystem: "15d9:0832",
    class: "010601",
    revision: "05",
    group: 16,
    gives: { driver: "ahci", disks: [] },
  },
  mirrorDisk("0000:01:00.0", "0000:00:01.0", 20, 0, false, esps[0]),
  mirrorDisk("0000:02:00.0", "0000:00:01.1", 21, 1, true, esps[1]),
  {
    ...graphics,
    address: "0000:03:00.0",
    id: "10de:1e84",
    class: "030000",
    resetMethods: "bus",
    gives: { driver: "nouveau", display: { card: 1 } },
  },
  { ...graphics, address: "0000:03:00.1", id: "10de:10f8", class: "040300", resetMethods: "bus" },
  { ...graphics, address: "0000:03:00.2", id: "10de:1ad8", class: "0c0330", resetMethods: "bus" },
  { ...graphics, address: "0000:03:00.3", id: "10de:1ad9", class: "0c8000", resetMethods: "bus" },
  {
    address: "0000:04:00.0",
    parent: "0000:00:03.0",
    id: "8086:1528",
    subsystem: "15d9:0734",
    class: "020000",
    revision: "01",
    group: 23,
    gives: { driver: "ixgbe", net: [{ name: "eno1", mac: "0c:c4:7a:00:20:01", up: true }] },
  },
  {
    address: "0000:04:00.1",
    parent: "0000:00:03.0",
    id: "8086:1528",
    subsystem: "15d9:0734",
    class: "020000",
    revision: "01",
    group: 24,
    gives: { driver: "ixgbe", net: [{ name: "eno2", mac: "0c:c4:7a:00:20:02", up: false }] },
  },
  {
    address: "0000:05:00.0",
    parent: "0000:00:1c.0",
    id: "1a03:1150",
    class: "060400",
    revision: "03",
    group: 25,
    bridge: true,
  },
  {
    address: "0000:06:00.0",
    parent: "0000:05:00.0",
    id: "1a03:2000",
    subsystem: "15d9:0832",
    class: "030000",
    revision: "30",
    group: 25,
    bootVga: true,
    resetMethods: "",
    gives: { driver: "ast", display: { card: 0, framebuffer: "astdrmfb" } },
  },
];

const mounts = `24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
25 30 0:23 / /proc rw,relatime shared:14 - proc proc rw
26 30 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=65536000k
30 1 0:26 / / rw,relatime shared:1 - zfs rpool/ROOT/pve-1 rw,xattr,noacl,casesensitive
41 30 0:38 / /rpool rw,relatime shared:20 - zfs rpool rw,xattr,noacl,casesensitive
50 30 0:44 / /etc/pve rw,nosuid,nodev,relatime shared:30 - fuse /dev/fuse rw,user_id=0,group_id=0
`;

const desktop = `agent: 1
bios: ovmf
boot: order=scsi0
cores: 6
cpu: host
efidisk0: local-zfs:vm-200-disk-0,efitype=4m,pre-enrolled-keys=1,size=1M
machine: pc-q35-8.1
memory: 16384
meta: creation-qemu=8.1.5,ctime=1711900000
name: desktop
net0: virtio=BC:24:11:20:02:00,bridge=vmbr0
ostype: win11
scsi0: local-zfs:vm-200-disk-1,size=256G
scsihw: virtio-scsi-single
smbios1: uuid=6e5e3b4f-94c7-4c6b-8a30-000000000200
`;

const web = `boot: order=scsi0
cores: 2
memory: 4096
name: web
net0: virtio=BC:24:11:20:02:01,bridge=vmbr0
onboot: 1
ostype: l26
scsi0: local-zfs:vm-201-disk-0,size=16G
`;

/**
 * A Proxmox VE node with systemd-boot on two ESPs and `/` on a ZFS mirror, one half of which is an NVMe disk whose
 * block device has no PCI parent.
 */
export const proxmoxIntel: Profile = {
  name: "proxmox-intel-systemd-boot",
  summary: "Proxmox VE 8, Intel Xeon, systemd-boot on two ESPs, ZFS mirror on NVMe: an RTX 2070 SUPER, X540",
  hostname: "pve2",
  osRelease: `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
`,
  kernels: ["6.5.11-8-pve", "6.5.13-6-pve"],
  cpu: {
    vendorId: "GenuineIntel",
    model: "Intel(R) Xeon(R) CPU E5-2680 v3 @ 2.50GHz",
    flags:
      "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx lm vmx ept vpid",
    threads: 4,
  },
  dmi: { vendor: "Supermicro", product: "X10SRL-F" },
  firmware: { efi: true, iommuTable: "DMAR", iommuUnits: ["dmar0", "dmar1"] },
  // This kernel leaves Intel's IOMMU off until it is asked.
  iommu: (parameters) =>
    parameters.some((word) => /^intel_iommu=(.*,)?on(,|$)/.test(word)) ? "all" : "none",
  bootLoader: { kind: "systemd-boot", root: "ZFS=/ROOT/pve-1", esps },
  devices,
  // The firmware uses memory behind this port: the kernel refuses to hand it over.
  reservedRegions: { 24: "0x000000007b800000 0x000000007f7fffff direct\n" },
  modules: withBuiltin(modulesWithout("vfio_virqfd", "i915", "kvm_amd", "ccp", "i2c_piix4"), "xhci_pci"),
  stackedDisks: [],
  network: {
    address: "10.0.20.12",
    interfaces: [{ name: "vmbr0", kind: "bridge", lower: ["eno1"], mac: "0c:c4:7a:00:20:01" }],
    addresses: `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
20: vmbr0    inet 10.0.20.12/24 scope global vmbr0\\       valid_lft forever preferred_lft forever
`,
    routes:
      "default via 10.0.20.1 dev vmbr0 proto kernel onlink \n10.0.20.0/24 dev vmbr0 proto kernel scope link src 10.0.20.12 \n",
  },
  mounts,
  swaps: "",
  zpools: `rpool\t928G\t120G\t808G\t-\t-\t5%\t12%\t1.00x\tONLINE\t-
\tmirror-0\t928G\t120G\t808G\t-\t-\t5%\t12.9%\t-\tONLINE
\t/dev/nvme0n1p3\t930G\t-\t-\t-\t-\t-\t-\t-\tONLINE
\t/dev/nvme1n1p3\t930G\t-\t-\t-\t-\t-\t-\t-\tONLINE
`,
  essential: [
    { use: "the root file system", anyOf: ["0000:01:00.0", "0000:02:00.0"] },
    { use: "the network", anyOf: ["0000:04:00.0"] },
  ],
  files: {
    "/etc/kernel/cmdline": "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n",
    "/etc/kernel/proxmox-boot-uuids": `${esps.join("\n")}\n`,
    "/etc/default/grub": `GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR="Proxmox VE"
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="root=ZFS=rpool/ROOT/pve-1 boot=zfs"
`,
    "/etc/fstab":
      "# <file system> <mount point> <type> <options> <dump> <pass>\nproc /proc proc defaults 0 0\n",
    "/etc/modprobe.d/pve-blacklist.conf":
      "# This file contains a list of modules which are not supported by Proxmox VE\n\nblacklist nvidiafb\n",
    "/etc/modprobe.d/zfs.conf": "options zfs zfs_arc_max=8589934592\n",
    "/etc/network/interfaces":
      "auto lo\niface lo inet loopback\n\niface eno1 inet manual\n\nauto vmbr0\niface vmbr0 inet static\n\taddress 10.0.20.12/24\n\tgateway 10.0.20.1\n\tbridge-ports eno1\n\tbridge-stp off\n\tbridge-fd 0\n",
    "/etc/pve/storage.cfg":
      "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup\n\nzfspool: local-zfs\n\tpool rpool/data\n\tsparse\n\tcontent images,rootdir\n",
    "/etc/pve/mapping/pci.cfg": "",
    "/etc/pve/mapping/usb.cfg": "",
  },
  names,
  proxmox: {
    node: "pve2",
    version: "8.1.10",
    vms: { 200: { config: desktop }, 201: { config: web, running: true } },
    romFiles: ["efi-virtio.rom"],
  },
};
