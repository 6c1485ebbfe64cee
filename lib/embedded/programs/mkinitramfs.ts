import { buildInitramfs } from "../initramfs/initramfsTools";
import { installedKernels } from "./grub";
import { failed, type Program } from "./program";

/** `mkinitramfs [-d <folder>] -o <image> [<release>]` */
export const mkinitramfs: Program = async ({ arguments: args }, machine) => {
  const { folder } = machine.files;
  const inside = (path: string) => (path.startsWith(folder) ? path.slice(folder.length) : path);
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (/^-[do]$/.test(word)) options.set(word, inside(args[++at] ?? ""));
    else if (word.startsWith("-")) return failed(`mkinitramfs: invalid option ${word}`);
    else rest.push(word);
  }
  const image = options.get("-o");
  const release = rest[0] ?? machine.release;
  if (image === undefined) return failed("mkinitramfs: -o outfile is needed");
  if (!installedKernels(machine).includes(release)) return failed(`mkinitramfs: no kernel ${release}`);
  return buildInitramfs(machine, release, {
    image,
    configuration: options.get("-d") ?? "/etc/initramfs-tools",
  });
};
