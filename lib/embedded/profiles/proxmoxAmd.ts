import { modulesWithout } from "./modules";
import { names } from "./names";
import type { PciFunction, Profile } from "./types";

const rootPort = (address: string, group: number, id = "1022:1483"): PciFunction => ({
  address,
  id,
  class: "060400",
  group,
  bridge: true,
});
const hostBridge = (address: string, group: number, id = "1022:1482"): PciFunction => ({
  address,
  id,
  class: "060000",
  group,
});

/** A GeForce RTX 3090: the display function and its sound. */
const geforce = (slot: string, parent: string, group: number, card: number): PciFunction[] => [
  {
    address: `${slot}.0`,
    parent,
    id: "10de:2204",
    subsystem: "1043:87d3",
    class: "030000",
    revision: "a1",
    group,
    resetMethods: "bus",
    rom: "vbios",
    gives: { driver: "nouveau", display: { card } },
  },
  {
    address: `${slot}.1`,
    parent,
    id: "10de:1aef",
    subsystem: "1043:87d3",
    class: "040300",
    revision: "a1",
    group,
    resetMethods: "bus",
  },
];

/** Of eight functions Linux shows seven: the last is for the driver's own. */
const i350 = (group: number) => ({
  total: 7,
  offset: 128,
  stride: 4,
  device: "1520",
  driver: "igb",
  group,
});

const devices: PciFunction[] = [
  hostBridge("0000:00:00.0", 0, "1022:1480"),
  hostBridge("0000:00:01.0", 1),
  rootPort("0000:00:01.1", 2),
  rootPort("0000:00:01.2", 3),
  rootPort("0000:00:01.3", 4),
  hostBridge("0000:00:02.0", 5),
  rootPort("0000:00:02.1", 6),
  rootPort("0000:00:02.2", 7),
  hostBridge("0000:00:03.0", 8),
  rootPort("0000:00:03.1", 9),
  rootPort("0000:00:03.2", 10),
  rootPort("0000:00:07.1", 11, "1022:1484"),
  rootPort("0000:00:08.1", 12, "1022:1484"),
  {
    address: "0000:00:14.0",
    id: "1022:790b",
    subsystem: "15d9:1b67",
    class: "0c0500",
    revision: "61",
    group: 13,
  },
  {
    address: "0000:00:14.3",
    id: "1022:790e",
    subsystem: "15d9:1b67",
    class: "060100",
    revision: "51",
    group: 13,
  },
  ...geforce("0000:01:00", "0000:00:01.1", 14, 1),
  ...geforce("0000:02:00", "0000:00:03.1", 15, 2),
  {
    address: "0000:03:00.0",
    parent: "0000:00:01.2",
    id: "144d:a808",
    subsystem: "144d:a801",
    class: "010802",
    group: 16,
    gives: {
      driver: "nvme",
      nvme: {
        name: "nvme0",
        subsystem: "nvme-subsys0",
        multipath: false,
        disk: {
          name: "nvme0n1",
          number: "259:0",
          sectors: 1000215216,
          model: "Samsung SSD 970 EVO Plus 500GB",
          serial: "S4EVNX0R100001",
          partitions: [
            { sectors: 2014 },
            { sectors: 2097152, uuid: "7B2E-4A10", type: "vfat" },
            { sectors: 998115983, uuid: "9482160837711405123", type: "zfs_member" },
          ],
        },
      },
    },
  },
  {
    address: "0000:04:00.0",
    parent: "0000:00:01.3",
    id: "144d:a808",
    subsystem: "144d:a801",
    class: "010802",
    group: 17,
    gives: {
      driver: "nvme",
      nvme: {
        name: "nvme1",
        subsystem: "nvme-subsys1",
        multipath: false,
        disk: {
          name: "nvme1n1",
          number: "259:8",
          sectors: 1953525168,
          model: "Samsung SSD 970 EVO Plus 1TB",
          serial: "S4EWNX0R200002",
          partitions: [],
        },
      },
    },
  },
  {
    address: "0000:05:00.0",
    parent: "0000:00:02.1",
    id: "8086:1521",
    subsystem: "15d9:1521",
    class: "020000",
    revision: "01",
    group: 18,
    pcieSerial: "ac-1f-6b-ff-ff-00-10-01",
    sriov: i350(30),
    gives: { driver: "igb", net: [{ name: "eno1", mac: "ac:1f:6b:00:10:01", up: true }] },
  },
  {
    address: "0000:05:00.1",
    parent: "0000:00:02.1",
    id: "8086:1521",
    subsystem: "15d9:1521",
    class: "020000",
    revision: "01",
    group: 19,
    pcieSerial: "ac-1f-6b-ff-ff-00-10-01",
    sriov: i350(40),
    gives: { driver: "igb", net: [{ name: "eno2", mac: "ac:1f:6b:00:10:02", up: false }] },
  },
  {
    address: "0000:06:00.0",
    parent: "0000:00:02.2",
    id: "1000:0097",
    subsystem: "1000:3090",
    class: "010700",
    revision: "02",
    rom: "silent",
    group: 20,
  },
  {
    address: "0000:07:00.0",
    parent: "0000:00:03.2",
    id: "1a03:1150",
    class: "060400",
    revision: "04",
    group: 21,
    bridge: true,
  },
  {
    address: "0000:08:00.0",
    parent: "0000:07:00.0",
    id: "1a03:2000",
    subsystem: "15d9:1b67",
    class: "030000",
    revision: "41",
    group: 21,
    bootVga: true,
    resetMethods: "",
    gives: { driver: "ast", display: { card: 0, framebuffer: "astdrmfb" } },
  },
  {
    address: "0000:09:00.0",
    parent: "0000:00:08.1",
    id: "1022:1485",
    subsystem: "1022:1485",
    class: "130000",
    group: 22,
  },
  {
    address: "0000:09:00.3",
    parent: "0000:00:08.1",
    id: "1022:149c",
    subsystem: "15d9:1b67",
    class: "0c0330",
    group: 22,
    gives: {
      driver: "xhci_hcd",
      usb: {
        bus: 1,
        devices: [
          { port: "1-1", id: "046b:ff01", product: "Virtual Hub" },
          { port: "1-1.1", id: "046b:ff10", product: "Virtual Keyboard and Mouse" },
        ],
      },
    },
  },
  {
    address: "0000:09:00.4",
    parent: "0000:00:08.1",
    id: "1022:1487",
    subsystem: "15d9:1b67",
    class: "040300",
    group: 22,
  },
  {
    address: "0000:0a:00.0",
    parent: "0000:00:07.1",
    id: "1022:148c",
    subsystem: "15d9:1b67",
    class: "0c0330",
    group: 23,
    gives: { driver: "xhci_hcd", usb: { bus: 3, devices: [] } },
  },
];

