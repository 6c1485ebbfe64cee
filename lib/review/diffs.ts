import { structuredPatch } from "diff";
import type { ValueChange } from "./types";

/** More than this, and nobody reads it in a comment. */
const mostLines = 200;
/** Where two texts have less in common than this many edits away, all of one goes and all of the other comes. */
const mostEdits = 2000;

/** The lines of a unified diff of one value, without its header. */
export function diffLines({ before, after }: Pick<ValueChange, "before" | "after">): string[] {
  const patch = structuredPatch("", "", closed(before), closed(after), undefined, undefined, {
    context: 3,
    maxEditLength: mostEdits,
  });
  const lines =
    patch === undefined
      ? [...whole("-", before), ...whole("+", after)]
      : patch.hunks.flatMap(({ lines: hunk }, at) => [...(at > 0 ? [" ..."] : []), ...hunk]);
  return lines.length > mostLines
    ? [...lines.slice(0, mostLines), ` ... ${lines.length - mostLines} more lines`]
    : lines;
}

/** A text that ends in the middle of its last line would show as a changed line. */
function closed(text: string | null): string {
  return text === null || text === "" || text.endsWith("\n") ? (text ?? "") : `${text}\n`;
}

function whole(sign: string, text: string | null): string[] {
  return closed(text)
    .split("\n")
    .slice(0, -1)
    .map((line) => sign + line);
}
