import { grubDropInPlace } from "../formats/grubDropIn";
import { addParameters, mergeOwnedParameters } from "../kernelParameters";
import type { GrubMenu } from "../facts";
import { paths } from "../paths";
import type { Observation } from "../observation";
import { entryId } from "./entryName";
import { entryTitle, refuse, trialImage, type TrialEntry, type TrialLoader } from "./types";

/** What GRUB can write to, of what it can read: elsewhere the choice for one boot would be made for good. */
const writable = /^(ext[234]|vfat|msdos)$/;

/** Throws where GRUB could not take back a choice for one boot: its environment block is in `folder`. */
export function checkForgets(
  hostname: string,
  { fileSystem, device, obeysNextEntry }: GrubMenu,
  folder: string,
  remake: string,
): void {
  const cannotForget =
    "GRUB cannot write its environment block there, so it would start the trial again after a boot that hangs";
  if (!writable.test(fileSystem))
    refuse(hostname, `${folder} is on ${fileSystem || "an unknown file system"}: ${cannotForget}`);
  if (device === "" || device.startsWith("/sys/devices/virtual/block/"))
    refuse(hostname, `${folder} is on LVM, RAID or another device made of others: ${cannotForget}`);
  if (!obeysNextEntry)
    refuse(
      hostname,
      `${folder}/grub.cfg does not obey next_entry; run ${remake}, or see why it is not its work`,
    );
}

/** GRUB with Debian's drop-ins: an entry in custom.cfg, chosen once by next_entry of GRUB's environment block. */
export const grubTrial: TrialLoader = {
  name: "grub",
  place({ hostname, bootEvidence: { grubMenu } }) {
    if (grubMenu === null) return refuse(hostname, "GRUB has no menu in /boot/grub");
    const { readsCustom, foreignCustom } = grubMenu;
    checkForgets(hostname, grubMenu, "/boot/grub", "update-grub");
    if (!readsCustom)
      refuse(hostname, "/boot/grub/grub.cfg does not read custom.cfg: /etc/grub.d/41_custom is not there");
    if (foreignCustom)
      refuse(
        hostname,
        `${paths.grubCustom} is somebody else's, and the trial's entry would stand there. Move its entries to /etc/grub.d/40_custom`,
      );
    return { entry: paths.grubCustom, image: `/boot${trialImage}` };
  },
  entry(trial, observation) {
    const { grubMenu } = observation.bootEvidence;
    const path = Object.keys(grubMenu?.entries ?? {}).find((each) =>
      each.endsWith(`/vmlinuz-${trial.kernel}`),
    );
    const source = path === undefined ? undefined : grubMenu?.entries[path];
    if (source === undefined)
      return refuse(observation.hostname, `GRUB's menu has no entry for ${trial.kernel}; run update-grub`);
    return edited(source, trial, observation);
  },
};

/** The entry that boots by default, under another name, with the trial's command line and image. */
function edited(
  source: string,
  { parameters, added, kernel, base }: TrialEntry,
  observation: Observation,
): string {
  const ours = grubDropInPlace.parse(base[grubDropInPlace.key] ?? "");
  let image = false;
  const lines = source
    .trimEnd()
    .split("\n")
    .map((raw) => {
      const line = raw.trim();
      const [, flags] = /^menuentry\s+(?:'[^']*'|"[^"]*")(.*)\{$/.exec(line) ?? [];
      if (flags !== undefined) return `menuentry '${entryTitle}'${withoutId(flags)}--id ${entryId} {`;
      const [, command = "", start = "", words = ""] = /^(linux\S*)\s+(\S+)\s*(.*)$/.exec(line) ?? [];
      if (command !== "") {
        const { line: merged } = mergeOwnedParameters({ base: ours, declared: parameters, now: words });
        return `\t${command}\t${start} ${addParameters(merged, added(merged))}`;
      }
      const [, loading = "", images = ""] = /^(initrd\S*)\s+(.*)$/.exec(line) ?? [];
      if (loading === "") return line === "}" ? "}" : `\t${line}`;
      const replaced = images.split(/\s+/).map((each) => {
        const folder = folderOf(each, kernel);
        if (folder === null) return each;
        image = true;
        return `${folder}${trialImage}`;
      });
      return `\t${loading}\t${replaced.join(" ")}`;
    });
  if (!image || !lines[0]?.startsWith("menuentry "))
    refuse(
      observation.hostname,
      `GRUB's entry for ${kernel} loads no initrd.img-${kernel}, or has another form`,
    );
  return `${lines.join("\n")}\n`;
}

/** /boot as GRUB sees it: empty on a partition of its own. */
function folderOf(image: string, kernel: string): string | null {
  const name = `/initrd.img-${kernel}`;
  return image.endsWith(name) ? image.slice(0, -name.length) : null;
}

/** Its other flags stay, such as whether it needs a password. */
function withoutId(flags: string): string {
  return flags.replace(/\s(\$\{?menuentry_id_option\}?|--id[ =])\s*('[^']*'|\S+)/, " ").replace(/\s*$/, " ");
}
