import { buildInitramfs } from "../initramfs/initramfsTools";
import { installedKernels } from "./grub";
import { failed, type Program } from "./program";

export const updateInitramfs: Program = async ({ arguments: args }, machine) => {
  if (!args.some((argument) => /^-[ucd]/.test(argument)))
    return failed("You must specify at least one of -c, -u, or -d.");
  const at = args.findIndex((argument) => /^-[ucdv]*k$/.test(argument));
  const wanted = at < 0 ? machine.release : (args[at + 1] ?? "");
  const known = installedKernels(machine);
  const releases = wanted === "all" ? known : [wanted];
  let output = "";
  let errors = "";
  for (const release of releases) {
    if (!known.includes(release)) return failed(`update-initramfs: /boot/vmlinuz-${release} is not there.`);
    output += `update-initramfs: Generating /boot/initrd.img-${release}\n`;
    const built = await buildInitramfs(machine, release);
    output += built.output;
    errors += built.errors;
    if (built.code !== 0) return { output, errors, code: built.code };
  }
  if (machine.profile.proxmox) output += await toEsps(machine);
  return { output, errors };
};

/** Proxmox hooks into initramfs-tools: a new image goes to the ESPs too. */
async function toEsps(machine: Parameters<Program>[1]): Promise<string> {
  if (machine.profile.bootLoader.kind !== "systemd-boot") {
    return "Running hook script 'zz-proxmox-boot'..\nNo /etc/kernel/proxmox-boot-uuids found, skipping ESP sync.\n";
  }
  const done = await machine.run("proxmox-boot-tool", ["refresh"]);
  return done.output;
}
