import { redHatImages } from "../bootImages";
import type { Profile } from "../types";
import { environmentBlock, server } from "./server";

const root = "/dev/mapper/rl-root";
const options = `root=${root} ro crashkernel=1G-4G:192M,4G-64G:256M,64G-:512M resume=/dev/mapper/rl-swap rd.lvm.lv=rl/root rd.lvm.lv=rl/swap`;

const settings = (commandLine: string, bls: boolean) => `GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR="$(sed 's, release .*$,,g' "$PASSTHROUGH_ROOT"/etc/system-release)"
GRUB_DEFAULT=saved
GRUB_DISABLE_SUBMENU=true
GRUB_TERMINAL_OUTPUT="console"
GRUB_CMDLINE_LINUX="${commandLine}"
GRUB_DISABLE_RECOVERY="true"
${bls ? "GRUB_ENABLE_BLSCFG=true\n" : ""}`;

/** Where EFI starts from: it only leads on to the menu, and must not be written over. */
const stub = `search --no-floppy --fs-uuid --set=dev 1c0f1e2d-5a0b-4a57-9d3f-0f0a30c0de09
set prefix=($dev)/grub2
export $prefix
configfile $prefix/grub.cfg
`;

/** Entries with options of their own; what the next kernel's entry is made of stands in /etc/kernel/cmdline. */
export const rocky9: Profile = server({
  name: "rocky9-bls",
  summary: "Rocky Linux 9, GRUB with BLS entries, dracut",
  hostname: "rocky9",
  osRelease: `NAME="Rocky Linux"
VERSION="9.5 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.5"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Rocky Linux 9.5 (Blue Onyx)"
`,
  kernels: ["5.14.0-427.42.1.el9_4.x86_64", "5.14.0-503.15.1.el9_5.x86_64"],
  initramfs: "dracut",
  images: redHatImages,
  bootLoader: {
    kind: "bls",
    root,
    esps: [],
    menu: "/boot/grub2/grub.cfg",
    options: `${options} $tuned_params`,
  },
  files: {
    "/etc/system-release": "Rocky Linux release 9.5 (Blue Onyx)\n",
    "/etc/default/grub": settings(options.replace(/^root=\S+ ro /, ""), true),
    "/etc/kernel/cmdline": `${options}\n`,
    "/boot/grub2/grubenv": environmentBlock("boot_success=1", "boot_indeterminate=0"),
    "/boot/efi/EFI/rocky/grub.cfg": stub,
    "/usr/lib/dracut/dracut.conf.d/01-dist.conf": 'hostonly="yes"\n',
  },
});

/** Entries whose options are all in GRUB's environment block. */
export const alma8: Profile = server({
  name: "alma8-kernelopts",
  summary: "AlmaLinux 8, GRUB with BLS entries that take their parameters from grubenv, dracut",
  hostname: "alma8",
  osRelease: `NAME="AlmaLinux"
VERSION="8.10 (Cerulean Leopard)"
ID="almalinux"
ID_LIKE="rhel centos fedora"
VERSION_ID="8.10"
PRETTY_NAME="AlmaLinux 8.10 (Cerulean Leopard)"
`,
  kernels: ["4.18.0-553.27.1.el8_10.x86_64", "4.18.0-553.30.1.el8_10.x86_64"],
  initramfs: "dracut",
  images: redHatImages,
  bootLoader: {
    kind: "bls",
    root,
    esps: [],
    menu: "/boot/grub2/grub.cfg",
    options: "$kernelopts $tuned_params",
  },
  files: {
    "/etc/system-release": "AlmaLinux release 8.10 (Cerulean Leopard)\n",
    "/etc/default/grub": settings("crashkernel=auto rd.lvm.lv=rl/root rhgb quiet", true),
    "/boot/grub2/grubenv": environmentBlock(
      `kernelopts=root=${root} ro crashkernel=auto rd.lvm.lv=rl/root rhgb quiet `,
      "boot_success=0",
    ),
  },
});

