import { entryFolders, ownEntries, parseBootEntry, releaseOf, type EntryFolder } from "../bootEntries";
import { bootEntryPlace } from "../formats/bootEntry";
import { commandLinePlace } from "../formats/commandLineFile";
import type { Observation } from "../observation";
import { paths } from "../paths";
import type { BootLoader } from "./types";

/**
 * systemd-boot, its entries written by hand (Arch) or by kernel-install (Debian, Ubuntu, Fedora). The entries are
 * edited in place; where kernel-install makes them, it makes the next ones of /etc/kernel/cmdline, and copies a new
 * initramfs to the ESP.
 */
export const systemdBoot: BootLoader = {
  name: "systemd-boot",
  detect: (observation) =>
    folderOf(observation) !== undefined &&
    (observation.bootEvidence.loader.startsWith("systemd-boot") ||
      (observation.bootEvidence.loader === "" &&
        observation.bootEvidence.programs.includes("bootctl") &&
        observation.grubForeign === null)),
  places(observation) {
    const folder = folderOf(observation);
    const keepsCommandLine = (observation.files[paths.kernelCommandLine] ?? "").trim() !== "";
    return [
      ...(folder === undefined ? [] : [bootEntryPlace(folder)]),
      // Without it kernel-install would make entries of what runs now, and our lines would be lost.
      ...(keepsCommandLine || installedKernels(observation).length > 0 ? [commandLinePlace] : []),
    ];
  },
  refresh(_written, rebuilt, observation) {
    return installedKernels(observation)
      .filter(({ release }) => rebuilt === null || rebuilt.includes(release))
      .map(({ release, image }) => `kernel-install add ${release} ${image}`);
  },
};

function folderOf(observation: Observation): EntryFolder | undefined {
  return entryFolders.find((folder) => ownEntries(observation, folder).length > 0);
}

/** The kernels whose entries kernel-install made: those that it copied to a folder of their own. */
function installedKernels(observation: Observation): { release: string; image: string }[] {
  const { bootEvidence, files, kernel } = observation;
  const folder = folderOf(observation);
  if (folder === undefined || !bootEvidence.programs.includes("kernel-install")) return [];
  return ownEntries(observation, folder).flatMap((path) => {
    const entry = parseBootEntry(files[path] ?? "");
    const release = releaseOf(entry, kernel.installed, bootEvidence.packages);
    const copied = release !== null && entry.linux.includes(`/${release}/`);
    return copied ? [{ release, image: kernelImage(release, observation) }] : [];
  });
}

/** Where the package put the kernel: Debian into /boot, Fedora beside the modules. */
function kernelImage(release: string, { bootEvidence }: Observation): string {
  return bootEvidence.images[release] === `/boot/initrd.img-${release}`
    ? `/boot/vmlinuz-${release}`
    : `/lib/modules/${release}/vmlinuz`;
}
