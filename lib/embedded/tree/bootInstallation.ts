import type { Files } from "../files";
import { imagesOf } from "../profiles/bootImages";
import type { Profile } from "../profiles/types";

export const isDebian = ({ osRelease }: Profile): boolean =>
  /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(osRelease);

/** What the package of the initramfs builder brings. */
export function installBuilder(files: Files, profile: Profile): void {
  packages[profile.initramfs ?? "initramfs-tools"](files, profile);
}

const packages = {
  "initramfs-tools"(files: Files) {
    for (const folder of ["hooks", "scripts/init-top", "scripts/init-premount"]) {
      files.folderAt(`/etc/initramfs-tools/${folder}`);
      files.folderAt(`/usr/share/initramfs-tools/${folder}`);
    }
    files.write(
      "/etc/initramfs-tools/modules",
      "# List of modules that you want to include in your initramfs.\n",
    );
    files.write("/etc/initramfs-tools/initramfs.conf", "MODULES=most\nBUSYBOX=auto\nCOMPRESS=zstd\n");
    files.write("/usr/share/initramfs-tools/scripts/init-top/udev", udevScript, 0o755);
    files.write("/usr/share/initramfs-tools/hook-functions", hookFunctions);
  },
  dracut(files: Files) {
    files.folderAt("/etc/dracut.conf.d");
    files.folderAt("/usr/lib/dracut/modules.d");
    files.write(
      "/etc/dracut.conf",
      '# PUT YOUR CONFIG IN separate files\n# in /etc/dracut.conf.d named "<name>.conf"\n',
    );
  },
  mkinitcpio(files: Files, profile: Profile) {
    for (const folder of ["/etc/mkinitcpio.conf.d", "/etc/initcpio/hooks", "/etc/initcpio/install"])
      files.folderAt(folder);
    for (const [release, name] of Object.entries(profile.packages ?? {})) {
      files.write(`/lib/modules/${release}/pkgbase`, `${name}\n`);
      files.write(
        `/etc/mkinitcpio.d/${name}.preset`,
        `# mkinitcpio preset file for the '${name}' package\n\n#ALL_config="/etc/mkinitcpio.conf"\n` +
          `ALL_kver="/boot/vmlinuz-${name}"\n\nPRESETS=('default' 'fallback')\n\n` +
          `#default_config="/etc/mkinitcpio.conf"\ndefault_image="/boot/initramfs-${name}.img"\n\n` +
          `#fallback_config="/etc/mkinitcpio.conf"\nfallback_image="/boot/initramfs-${name}-fallback.img"\nfallback_options="-S autodetect"\n`,
      );
    }
  },
} as const;

/** What the installer put beside the kernels, before any image was made. */
export function installBootLoader(files: Files, profile: Profile): void {
  const { kind, menu = "/boot/grub/grub.cfg", options = "", esp = "/boot/efi" } = profile.bootLoader;
  if (kind === "loader-entries") files.folderAt(`${esp}/loader/entries`);
  else files.folderAt(menu.replace(/\/[^/]*$/, ""));
  if (kind !== "bls") return;
  const id = files.read("/etc/machine-id")?.trim() ?? "";
  const rescue = `0-rescue-${id}`;
  files.write(`/boot/vmlinuz-${rescue}`, `Linux ${rescue}\n`);
  files.write(`/boot/initramfs-${rescue}.img`, "");
  for (const release of [...profile.kernels, rescue]) {
    const name = /^NAME="?([^"\n]*)/m.exec(profile.osRelease)?.[1] ?? "Linux";
    files.write(
      `/boot/loader/entries/${id}-${release === rescue ? "0-rescue" : release}.conf`,
      `title ${name} (${release})\nversion ${release}\nlinux /vmlinuz-${release}\n` +
        `initrd /initramfs-${release}.img${release === rescue ? "" : " $tuned_initrd"}\noptions ${options}\n` +
        "grub_users $grub_users\ngrub_arg --unrestricted\ngrub_class kernel\n",
      0o600,
    );
  }
}

/** The installer's last step: images and boot entries for every kernel. */
export function installerCommands(profile: Profile): readonly (readonly string[])[] {
  const { kind, menu = "", mkconfig = "grub2-mkconfig", kernelInstall } = profile.bootLoader;
  const { kernel, initramfs } = imagesOf(profile);
  const images = {
    "initramfs-tools": [["update-initramfs", "-c", "-k", "all"]],
    dracut: profile.kernels.map((release) => ["dracut", "--force", initramfs(release), release]),
    mkinitcpio: [["mkinitcpio", "-P"]],
  }[profile.initramfs ?? "initramfs-tools"];
  const entries = {
    grub: [["update-grub"]],
    "systemd-boot": [["proxmox-boot-tool", "refresh"]],
    "grub-mkconfig": [[mkconfig, "-o", menu]],
    bls: [[mkconfig, "-o", menu]],
    "loader-entries": kernelInstall
      ? profile.kernels.map((release) => ["kernel-install", "add", release, kernel(release)])
      : [],
  }[kind];
  return [...images, ...entries];
}

const udevScript = `#!/bin/sh
PREREQ=""
case $1 in
prereqs) echo "$PREREQ"; exit 0 ;;
esac
`;

/** The few of initramfs-tools' functions that hooks use most. */
const hookFunctions = `# Functions for the hooks of initramfs-tools.
copy_file() {
  target=$DESTDIR/\${3:-$2}
  mkdir -p "\${target%/*}" && cp -pL "$2" "$target"
}
copy_exec() { :; }
force_load() {
  mkdir -p "$DESTDIR/conf" && printf '%s\\n' "$*" >>"$DESTDIR/conf/modules"
}
manual_add_modules() {
  printf '%s\\n' "$@" >>"$DESTDIR/modules-to-add"
}
`;
