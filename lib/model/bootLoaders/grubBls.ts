import { anyUsesKernelOptions, bootEntryPlace, hasEditableEntries } from "../formats/bootEntry";
import { commandLinePlace } from "../formats/commandLineFile";
import { environmentPlace } from "../formats/environmentBlock";
import { grubSettingsPlace } from "../formats/grubSettings";
import { ownEntries } from "../bootEntries";
import { paths } from "../paths";
import type { BootLoader } from "./types";

const folder = "/boot/loader/entries";

/**
 * GRUB with an entry file for each kernel: RHEL from 8 on and its kin, Fedora. The entries are edited in place, as
 * grubby replaces what others wrote under the same name, and in some versions matches within other arguments. What
 * the next kernel's entry is made of is kept in step: /etc/kernel/cmdline, kernelopts, GRUB_CMDLINE_LINUX.
 */
export const grubBls: BootLoader = {
  name: "grub-bls",
  detect: (observation) =>
    observation.bootEvidence.blsEnabled &&
    observation.bootEvidence.programs.includes("grub2-mkconfig") &&
    ownEntries(observation, folder).length > 0,
  places: (observation) => [
    ...(hasEditableEntries(observation, folder) ? [bootEntryPlace(folder)] : []),
    ...(anyUsesKernelOptions(observation, folder) ? [environmentPlace] : []),
    ...((observation.files[paths.kernelCommandLine] ?? "").trim() === "" ? [] : [commandLinePlace]),
    ...(observation.grubForeign === null ? [] : [grubSettingsPlace("GRUB_CMDLINE_LINUX")]),
  ],
  // GRUB reads the entries at boot.
  refresh: () => [],
};