/**
 * The board's firmware leaves the IOMMU to the operating system: this kernel switches it on when it is asked to, by
 * `iommu=pt`, `iommu=on` or `amd_iommu=on`.
 */
function iommu(parameters: readonly string[]): "all" | "none" {
  const off = parameters.some((word) => ["amd_iommu=off", "iommu=off"].includes(word));
  const asked = parameters.some((word) =>
    /^(iommu=(pt|on|force)|amd_iommu=(on|pt|force_enable))$/.test(word),
  );
  return asked && !off ? "all" : "none";
}

const mounts = `24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
25 30 0:23 / /proc rw,relatime shared:14 - proc proc rw
26 30 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=65536000k
30 1 0:26 / / rw,relatime shared:1 - zfs rpool/ROOT/pve-1 rw,xattr,noacl,casesensitive
41 30 0:38 / /rpool rw,relatime shared:20 - zfs rpool rw,xattr,noacl,casesensitive
43 30 0:40 / /var/lib/vz rw,relatime shared:22 - zfs rpool/var-lib-vz rw,xattr,noacl,casesensitive
45 30 259:2 / /boot/efi rw,relatime shared:24 - vfat /dev/nvme0n1p2 rw,fmask=0022,dmask=0022
50 30 0:44 / /etc/pve rw,nosuid,nodev,relatime shared:30 - fuse /dev/fuse rw,user_id=0,group_id=0
`;

const storageConfiguration = `dir: local
\tpath /var/lib/vz
\tcontent iso,vztmpl,backup

zfspool: local-zfs
\tpool rpool/data
\tsparse
\tcontent images,rootdir
`;

const workstation = `# Workstation with a display
agent: 1
bios: ovmf
boot: order=scsi0
cores: 8
cpu: host
efidisk0: local-zfs:vm-100-disk-0,efitype=4m,pre-enrolled-keys=1,size=1M
machine: q35
memory: 32768
meta: creation-qemu=9.0.2,ctime=1731900000
name: workstation
net0: virtio=BC:24:11:10:01:00,bridge=vmbr0
numa: 0
ostype: l26
scsi0: local-zfs:vm-100-disk-1,iothread=1,size=128G
scsihw: virtio-scsi-single
smbios1: uuid=5d4d2a3e-94c7-4c6b-8a30-000000000100
sockets: 1
vmgenid: 0d5dfc7f-44c1-4c1e-9e5e-000000000100
`;

const router = `boot: order=scsi0
cores: 2
memory: 2048
meta: creation-qemu=9.0.2,ctime=1731900001
name: router
net0: virtio=BC:24:11:10:01:01,bridge=vmbr0
onboot: 1
ostype: l26
scsi0: local-zfs:vm-101-disk-0,size=8G
scsihw: virtio-scsi-single
smbios1: uuid=5d4d2a3e-94c7-4c6b-8a30-000000000101
`;

