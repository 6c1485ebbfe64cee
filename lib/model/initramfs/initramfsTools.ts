import { hookScript, initTopScript } from "../earlyBinding";
import { programWords } from "../formats/format";
import { programFile } from "../formats/programFile";
import { paths } from "../paths";
import { furtherModules } from "./modules";
import type { InitramfsTool } from "./types";

/** Debian's and its descendants'. */
export const initramfsTools: InitramfsTool = {
  name: "initramfs-tools",
  formats: {
    [paths.initramfsHook]: programFile(hookScript),
    [paths.initTopScript]: programFile(initTopScript),
  },
  files: (modules) => ({
    ...furtherModules(modules),
    [paths.initramfsHook]: programWords(hookScript),
    [paths.initTopScript]: programWords(initTopScript),
  }),
  build: (kernels) => (kernels ?? ["all"]).map((kernel) => `update-initramfs -u -k ${kernel}`),
};
