import type { OwnedFiles } from "../ownedFiles";
import type { Observation } from "../observation";

export type TrialLoaderName = "grub" | "grub-bls" | "systemd-boot";

/** A boot loader that starts an entry once, and forgets that choice by itself before the kernel starts. */
export interface TrialLoader {
  readonly name: TrialLoaderName;
  /**
   * Where a trial stands on this very host.
   * @throws an Error naming the reason where its loader cannot do it.
   */
  place(observation: Observation): TrialPlace;
  /** The entry, as it stands in its file. Throws where none can be made of the default's. */
  entry(trial: TrialEntry, observation: Observation): string;
}

export interface TrialPlace {
  /** The file that holds the trial's entry. */
  readonly entry: string;
  readonly image: string;
}

export interface TrialEntry {
  /** Release of the kernel to start: the one that the default starts. */
  readonly kernel: string;
  /** The declared parameters. */
  readonly parameters: readonly string[];
  /** What the trial alone says besides, on a command line that already says `line`. */
  added(line: string): string[];
  /** Our lines as they stand in the default. */
  readonly base: OwnedFiles;
}

/** What a menu shows. */
export const entryTitle = "cdktf-passthrough: trial boot";

/** From the root of the file system that the loader reads. */
export const trialImage = "/cdktf-passthrough/trial.img";

/** @throws an Error saying why a host makes no trial boot, and what to do instead. */
export function refuse(hostname: string, why: string): never {
  throw new Error(`${hostname} cannot make a trial boot: ${why}. Mend that, or leave \`trialBoot\` out.`);
}
