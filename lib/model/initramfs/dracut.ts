import { dracutHookScript, dracutModuleScript, earlyProgram } from "../earlyBinding";
import { programWords } from "../formats/format";
import { lineFile } from "../formats/lineFile";
import { programFile } from "../formats/programFile";
import { paths } from "../paths";
import type { InitramfsTool } from "./types";

const programs = {
  [paths.dracutModule]: dracutModuleScript,
  [paths.dracutHook]: dracutHookScript,
  [paths.earlyProgram]: earlyProgram,
};

/** RHEL's and its kin's, Fedora's, SUSE's; also found on Debian, Ubuntu and Arch. */
export const dracut: InitramfsTool = {
  name: "dracut",
  formats: {
    [paths.dracutConfiguration]: lineFile,
    ...Object.fromEntries(Object.entries(programs).map(([path, script]) => [path, programFile(script)])),
  },
  files: (modules) => ({
    // dracut splits at blanks and joins what several files add: hence the blanks inside the quotes.
    [paths.dracutConfiguration]:
      `add_dracutmodules+=" cdktf-passthrough "\n` + `add_drivers+=" ${modules.join(" ")} "\n`,
    ...Object.fromEntries(Object.entries(programs).map(([path, script]) => [path, programWords(script)])),
  }),
  // By its path: what dracut would name the image by itself is not what every distribution boots.
  build: (kernels, { kernel, bootEvidence: { images } }) =>
    (kernels ?? kernel.installed).map((release) =>
      images[release] === undefined
        ? `dracut --force --kver ${release}`
        : `dracut --force ${images[release]} ${release}`,
    ),
};