const storage = `boot: order=scsi0
cores: 4
lock: backup
machine: q35
memory: 16384
name: storage
net0: virtio=BC:24:11:10:01:02,bridge=vmbr0
ostype: l26
scsi0: local-zfs:vm-102-disk-0,size=32G
scsihw: virtio-scsi-single
smbios1: uuid=5d4d2a3e-94c7-4c6b-8a30-000000000102
`;

/** A Proxmox VE node with GRUB: two alike graphics cards, a storage controller, and much that must stay. */
export const proxmoxAmd: Profile = {
  name: "proxmox-amd",
  summary:
    "Proxmox VE 8, AMD EPYC, GRUB: two GeForce RTX 3090, an HBA, NVMe, I350; IOMMU off until iommu=pt is booted",
  hostname: "pve1",
  osRelease: `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
`,
  kernels: ["6.8.4-2-pve", "6.8.12-4-pve"],
  cpu: {
    vendorId: "AuthenticAMD",
    model: "AMD EPYC 7302P 16-Core Processor",
    flags:
      "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx svm lm npt",
    threads: 4,
  },
  dmi: { vendor: "Supermicro", product: "H11SSL-i" },
  firmware: { efi: true, iommuTable: "IVRS", iommuUnits: ["ivhd0", "ivhd1"] },
  iommu,
  bootLoader: { kind: "grub", root: "ZFS=/ROOT/pve-1", esps: [] },
  devices,
  modules: modulesWithout("vfio_virqfd", "i915", "kvm_intel", "i2c_i801"),
  stackedDisks: [],
  network: {
    address: "10.0.20.11",
    interfaces: [
      { name: "eno1.20", kind: "vlan", lower: ["eno1"], mac: "ac:1f:6b:00:10:01", vlanId: 20 },
      { name: "vmbr0", kind: "bridge", lower: ["eno1.20"], mac: "ac:1f:6b:00:10:01" },
    ],
    addresses: `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
21: vmbr0    inet 10.0.20.11/24 scope global vmbr0\\       valid_lft forever preferred_lft forever
21: vmbr0    inet6 fe80::ae1f:6bff:fe00:1001/64 scope link \\       valid_lft forever preferred_lft forever
`,
    routes:
      "default via 10.0.20.1 dev vmbr0 proto kernel onlink \n10.0.20.0/24 dev vmbr0 proto kernel scope link src 10.0.20.11 \n",
  },
  mounts,
  swaps: "",
  zpools: `rpool\t476G\t41.2G\t435G\t-\t-\t3%\t8%\t1.00x\tONLINE\t-
\t/dev/nvme0n1p3\t476G\t41.2G\t435G\t-\t-\t3%\t8.65%\t-\tONLINE
`,
  essential: [
    { use: "the root file system", anyOf: ["0000:03:00.0"] },
    { use: "the network", anyOf: ["0000:05:00.0"] },
  ],
  files: {
    "/etc/default/grub": `# If you change this file, run 'update-grub' afterwards to update
# /boot/grub/grub.cfg.

GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=\`lsb_release -i -s 2> /dev/null || echo Debian\`
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="root=ZFS=rpool/ROOT/pve-1 boot=zfs"
`,
    "/etc/default/grub.d/proxmox-ve.cfg": 'GRUB_DISTRIBUTOR="Proxmox VE"\nGRUB_DISABLE_OS_PROBER=true\n',
    "/etc/fstab":
      "# <file system> <mount point> <type> <options> <dump> <pass>\nUUID=7B2E-4A10 /boot/efi vfat defaults 0 1\nproc /proc proc defaults 0 0\n",
    "/etc/modprobe.d/pve-blacklist.conf":
      "# This file contains a list of modules which are not supported by Proxmox VE\n\nblacklist nvidiafb\n",
    "/etc/modprobe.d/zfs.conf": "options zfs zfs_arc_max=8589934592\n",
    "/etc/network/interfaces":
      "auto lo\niface lo inet loopback\n\niface eno1 inet manual\n\nauto eno1.20\niface eno1.20 inet manual\n\nauto vmbr0\niface vmbr0 inet static\n\taddress 10.0.20.11/24\n\tgateway 10.0.20.1\n\tbridge-ports eno1.20\n\tbridge-stp off\n\tbridge-fd 0\n",
    "/etc/pve/storage.cfg": storageConfiguration,
    "/etc/pve/mapping/pci.cfg":
      "spare-nvme\n\tmap id=144d:a808,iommugroup=17,node=pve1,path=0000:04:00.0,subsystem-id=144d:a801\n",
    "/etc/pve/mapping/usb.cfg": "",
  },
  names,
  proxmox: {
    node: "pve1",
    version: "8.3.0",
    vms: { 100: { config: workstation }, 101: { config: router, running: true }, 102: { config: storage } },
    romFiles: ["efi-virtio.rom", "vbios-3090.rom"],
  },
};
