import { digestWords, programWords, theOther, type Format } from "./format";

/** A program of ours; a plan shows its digest, not its text. */
export function programFile(script: string): Format {
  return {
    mode: "0755",
    observe: (_ours, now) =>
      now === null ? null : now === script ? programWords(script) : `(changed: ${digestWords(now)})`,
    merge: (_ours, declared, now) => (declared !== null ? script : now === script ? null : now),
    either: theOther,
  };
}
