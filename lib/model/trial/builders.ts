import type { DesiredBoot } from "../bootConfiguration";
import { earlyProgram } from "../earlyBinding";
import type { InitramfsName } from "../initramfs";
import { furtherModules } from "../initramfs/modules";
import { paths } from "../paths";

import trialDracutHook from "../scripts/trialDracutHook.sh";
import trialDracutModule from "../scripts/trialDracutModule.sh";
import trialEarly from "../scripts/trialEarly.sh";
import trialHook from "../scripts/trialHook.sh";

/** What makes a second image beside those that are there, of sources of its own. */
export interface TrialBuilder {
  /** Programs of ours that the image is made with, by path. */
  readonly programs: Readonly<Record<string, string>>;
  /** Modules to pack that the programs do not name, a line each; undefined for no such file. */
  modules(final: Readonly<Record<string, string>>, boot: DesiredBoot): string | undefined;
}

/** Runs in the image, whatever made it. */
const early = { [paths.trialEarly]: trialEarly, [paths.trialBind]: earlyProgram };

/** A builder, or why a trial is not made with it. */
export const trialBuilders: Readonly<Record<InitramfsName, TrialBuilder | string>> = {
  "initramfs-tools": {
    programs: { [paths.trialHook]: trialHook, ...early },
    modules: (final) => final[paths.initramfsModules],
  },
  dracut: {
    programs: {
      [paths.trialDracutModule]: trialDracutModule,
      [paths.trialDracutHook]: trialDracutHook,
      ...early,
    },
    modules: (final, { modules, initramfsModules = [] }) =>
      final[paths.dracutConfiguration] === undefined
        ? undefined
        : furtherModules([...new Set([...modules, ...initramfsModules])])[paths.initramfsModules],
  },
  mkinitcpio: "a second image is not made with mkinitcpio yet, but with initramfs-tools and dracut",
};

/** The programs of every builder, by path. */
export const trialPrograms: Readonly<Record<string, string>> = Object.assign(
  {},
  ...Object.values(trialBuilders).map((builder) => (typeof builder === "string" ? {} : builder.programs)),
);
