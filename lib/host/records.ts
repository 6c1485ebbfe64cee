import { BrokenAnswer } from "./errors";

/** The answer of a probe: records by kind, each the fields that follow the kind. */
export type Records = ReadonlyMap<string, readonly (readonly string[])[]>;

const VERSION = "passthrough-probe\t1";

/**
 * Reads the lines of an answer. What a shell's start-up files print before it is left out.
 *
 * @param host for messages
 * @param words what the host said on standard error
 * @throws BrokenAnswer where the answer is cut off or none of ours
 */
export function parseRecords(stdout: string, host: string, words = ""): Records {
  const said = words.trim() === "" ? "" : ` It said: ${words.trim()}`;
  const lines = stdout.split("\n");
  const start = lines.indexOf(VERSION);
  if (start < 0) {
    throw new BrokenAnswer(
      `${host} did not answer the probe. Its user needs a POSIX shell as login shell, and root or sudo.${said}`,
    );
  }
  // What follows the last line feed is nothing, or a line that was cut.
  const whole = lines.slice(start + 1, -1);
  const end = whole.findIndex((line) => line.startsWith("end\t"));
  if (end < 0 || whole[end] !== `end\t${end}`) {
    throw new BrokenAnswer(
      `The probe of ${host} was cut off after ${whole.length} records, so nothing of it is used. Try again.${said}`,
    );
  }
  const records = new Map<string, string[][]>();
  for (const line of whole.slice(0, end)) {
    const [kind = "", ...fields] = line.split("\t");
    const sameKind = records.get(kind);
    if (sameKind) sameKind.push(fields);
    else records.set(kind, [fields]);
  }
  return records;
}
