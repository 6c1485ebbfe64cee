import { imagesOf } from "../profiles/bootImages";
import type { Machine } from "../machine";
import { takeNextEntry } from "./grubEnvironment";
import type { Program } from "./program";

export const grubConfiguration = "/boot/grub/grub.cfg";
const custom = "/boot/grub/custom.cfg";

/** What 00_header makes of the environment block, and 41_custom of a file beside the menu. */
export const menuHeader = (otherwise: string): string => `### BEGIN /etc/grub.d/00_header ###
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${otherwise}"
fi
set timeout=5
### END /etc/grub.d/00_header ###
`;
const menuFooter = `### BEGIN /etc/grub.d/41_custom ###
if [ -f  \${config_directory}/custom.cfg ]; then
  source \${config_directory}/custom.cfg
elif [ -z "\${config_directory}" -a -f  $prefix/custom.cfg ]; then
  source $prefix/custom.cfg
fi
### END /etc/grub.d/41_custom ###
`;

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
    `${menuHeader("0")}${simple}submenu 'Advanced options' {\n${menu.join("")}}\n${menuFooter}`,
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

/**
 * The entry that GRUB starts: the one that its environment block names for this boot, its first, or the first of a
 * given kernel.
 */
export function grubChoice({ files, profile }: Machine, kernel?: string): BootChoice | null {
  const path = profile.bootLoader.menu ?? grubConfiguration;
  const main = files.read(path) ?? "";
  const menu = main.includes("custom.cfg") ? main + (files.read(custom) ?? "") : main;
  const once = kernel === undefined && main.includes("next_entry") ? takeNextEntry(files) : null;
  const [named] = once === null ? [] : entriesOf(menu, files).filter(({ id }) => id === once);
  return named?.choice ?? firstEntry(menu, files, kernel);
}

/** Those that have an id, as grub-reboot names them. */
function entriesOf(menu: string, files: Machine["files"]): { id: string; choice: BootChoice }[] {
  return [...menu.matchAll(/^menuentry .*--id (\S+) \{\n([^}]*)^\}/gm)].flatMap(([, id = "", body = ""]) => {
    const choice = firstEntry(body, files);
    return choice === null ? [] : [{ id, choice }];
  });
}

function firstEntry(menu: string, files: Machine["files"], kernel?: string): BootChoice | null {
  for (const [, image = "", words = "", initramfs = ""] of menu.matchAll(
    /^\tlinux\t(\S+) (.*)\n\tinitrd\t(\S+)$/gm,
  )) {
    const release = /^Linux (\S+)/.exec(files.read(image) ?? "")?.[1];
    if (release === undefined || (kernel !== undefined && kernel !== release)) continue;
    return { release, commandLine: `BOOT_IMAGE=${image} ${words}`, initramfs: files.read(initramfs) };
  }
  return null;
}