/** A menu made by grub2-mkconfig, with EFI in a place of its own. */
export const centos7: Profile = server({
  name: "centos7-grub2",
  summary: "CentOS 7, GRUB's menu on the ESP made by grub2-mkconfig, dracut",
  hostname: "centos7",
  osRelease: `NAME="CentOS Linux"
VERSION="7 (Core)"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="7"
PRETTY_NAME="CentOS Linux 7 (Core)"
`,
  kernels: ["3.10.0-1160.108.1.el7.x86_64", "3.10.0-1160.119.1.el7.x86_64"],
  initramfs: "dracut",
  images: redHatImages,
  bootLoader: {
    kind: "grub-mkconfig",
    root: "/dev/mapper/centos-root",
    esps: [],
    menu: "/boot/efi/EFI/centos/grub.cfg",
    mkconfig: "grub2-mkconfig",
  },
  files: {
    "/etc/system-release": "CentOS Linux release 7.9.2009 (Core)\n",
    "/etc/default/grub": settings("crashkernel=auto rd.lvm.lv=centos/root rhgb quiet", false),
    "/boot/grub2/grubenv": environmentBlock(
      "saved_entry=CentOS Linux (3.10.0-1160.119.1.el7.x86_64) 7 (Core)",
    ),
  },
});

/** No /etc/kernel/cmdline: a new kernel's entry takes what runs. */
export const fedora: Profile = server({
  name: "fedora",
  summary: "Fedora 41, GRUB with BLS entries, dracut",
  hostname: "fedora",
  osRelease: `NAME="Fedora Linux"
VERSION="41 (Server Edition)"
ID=fedora
VERSION_ID=41
PRETTY_NAME="Fedora Linux 41 (Server Edition)"
VARIANT="Server Edition"
VARIANT_ID=server
`,
  kernels: ["6.11.4-301.fc41.x86_64", "6.11.10-300.fc41.x86_64"],
  initramfs: "dracut",
  images: redHatImages,
  bootLoader: {
    kind: "bls",
    root: "/dev/mapper/fedora-root",
    esps: [],
    menu: "/boot/grub2/grub.cfg",
    options: "root=/dev/mapper/fedora-root ro rd.lvm.lv=fedora/root rhgb quiet",
  },
  files: {
    "/etc/system-release": "Fedora release 41 (Forty One)\n",
    "/etc/default/grub": settings("rd.lvm.lv=fedora/root rhgb quiet", true),
    "/boot/grub2/grubenv": environmentBlock("boot_success=1"),
  },
});

/** Its IOMMU is always on, and there is nothing that would turn it on. */
export const power: Profile = server({
  ...rocky9,
  name: "power",
  summary: "Rocky Linux 9 on POWER9: an IOMMU that is always on, GRUB with BLS entries, dracut",
  hostname: "power9",
  architecture: "ppc64le",
  kernels: ["5.14.0-427.42.1.el9_4.ppc64le", "5.14.0-503.15.1.el9_5.ppc64le"],
  cpu: { vendorId: null, model: "POWER9, altivec supported", flags: "", threads: 4 },
  firmware: { efi: false, iommuTable: null, iommuUnits: [] },
  iommu: () => "all",
  modules: {
    ...Object.fromEntries(Object.entries(rocky9.modules).filter(([name]) => name !== "vfio_iommu_type1")),
    vfio_iommu_spapr_tce: { dependsOn: ["vfio"] },
  },
});

/** An image that an update replaces: refused. */
export const ovirtNode: Profile = server({
  ...rocky9,
  name: "ovirt-node",
  summary: "oVirt Node 4.5, an image-based system: refused by name",
  hostname: "ovirt-node",
  osRelease: `NAME="CentOS Stream"
VERSION="9"
ID="centos"
ID_LIKE="rhel fedora"
VERSION_ID="9"
PRETTY_NAME="oVirt Node 4.5.5"
VARIANT="oVirt Node"
VARIANT_ID="ovirt-node"
`,
  bystanders: ["nodectl"],
});
