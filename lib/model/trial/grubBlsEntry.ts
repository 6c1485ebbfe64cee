import { ownEntries, parseBootEntry, releaseOf } from "../bootEntries";
import { environmentOf, environmentPlace } from "../formats/environmentBlock";
import type { Observation } from "../observation";
import { checkForgets } from "./grubEntry";
import { entryCopy, oursInEntries } from "./entryCopy";
import { entryId } from "./entryName";
import { refuse, trialImage, type TrialLoader } from "./types";

const folder = "/boot/loader/entries";

/** GRUB with an entry file for each kernel: one more of them, chosen once by next_entry of GRUB's environment block. */
export const grubBlsTrial: TrialLoader = {
  name: "grub-bls",
  place(observation) {
    const { hostname, machineId, bootEvidence } = observation;
    const { grubMenu } = bootEvidence;
    if (grubMenu === null) return refuse(hostname, "GRUB has no menu in /boot/grub2");
    checkForgets(hostname, grubMenu, "/boot/grub2", "grub2-mkconfig");
    if (!grubMenu.startsSaved || savedEntry(observation) === undefined)
      refuse(
        hostname,
        "GRUB's environment names no entry as the default (saved_entry): the order of names would decide between it and " +
          "the trial's entry. Name one with grubby --set-default",
      );
    // Red Hat's rescue entries have such a name: the version 0 is older than any kernel's.
    return { entry: `${folder}/${machineId}-0-${entryId}.conf`, image: `/boot${trialImage}` };
  },
  entry(trial, observation) {
    const { hostname, files, bootEvidence } = observation;
    const path = savedEntry(observation);
    const text = path === undefined ? "" : (files[path] ?? "");
    const entry = parseBootEntry(text);
    if (path === undefined || releaseOf(entry, [trial.kernel], bootEvidence.packages) === null)
      return refuse(hostname, `the entry that GRUB starts by default does not start ${trial.kernel}`);
    const common = parametersInEnvironment.test(entry.options);
    const { kernelopts = "" } = environmentOf(observation);
    const ours = [
      ...oursInEntries(folder, trial),
      ...(common ? environmentPlace.parse(trial.base[environmentPlace.key] ?? "") : []),
    ];
    return entryCopy(
      {
        path,
        text,
        options: entry.options.replace(parametersInEnvironment, () => kernelopts.trim()),
        ours,
        image: entry.linux.startsWith("/boot/") ? `/boot${trialImage}` : trialImage,
      },
      trial,
      observation,
    );
  },
};

const parametersInEnvironment = /\$\{?kernelopts\}?/;

/** The entry that boots by default, by its id in GRUB's environment block. */
function savedEntry(observation: Observation): string | undefined {
  const saved = environmentOf(observation)["saved_entry"] ?? "";
  return ownEntries(observation, folder).find((path) => path === `${folder}/${saved}.conf`);
}
