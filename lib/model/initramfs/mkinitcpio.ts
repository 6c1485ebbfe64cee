import { earlyProgram, mkinitcpioHookScript, mkinitcpioInstallScript } from "../earlyBinding";
import { programWords } from "../formats/format";
import { lineFile } from "../formats/lineFile";
import { programFile } from "../formats/programFile";
import { paths } from "../paths";
import { furtherModules } from "./modules";
import type { InitramfsTool } from "./types";

const programs = {
  [paths.mkinitcpioInstall]: mkinitcpioInstallScript,
  [paths.mkinitcpioHook]: mkinitcpioHookScript,
  [paths.earlyProgram]: earlyProgram,
};

/** Arch's and its descendants'. */
export const mkinitcpio: InitramfsTool = {
  name: "mkinitcpio",
  formats: {
    [paths.mkinitcpioConfiguration]: lineFile,
    ...Object.fromEntries(Object.entries(programs).map(([path, script]) => [path, programFile(script)])),
  },
  files: (modules) => ({
    ...furtherModules(modules),
    // Second place: behind `base`, and before `udev`, `systemd` and `kms`, which let drivers at the devices.
    [paths.mkinitcpioConfiguration]: `HOOKS=("\${HOOKS[0]}" cdktf-passthrough "\${HOOKS[@]:1}")\n`,
    ...Object.fromEntries(Object.entries(programs).map(([path, script]) => [path, programWords(script)])),
  }),
  build(kernels, { bootEvidence: { packages } }) {
    const presets = kernels?.map((release) => packages[release]) ?? [];
    if (presets.length === 0 || presets.includes(undefined)) return ["mkinitcpio -P"];
    return presets.map((preset) => `mkinitcpio -p ${preset ?? ""}`);
  },
};
