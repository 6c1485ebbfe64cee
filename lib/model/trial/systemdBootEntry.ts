import { entryFolders, ownEntries, parseBootEntry, releaseOf, type EntryFolder } from "../bootEntries";
import type { Observation } from "../observation";
import { entryCopy, oursInEntries } from "./entryCopy";
import { entryId } from "./entryName";
import { refuse, trialImage, type TrialLoader } from "./types";

const file = `${entryId}.conf`;

/** Since then it sorts by `sort-key`, and an id is the whole name of the file. */
const oldest = 250;

/** systemd-boot: an entry file beside the default's, chosen once by the firmware's variable LoaderEntryOneShot. */
export const systemdBootTrial: TrialLoader = {
  name: "systemd-boot",
  place(observation) {
    const { hostname, bootEvidence } = observation;
    const { systemdBoot, loader, programs } = bootEvidence;
    const folder = folderOf(observation);
    if (systemdBoot === null)
      return refuse(hostname, "the firmware's variables do not say that systemd-boot started it");
    const version = Number(/^systemd-boot (\d+)/.exec(loader)?.[1] ?? 0);
    if (version < oldest)
      refuse(
        hostname,
        `${loader} is too old: ${oldest} is the first whose order of entries leaves the trial's last. ` +
          "Update it with bootctl update",
      );
    if (!systemdBoot.obeysOneShot)
      refuse(hostname, `${loader} does not say (LoaderFeatures) that it starts an entry once`);
    if (!programs.includes("bootctl")) refuse(hostname, "bootctl is not there, which makes that choice");
    if (!systemdBoot.variablesWritable)
      refuse(
        hostname,
        "the firmware's variables cannot be written: /sys/firmware/efi/efivars is not mounted, or read-only",
      );
    const counted = ownEntries(observation, folder).find((path) => /\+\d+(-\d+)?\.conf$/.test(path));
    if (counted !== undefined)
      refuse(
        hostname,
        `the boots of ${counted} are still counted (+ in its name), and what is counted down is not known to boot. ` +
          "Let systemd-bless-boot mark it good first",
      );
    checkOrder(observation, folder);
    return { entry: `${folder}/${file}`, image: `${partitionOf(folder)}${trialImage}` };
  },
  entry(trial, observation) {
    const folder = folderOf(observation);
    const path = defaultOf(observation, folder, trial.kernel);
    if (path === undefined)
      return refuse(observation.hostname, `no entry in ${folder} starts ${trial.kernel}`);
    const text = observation.files[path] ?? "";
    const { options } = parseBootEntry(text);
    const ours = oursInEntries(folder, trial);
    return entryCopy({ path, text, options, ours, image: trialImage }, trial, observation);
  },
};

/** The trial's entry must not become the default by where it stands in the loader's order, nor by a pattern. */
function checkOrder({ hostname, bootEvidence: { systemdBoot }, files }: Observation, folder: string): void {
  const wanted = systemdBoot?.wanted ?? "";
  if (wanted !== "" && fits(wanted, `${folder}/${file}`))
    refuse(hostname, `the default is named by ${wanted}, which the trial's entry would fit too`);
  if (wanted !== "") return;
  const unsorted = Object.keys(files).filter(
    (path) => path.startsWith(`${folder}/`) && !isOurs(path) && !/^sort-key\s/m.test(files[path] ?? ""),
  );
  if (unsorted.length === 0) return;
  refuse(
    hostname,
    `no default is named (\`default\` of loader.conf), and ${unsorted.join(", ")} has no sort-key: the order of names ` +
      "would decide between it and the trial's entry",
  );
}

const isOurs = (path: string): boolean => path.endsWith(`/${file}`);

/** The entry that boots by default: that which is named, else the first one of its kernel. */
function defaultOf(observation: Observation, folder: EntryFolder, kernel: string): string | undefined {
  const { bootEvidence, files } = observation;
  const { packages, systemdBoot } = bootEvidence;
  const starting = ownEntries(observation, folder).filter(
    (path) => releaseOf(parseBootEntry(files[path] ?? ""), [kernel], packages) === kernel,
  );
  return starting.find((path) => fits(systemdBoot?.wanted ?? "", path)) ?? starting[0];
}

/** As systemd-boot compares: `*` and `?`, letters of either case, with or without the end of the name. */
function fits(pattern: string, path: string): boolean {
  const form = [...pattern].map((letter) =>
    letter === "*" ? ".*" : letter === "?" ? "." : letter.replace(/[^\w]/, "\\$&"),
  );
  return new RegExp(`^${form.join("")}(\\.conf)?$`, "i").test(path.slice(path.lastIndexOf("/") + 1));
}

function folderOf(observation: Observation): EntryFolder {
  const found = entryFolders.find((folder) => ownEntries(observation, folder).length > 0);
  return found ?? refuse(observation.hostname, "it has no entry files of its own");
}

/** The ESP, or the partition that stands in for it, as it is mounted. */
const partitionOf = (folder: EntryFolder): string => folder.slice(0, -"/loader/entries".length);
