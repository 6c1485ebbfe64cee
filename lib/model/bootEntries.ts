import type { Observation } from "./observation";
import { isTrialEntry } from "./trial/entryName";

/** A boot entry of the Boot Loader Specification, as GRUB's blscfg and systemd-boot read it. */
export interface BootEntry {
  readonly title: string;
  /** `linux` of it: the kernel's path, as the boot loader sees it; empty for what starts no Linux. */
  readonly linux: string;
  readonly version: string;
  readonly initrds: readonly string[];
  /** All its `options` in one line, variables of GRUB as they stand. */
  readonly options: string;
}

/** Where entries may stand: on /boot, or on the ESP. */
export const entryFolders = [
  "/boot/loader/entries",
  "/efi/loader/entries",
  "/boot/efi/loader/entries",
] as const;

export type EntryFolder = (typeof entryFolders)[number];

export function parseBootEntry(text: string): BootEntry {
  const values = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}[ \\t]+(.*)$`, "gm"))].map(([, value = ""]) => value.trim());
  return {
    title: values("title")[0] ?? "",
    linux: values("linux")[0] ?? "",
    version: values("version")[0] ?? "",
    initrds: values("initrd"),
    options: values("options").join(" "),
  };
}

/** The files of a folder that start a kernel of this host: nothing of another system, of a trial, or to fall back on. */
export function ownEntries(observation: Observation, folder: string): string[] {
  return Object.keys(observation.files)
    .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".conf") && !isTrialEntry(path))
    .filter((path) => {
      const entry = parseBootEntry(observation.files[path] ?? "");
      return entry.linux !== "" && !isFallback(path, entry) && isOwn(entry, observation);
    })
    .sort();
}

/** Rescue and fallback entries stay as they are: they are what is left when the others do not boot. */
function isFallback(path: string, { title, linux, initrds }: BootEntry): boolean {
  return [path, title, linux, ...initrds].some((words) => /rescue|fallback/i.test(words));
}

/** By its kernel, or, where that cannot be told, by its root. */
function isOwn(entry: BootEntry, observation: Observation): boolean {
  const { kernel, bootEvidence } = observation;
  if (releaseOf(entry, kernel.installed, bootEvidence.packages) !== null) return true;
  const root = rootIn(entry.options);
  return (
    !/\d+\.\d+\.\d+/.test(`${entry.version} ${entry.linux}`) &&
    root !== null &&
    root === rootIn(kernel.commandLine)
  );
}

const rootIn = (line: string): string | null => /(?:^|\s)root=(\S+)/.exec(line)?.[1] ?? null;

/** The installed kernel that an entry starts; null if it is none of them. */
export function releaseOf(
  { version, linux }: Pick<BootEntry, "version" | "linux">,
  installed: readonly string[],
  packages: Readonly<Record<string, string>>,
): string | null {
  const named = installed.find(
    (release) =>
      version === release ||
      linux.split("/").some((part) => part === release || part === `vmlinuz-${release}`),
  );
  if (named !== undefined) return named;
  const name = /\/vmlinuz-([^/]+)$/.exec(linux)?.[1];
  return installed.find((release) => name !== undefined && packages[release] === name) ?? null;
}
