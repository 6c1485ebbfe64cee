import { join } from "node:path";
import { Files } from "../files";
import type { Machine } from "../machine";
import type { Answer } from "../callGate";
import { type BootChoice, grubEntry, installedKernels, readGrubDefaults } from "./grub";
import { failed, type Program } from "./program";

/** The ESPs are no part of the mounted tree: they lie beside it, in `esp/<file system id>`. */
export function espFiles(machine: Machine, uuid: string): Files {
  return new Files(join(machine.folder, "esp", uuid));
}

function managedEsps({ files }: Machine): string[] {
  const text = files.read("/etc/kernel/proxmox-boot-uuids") ?? "";
  return text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

const isThere = (machine: Machine, uuid: string) => espFiles(machine, uuid).exists("/");
const mode = ({ profile }: Machine, uuid: string) =>
  profile.bootLoader.espModes?.[uuid] ?? (profile.firmware.efi ? "uefi" : "grub");

const subcommands: Readonly<Record<string, Program>> = { status, refresh, kernel };

export const proxmoxBootTool: Program = (call, machine) => {
  const [name = "", ...rest] = call.arguments;
  const subcommand = subcommands[name];
  if (!subcommand) return failed("E: unknown command; usage: proxmox-boot-tool status|refresh|kernel");
  return subcommand({ ...call, arguments: rest }, machine);
};

function status(_call: unknown, machine: Machine): ReturnType<Program> {
  const esps = managedEsps(machine);
  if (!machine.files.exists("/etc/kernel/proxmox-boot-uuids")) {
    return failed("E: /etc/kernel/proxmox-boot-uuids does not exist.", 2);
  }
  const versions = installedKernels(machine).reverse().join(", ");
  const lines = esps.map((uuid) =>
    isThere(machine, uuid)
      ? `${uuid} is configured with: ${mode(machine, uuid)} (versions: ${versions})\n`
      : `WARN: /dev/disk/by-uuid/${uuid} does not exist - clean '/etc/kernel/proxmox-boot-uuids'! - skipping\n`,
  );
  const booted = machine.profile.firmware.efi ? "uefi" : "legacy bios";
  return {
    output: [
      "Re-executing '/usr/sbin/proxmox-boot-tool' in new private mount namespace..\n",
      `System currently booted with ${booted}\n`,
      ...lines,
    ].join(""),
  };
}

/** Exits 0 although an ESP is missing, as the real one does. */
async function refresh(_call: unknown, machine: Machine): Promise<Answer> {
  const { files } = machine;
  const words =
    (files.read("/etc/kernel/cmdline") ?? files.read("/proc/cmdline") ?? "").split("\n")[0]?.trim() ?? "";
  const output = [
    "Running hook script 'proxmox-auto-removal'..\n",
    "Running hook script 'zz-proxmox-boot'..\n",
  ];
  for (const uuid of managedEsps(machine)) {
    if (!isThere(machine, uuid)) {
      output.push(
        `WARN: /dev/disk/by-uuid/${uuid} does not exist - clean '/etc/kernel/proxmox-boot-uuids'! - skipping\n`,
      );
      continue;
    }
    output.push(`Copying and configuring kernels on /dev/disk/by-uuid/${uuid}\n`);
    const esp = espFiles(machine, uuid);
    if (mode(machine, uuid) === "grub") {
      const done = await refreshGrub(machine, esp);
      if (done !== null) return done;
      continue;
    }
    esp.write("/loader/loader.conf", "timeout 3\ndefault proxmox-*\n");
    for (const release of installedKernels(machine)) {
      output.push(`\tCopying kernel and creating boot-entry for ${release}\n`);
      const folder = `/EFI/proxmox/${release}`;
      esp.write(`${folder}/vmlinuz-${release}`, files.read(`/boot/vmlinuz-${release}`) ?? "");
      esp.write(`${folder}/initrd.img-${release}`, files.read(`/boot/initrd.img-${release}`) ?? "");
      esp.write(
        `/loader/entries/proxmox-${release}.conf`,
        `title    Proxmox Virtual Environment\nversion  ${release}\noptions  ${words}\n` +
          `linux    ${folder}/vmlinuz-${release}\ninitrd   ${folder}/initrd.img-${release}\n`,
      );
    }
  }
  return { output: output.join("") };
}

/** Kernels, images and a menu of their own on an ESP; what the shell said where the settings cannot be read. */
async function refreshGrub(machine: Machine, esp: Files): Promise<Answer | null> {
  const { files, profile } = machine;
  const read = await readGrubDefaults(machine, true);
  if ("code" in read) return read;
  const entries = installedKernels(machine).map((release) => {
    for (const name of [`vmlinuz-${release}`, `initrd.img-${release}`])
      esp.write(`/${name}`, files.read(`/boot/${name}`) ?? "");
    const words = `root=${profile.bootLoader.root} ro ${read.linux} ${read.linuxDefault}`;
    return grubEntry(
      `${read.distributor}, with Linux ${release}`,
      `/vmlinuz-${release}`,
      `/initrd.img-${release}`,
      words,
    );
  });
  esp.write("/grub/grub.cfg", `### BEGIN /etc/grub.d/10_linux ###\n${entries.join("")}`);
  return null;
}

function kernel({ arguments: [what] }: Parameters<Program>[0], machine: Machine): ReturnType<Program> {
  if (what !== "list") return failed("E: only 'kernel list' is there.");
  const versions = installedKernels(machine).reverse();
  return {
    output: `Manually selected kernels:\nNone.\n\nAutomatically selected kernels:\n${versions.join("\n")}\n`,
  };
}

/** The entry that the firmware starts from the first ESP that is there: the newest version, or a given one. */
export function systemdBootChoice(machine: Machine, kernel?: string): BootChoice | null {
  const uuid = managedEsps(machine).find((found) => isThere(machine, found));
  if (uuid === undefined) return null;
  const esp = espFiles(machine, uuid);
  const releases = esp
    .list("/loader/entries")
    .flatMap((name) => /^proxmox-(.+)\.conf$/.exec(name)?.[1] ?? [])
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
  const release = releases.find((found) => kernel === undefined || found === kernel);
  if (release === undefined) return null;
  const entry = esp.read(`/loader/entries/proxmox-${release}.conf`) ?? "";
  const options = /^options\s+(.*)$/m.exec(entry)?.[1] ?? "";
  const image = `/EFI/proxmox/${release}/initrd.img-${release}`;
  return {
    release,
    commandLine: `initrd=${image.replace(/\//g, "\\")} ${options}`,
    initramfs: esp.read(image),
  };
}
