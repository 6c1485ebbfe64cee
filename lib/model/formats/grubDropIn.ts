import { grubDropIn, parseGrubDropIn } from "../grub";
import { paths } from "../paths";
import { header, rawLines, textOf, theOther, type Format, type ParameterPlace } from "./format";
import { sameParameters } from "./parameters";

/** A file of GRUB settings in which one line of ours adds to the command line. */
export const grubDropInFile: Format = {
  mode: "0644",
  observe(ours, now) {
    const line = rawLines(now ?? "").find((candidate) => parseGrubDropIn(candidate) !== null);
    if (line === undefined) return null;
    return sameParameters(parseGrubDropIn(ours), parseGrubDropIn(line)) ? ours : textOf([line]);
  },
  merge(_ours, declared, now) {
    const foreign = rawLines(now ?? "").filter((line) => line !== header && parseGrubDropIn(line) === null);
    if (declared !== null) return textOf([header, ...rawLines(declared), ...foreign]);
    return foreign.some((line) => line.trim() !== "") ? textOf(foreign) : null;
  },
  either: theOther,
};

/** Our own file in /etc/default/grub.d, which update-grub of Debian and its descendants reads. */
export const grubDropInPlace: ParameterPlace = {
  key: paths.grubDropIn,
  print: grubDropIn,
  parse: (ours) => parseGrubDropIn(ours.trim()) ?? [],
  foreign({ grubForeign }) {
    return [grubForeign === null ? "" : `${grubForeign.linux} ${grubForeign.linuxDefault}`];
  },
  source: "/etc/default/grub or the file of /etc/default/grub.d that has it",
};
