import { eitherLine, header, linesOf, normal, rawLines, textOf, type Format } from "./format";

/** A file of lines that mean the same in any order. */
export const lineFile: Format = {
  mode: "0644",
  observe(ours, now) {
    const standing = new Set(linesOf(now ?? ""));
    const found = linesOf(ours).filter((line) => standing.has(line));
    if (found.length === linesOf(ours).length) return ours;
    return found.length > 0 ? textOf(found) : null;
  },
  merge(ours, declared, now) {
    const wanted = linesOf(declared ?? "");
    const leaving = new Set(linesOf(ours ?? "").filter((line) => !wanted.includes(line)));
    const kept = rawLines(now ?? "").filter((line) => line !== header && !leaving.has(normal(line)));
    const foreign = kept.filter((line) => !wanted.includes(normal(line)));
    if (wanted.length > 0) return textOf([header, ...wanted, ...foreign]);
    return foreign.some((line) => line.trim() !== "") ? textOf(foreign) : null;
  },
  either: eitherLine,
};
