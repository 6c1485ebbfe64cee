import { mergeParameters } from "../kernelParameters";
import type { Observation } from "../observation";
import { paths } from "../paths";
import type { Format, ParameterPlace } from "./format";
import { eitherParameter, observedParameters, parameterTexts, withoutOurs } from "./parameters";

const line = /^kernelopts=(.*)$/m;
const blockSize = 1024;

/** `kernelopts` of GRUB's environment block: a file of exactly 1024 bytes, filled up with `#`. */
export const environmentBlock: Format = {
  mode: "0644",
  observe(ours, now) {
    const found = observedParameters(parameterTexts(ours), valueIn(now ?? ""));
    return found.length > 0 ? found.join(" ") : null;
  },
  merge(ours, declared, now) {
    if (now === null || !line.test(now)) {
      if (declared === null) return now;
      throw new Error(
        `${paths.grubEnvironment} holds no kernelopts, though boot entries name it. Write it with grub2-editenv, then plan again.`,
      );
    }
    const before = valueIn(now);
    if (before.includes("\\"))
      throw new Error(
        `kernelopts in ${paths.grubEnvironment} holds a backslash: edit it with grub2-editenv.`,
      );
    const after = mergeParameters({
      base: parameterTexts(ours ?? ""),
      declared: parameterTexts(declared ?? ""),
      now: before,
    });
    if (after === before) return now;
    const text = now.replace(/#*$/, "").replace(line, () => `kernelopts=${after}`);
    const room = Math.max(blockSize, Math.ceil(now.length / blockSize) * blockSize) - Buffer.byteLength(text);
    if (room < 0) {
      throw new Error(
        `${paths.grubEnvironment} has no room for these kernel parameters: ${-room} bytes too many for GRUB's environment ` +
          "block. Declare fewer, or take variables that nobody needs out with grub2-editenv.",
      );
    }
    return text + "#".repeat(room);
  },
  either: eitherParameter,
};

function valueIn(text: string): string {
  return line.exec(text)?.[1] ?? "";
}

export const environmentPlace: ParameterPlace = {
  key: paths.grubEnvironment,
  print: (parameters) => parameters.join(" "),
  parse: parameterTexts,
  foreign: ({ files }, ours) => [
    withoutOurs(valueIn(files[paths.grubEnvironment] ?? ""), parameterTexts(ours)),
  ],
  source: `kernelopts in ${paths.grubEnvironment} (grub2-editenv)`,
};

/** The variables of GRUB's environment block. */
export function environmentOf({ files }: Observation): Record<string, string> {
  const lines = (files[paths.grubEnvironment] ?? "").split("\n").filter((each) => !each.startsWith("#"));
  return Object.fromEntries(
    lines.flatMap((each) => {
      const at = each.indexOf("=");
      return at < 0 ? [] : [[each.slice(0, at), each.slice(at + 1)]];
    }),
  );
}
