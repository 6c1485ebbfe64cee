import { header, theOther, type Format } from "./format";

/** A file that is ours as a whole; one that is somebody else's is left alone. */
export const ownFile: Format = {
  mode: "0644",
  observe(ours, now) {
    if (now === null) return null;
    return now === written(ours) ? ours : now.replace(`${header}\n`, "");
  },
  merge(_ours, declared, now) {
    if (declared !== null) return written(declared);
    return now?.startsWith(header) === true ? null : now;
  },
  either: theOther,
};

const written = (text: string): string => `${header}\n${text}`;
