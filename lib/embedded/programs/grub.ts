import { imagesOf } from "../profiles/bootImages";
import type { Machine } from "../machine";
import type { Program } from "./program";

export const grubConfiguration = "/boot/grub/grub.cfg";

/** Sources the defaults as update-grub does, in a real shell, since a file may use its syntax. */
const readDefaults = (dropIns: boolean) => `
set -e
. "$PASSTHROUGH_ROOT/etc/default/grub"
for file in ${dropIns ? '"$PASSTHROUGH_ROOT"/etc/default/grub.d/*.cfg' : ""}; do
  if [ -e "$file" ]; then . "$file"; fi
done
printf '%s\\n' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT" "\${GRUB_DISTRIBUTOR:-Debian}"
`;

interface GrubDefaults {
  readonly linux: string;
  readonly linuxDefault: string;
  readonly distributor: string;
}

/** What /etc/default/grub says, or what the shell said of it. */
export async function readGrubDefaults(
  machine: Machine,
  dropIns: boolean,
): Promise<GrubDefaults | { errors: string; code: number }> {
  const read = await machine.run("sh", ["-c", readDefaults(dropIns)]);
  if (read.code !== 0) return { errors: read.errors, code: read.code };
  const [linux = "", linuxDefault = "", distributor = ""] = read.output.split("\n");
  return { linux, linuxDefault, distributor: distributor.trim() };
}

export const updateGrub: Program = async (_call, machine) => {
  const { files, profile } = machine;
  const read = await readGrubDefaults(machine, true);
  if ("code" in read) return read;
  const { linux, linuxDefault, distributor } = read;
  const { root } = profile.bootLoader;
  const releases = installedKernels(machine);
  const menu = releases.flatMap((release) => [
    entry(`${distributor}, with Linux ${release}`, release, `root=${root} ro ${linux} ${linuxDefault}`),
    entry(
      `${distributor}, with Linux ${release} (recovery mode)`,
      release,
      `root=${root} ro single ${linux}`,
    ),
  ]);
  const [newest = ""] = releases;
  const simple = entry(distributor, newest, `root=${root} ro ${linux} ${linuxDefault}`);
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
export function installedKernels({ files, profile }: Machine): string[] {
  return profile.kernels
    .filter((release) => files.exists(imagesOf(profile).kernel(release)))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
}

function entry(title: string, release: string, words: string): string {
  return grubEntry(title, `/boot/vmlinuz-${release}`, `/boot/initrd.img-${release}`, words);
}

export function grubEntry(title: string, kernel: string, initramfs: string, words: string): string {
  const line = words.trim().replace(/\s+/g, " ");
  return `menuentry '${title}' {\n\tlinux\t${kernel} ${line}\n\tinitrd\t${initramfs}\n}\n`;
}

export interface BootChoice {
  readonly release: string;
  /** What the kernel will show as /proc/cmdline. */
  readonly commandLine: string;
  /** The packed initramfs, as the boot loader finds it. */
  readonly initramfs: string | null;
}

/** The entry that GRUB starts: its first, or the first of a given kernel. */
export function grubChoice({ files, profile }: Machine, kernel?: string): BootChoice | null {
  const menu = files.read(profile.bootLoader.menu ?? grubConfiguration) ?? "";
  for (const [, image = "", words = "", initramfs = ""] of menu.matchAll(
    /^\tlinux\t(\S+) (.*)\n\tinitrd\t(\S+)$/gm,
  )) {
    const release = /^Linux (\S+)/.exec(files.read(image) ?? "")?.[1];
    if (release === undefined || (kernel !== undefined && kernel !== release)) continue;
    return { release, commandLine: `BOOT_IMAGE=${image} ${words}`, initramfs: files.read(initramfs) };
  }
  return null;
}
