import type { DesiredBoot } from "../bootConfiguration";
import type { BootLoaderName } from "../bootLoaders";
import type { InitramfsName } from "../initramfs";
import { programWords } from "../formats/format";
import { checkCommandLineLength, parseKernelParameters } from "../kernelParameters";
import type { Observation } from "../observation";
import type { OwnedFiles } from "../ownedFiles";
import { paths } from "../paths";
import type { Platform } from "../platform";
import { trialBuilders, type TrialBuilder } from "./builders";
import { isTrialFile } from "./formats";
import { grubBlsTrial } from "./grubBlsEntry";
import { grubTrial } from "./grubEntry";
import { trialTag } from "./tag";
import { systemdBootTrial } from "./systemdBootEntry";
import { refuse, type TrialLoader, type TrialLoaderName } from "./types";

/** A trial as it stands on a host, in its record. */
export interface TrialRecord {
  readonly tag: string;
  readonly loader: TrialLoaderName;
  /** The file that holds its entry. */
  readonly entry: string;
  readonly image: string;
  /** What boots by default meanwhile: our part of it, and the digest of what was declared for it. */
  readonly before: {
    readonly digest: string;
    readonly parameters: readonly string[];
    readonly modprobe: readonly string[];
  };
}

/** A trial to bring about. */
export interface Trial extends TrialRecord {
  readonly kernel: string;
  /** What makes its image. */
  readonly builder: InitramfsName;
  /** Its own lines. */
  readonly files: OwnedFiles;
}

export interface TrialSettings {
  /** Seconds after which a kernel that panicked starts the machine anew; 0: it stays where it is. */
  readonly panicSeconds: number;
}

export const defaultPanicSeconds = 30;

const loaders: Readonly<Record<BootLoaderName, TrialLoader | string>> = {
  grub: grubTrial,
  "grub-mkconfig":
    "it is not made for grub-mkconfig yet, but for GRUB with update-grub or BLS entries, and systemd-boot",
  "grub-bls": grubBlsTrial,
  "systemd-boot": systemdBootTrial,
  "proxmox-boot-tool":
    "proxmox-boot-tool's choice for one boot is cleared by the booted system, so that a boot that hangs would repeat",
};

/** What makes a trial on a host. */
export interface TrialMeans {
  readonly loader: TrialLoader;
  readonly initramfs: InitramfsName;
  readonly builder: TrialBuilder;
}

/**
 * The host's own means to start an entry once, with an image of its own.
 * @throws an Error naming the reason where it has none.
 */
export function trialMeans({ bootLoader, initramfs }: Platform, observation: Observation): TrialMeans {
  const loader = loaders[bootLoader];
  if (typeof loader === "string") return refuse(observation.hostname, loader);
  const builder = trialBuilders[initramfs];
  if (typeof builder === "string") return refuse(observation.hostname, builder);
  loader.place(observation);
  return { loader, initramfs, builder };
}

export interface TrialRequest {
  readonly boot: DesiredBoot;
  readonly digest: string;
  readonly settings: TrialSettings;
  /** Our lines as they stand in the default. */
  readonly base: OwnedFiles;
  readonly before: TrialRecord["before"];
  /** Our lines as they will stand in the default after the proof. */
  readonly final: OwnedFiles;
}

/** Throws where none can be made. */
export function planTrial(
  { loader, initramfs, builder }: TrialMeans,
  request: TrialRequest,
  observation: Observation,
): Trial {
  const { boot, digest, settings, base, before, final } = request;
  const kernel = observation.kernel.next;
  if (kernel === null)
    return refuse(observation.hostname, "it cannot be told which kernel its boot loader starts next");
  const { entry, image } = loader.place(observation);
  const tag = trialTag(digest);
  const added = (line: string) => {
    const words = [...panic(line, settings), tag];
    checkCommandLineLength([line, ...words].join(" "));
    return words;
  };
  const sources = {
    [paths.trialTable]: paths.bootTable,
    [paths.trialModprobe]: paths.modprobe,
    [paths.trialModules]: paths.modulesLoad,
  };
  const modules = builder.modules(final, boot);
  return {
    tag,
    loader: loader.name,
    entry,
    image,
    before,
    kernel,
    builder: initramfs,
    files: {
      ...Object.fromEntries(
        Object.entries(sources).flatMap(([path, source]) =>
          final[source] === undefined ? [] : [[path, final[source]]],
        ),
      ),
      ...(modules === undefined ? {} : { [paths.trialInitramfsModules]: modules }),
      ...Object.fromEntries(
        Object.entries(builder.programs).map(([path, script]) => [path, programWords(script)]),
      ),
      [entry]: loader.entry({ kernel, parameters: boot.parameters, added, base }, observation),
    },
  };
}

function panic(line: string, { panicSeconds }: TrialSettings): string[] {
  const there = parseKernelParameters(line).some(({ name }) => name === "panic");
  return there || panicSeconds === 0 ? [] : [`panic=${panicSeconds}`];
}

/** Our lines in the default, without those of a trial. */
export function withoutTrial(files: OwnedFiles): OwnedFiles {
  return Object.fromEntries(Object.entries(files).filter(([key]) => !isTrialFile(key)));
}

/** Our lines of a trial alone. */
export function onlyTrial(files: OwnedFiles): OwnedFiles {
  return Object.fromEntries(Object.entries(files).filter(([key]) => isTrialFile(key)));
}
