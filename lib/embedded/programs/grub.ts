import type { Machine } from "../machine";
import type { Program } from "./program";

export const grubConfiguration = "/boot/grub/grub.cfg";

/** Sources the defaults as update-grub does, in a real shell, since a drop-in may use its syntax. */
const readDefaults = `
set -e
. "$PASSTHROUGH_ROOT/etc/default/grub"
for file in "$PASSTHROUGH_ROOT"/etc/default/grub.d/*.cfg; do
  if [ -e "$file" ]; then . "$file"; fi
done
printf '%s\\n' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT" "\${GRUB_DISTRIBUTOR:-Debian}"
`;

export const updateGrub: Program = async (_call, machine) => {
  const { files, profile } = machine;
  const read = await machine.run("sh", ["-c", readDefaults]);
  if (read.code !== 0) return { errors: read.errors, code: read.code };
  const [linux = "", linuxDefault = "", distributor = ""] = read.output.split("\n");
  const { root } = profile.bootLoader;
  const releases = installedKernels(machine);
  const menu = releases.flatMap((release) => [
    entry(
      `${distributor.trim()}, with Linux ${release}`,
      release,
      `root=${root} ro ${linux} ${linuxDefault}`,
    ),
    entry(
      `${distributor.trim()}, with Linux ${release} (recovery mode)`,
      release,
      `root=${root} ro single ${linux}`,
    ),
  ]);
  const [newest = ""] = releases;
  const simple = entry(distributor.trim(), newest, `root=${root} ro ${linux} ${linuxDefault}`);
  files.replace(
    grubConfiguration,
    `set default="0"\nset timeout=5\n${simple}submenu 'Advanced options' {\n${menu.join("")}}\n`,
  );
  const found = releases.map(
    (release) =>
      `Found linux image: /boot/vmlinuz-${release}\nFound initrd image: /boot/initrd.img-${release}\n`,
  );
  return { errors: `Generating grub configuration file ...\n${found.join("")}done\n` };
};

/** Newest first, as the boot loaders sort them. */
export function installedKernels({ files }: Machine): string[] {
  return files
    .list("/boot")
    .filter((name) => name.startsWith("vmlinuz-"))
    .map((name) => name.slice("vmlinuz-".length))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
}

function entry(title: string, release: string, words: string): string {
  const line = words.trim().replace(/\s+/g, " ");
  return `menuentry '${title}' {\n\tlinux\t/boot/vmlinuz-${release} ${line}\n\tinitrd\t/boot/initrd.img-${release}\n}\n`;
}

export interface BootChoice {
  readonly release: string;
  /** What the kernel will show as /proc/cmdline. */
  readonly commandLine: string;
  /** The packed initramfs, as the boot loader finds it. */
  readonly initramfs: string | null;
}

/** The entry that GRUB starts: its first, or the first of a given kernel. */
export function grubChoice({ files }: Machine, kernel?: string): BootChoice | null {
  const lines = (files.read(grubConfiguration) ?? "").matchAll(/^\tlinux\t(\/boot\/vmlinuz-(\S+)) (.*)$/gm);
  for (const [, image = "", release = "", words = ""] of lines) {
    if (kernel !== undefined && kernel !== release) continue;
    return {
      release,
      commandLine: `BOOT_IMAGE=${image} ${words}`,
      initramfs: files.read(`/boot/initrd.img-${release}`),
    };
  }
  return null;
}
