import { mergeParameters } from "../kernelParameters";
import { paths } from "../paths";
import type { Format, ParameterPlace } from "./format";
import { eitherParameter, observedParameters, parameterTexts, withoutOurs } from "./parameters";

/** A file whose only line is the kernel command line; our parameters stand among others'. */
export const commandLineFile: Format = {
  mode: "0644",
  observe(ours, now) {
    const found = observedParameters(parameterTexts(ours), now ?? "");
    return found.length > 0 ? found.join(" ") : null;
  },
  merge(ours, declared, now) {
    if (now === null || now.trim() === "") {
      if (declared === null) return now;
      // Our parameters alone would make a command line without root=: a host that does not boot.
      throw new Error(
        `${paths.kernelCommandLine} is missing or empty. Put the command line that the host boots with there first: what ` +
          "/proc/cmdline shows, without BOOT_IMAGE= and initrd=. Then plan again.",
      );
    }
    return mergeParameters({
      base: parameterTexts(ours ?? ""),
      declared: parameterTexts(declared ?? ""),
      now,
    });
  },
  either: eitherParameter,
};

/** /etc/kernel/cmdline: what proxmox-boot-tool and kernel-install make boot entries of. */
export const commandLinePlace: ParameterPlace = {
  key: paths.kernelCommandLine,
  print: (parameters) => parameters.join(" "),
  parse: parameterTexts,
  foreign: ({ files }, ours) => [withoutOurs(files[paths.kernelCommandLine] ?? "", parameterTexts(ours))],
  source: paths.kernelCommandLine,
};
