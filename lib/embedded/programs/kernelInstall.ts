import { imagesOf } from "../profiles/bootImages";
import type { Files } from "../files";
import type { Machine } from "../machine";
import { readLoaderVariable, removeLoaderVariable, writeLoaderVariable } from "./efiVariables";
import { type BootChoice } from "./grub";
import { entryChoice } from "./grubMkconfig";
import { failed, type Program } from "./program";

const espOf = ({ profile }: Machine): string => profile.bootLoader.esp ?? "/boot/efi";

/** `kernel-install add <release> <kernel>`: copies kernel and initramfs to the ESP and writes their entry. */
export const kernelInstall: Program = ({ arguments: args }, machine) => {
  const { files, profile } = machine;
  const [verb, release = "", image = ""] = args.filter((argument) => !argument.startsWith("-"));
  if (verb !== "add") return failed(`Unknown command verb '${verb ?? ""}'.`);
  const inside = image.startsWith(files.folder) ? image.slice(files.folder.length) : image;
  const kernel = files.read(inside);
  if (kernel === null) return failed(`Kernel image '${image}' not found, refusing.`);
  const token =
    files.read("/etc/kernel/entry-token")?.trim() || files.read("/etc/machine-id")?.trim() || "Default";
  const words =
    files.read("/etc/kernel/cmdline") ??
    (files.read("/proc/cmdline") ?? "").replace(/(^|\s)(BOOT_IMAGE|initrd)=\S*/g, " ");
  const esp = espOf(machine);
  const folder = `/${token}/${release}`;
  files.write(`${esp}${folder}/linux`, kernel);
  // Under the name that it has in /boot, as Debian hands it over.
  const initramfs = imagesOf(profile).initramfs(release);
  const copy = `${folder}/${initramfs.slice(initramfs.lastIndexOf("/") + 1)}`;
  files.write(`${esp}${copy}`, files.read(initramfs) ?? "");
  const machineId = files.read("/etc/machine-id")?.trim() ?? "";
  const named = token !== machineId || words.includes("systemd.machine_id=");
  const options = named ? words : `${words.trim()} systemd.machine_id=${machineId}`;
  const name = /^PRETTY_NAME="?([^"\n]*)/m.exec(profile.osRelease)?.[1] ?? "Linux";
  const sortKey = /^ID="?([^"\n]*)/m.exec(profile.osRelease)?.[1] ?? "linux";
  files.replace(
    `${esp}/loader/entries/${token}-${release}.conf`,
    `# Boot Loader Specification type#1 entry\n# File created by /usr/lib/kernel/install.d/90-loaderentry.install\n` +
      `title      ${name}\nversion    ${release}\nmachine-id ${machineId}\nsort-key   ${sortKey}\n` +
      `options    ${options.trim().replace(/\s+/g, " ")}\nlinux      ${folder}/linux\ninitrd     ${copy}\n`,
  );
  return {};
};

/** `bootctl is-installed`, and `bootctl set-oneshot <id>`, where an empty id takes the choice back. */
export const bootctl: Program = ({ arguments: args }, { files }) => {
  const [verb = "", id] = args;
  if (verb === "is-installed") return { output: "yes\n" };
  if (verb !== "set-oneshot") return failed(`Unknown command verb '${verb}'.`);
  if (id === undefined) return failed("Too few arguments.");
  if (readLoaderVariable(files, "LoaderInfo") === null)
    return failed("Not booted with a supported boot loader.");
  if (id === "") removeLoaderVariable(files, oneShot);
  else writeLoaderVariable(files, oneShot, id);
  return {};
};

const oneShot = "LoaderEntryOneShot";

/** systemd-boot: the entry that is to be started once, else the one that loader.conf names, else the newest. */
export function loaderEntryChoice(machine: Machine, kernel?: string): BootChoice | null {
  const { files } = machine;
  const esp = espOf(machine);
  const folder = `${esp}/loader/entries`;
  const chosen = /^default\s+(\S+)/m.exec(files.read(`${esp}/loader/loader.conf`) ?? "")?.[1];
  const once = readLoaderVariable(files, oneShot);
  removeLoaderVariable(files, oneShot);
  const names = entryNames(files, folder);
  const named = [...names.filter((name) => name === once), ...names.filter((name) => name === chosen)];
  const choices = [...named, ...names].flatMap((name) => {
    const entry = files.read(`${folder}/${name}`) ?? "";
    const choice = entryChoice(entry, (path) => files.read(`${esp}${path}`));
    if (choice === null) return [];
    const images = [...entry.matchAll(/^initrd[ \t]+(\S+)/gm)].map(([, path = ""]) => loaderWord(path));
    return { ...choice, commandLine: choice.commandLine.replace(/^BOOT_IMAGE=\S+ /, () => images.join("")) };
  });
  return choices.find(({ release }) => kernel === undefined || release === kernel) ?? null;
}

/** In the loader's order: those with a sort-key first, by that and by their version; the others by name. */
function entryNames(files: Files, folder: string): string[] {
  const value = (name: string, key: string) =>
    new RegExp(`^${key}\\s+(.*)$`, "m").exec(files.read(`${folder}/${name}`) ?? "")?.[1] ?? "";
  const newer = (a: string, b: string) => b.localeCompare(a, "en", { numeric: true });
  return files
    .list(folder)
    .filter((name) => name.endsWith(".conf"))
    .sort((a, b) => {
      const [one, other] = [value(a, "sort-key"), value(b, "sort-key")];
      if (one === "" || other === "") return one === other ? newer(a, b) : one === "" ? 1 : -1;
      return one.localeCompare(other) || newer(value(a, "version"), value(b, "version")) || newer(a, b);
    });
}

/** What the loader puts before the entry's own options, for the kernel to find its initramfs by. */
const loaderWord = (image: string): string => `initrd=${image.replace(/\//g, "\\")} `;
