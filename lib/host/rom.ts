import { parseRecords } from "./records";
import rom from "./scripts/rom.sh";
import { assembleScript, quote } from "./scripts";
import type { Session } from "./types";

/**
 * The ROM of a PCI function, as the card answers; the function is left as it was.
 * @throws a HostError; an Error with the host's own words where it refuses or does not answer whole.
 */
export async function readRom(session: Session, address: string): Promise<Buffer> {
  const { stdout, stderr } = await session.run(assembleScript(rom, `read_rom ${quote(address)}`), {
    timeoutSeconds: 120,
  });
  const [refused] = refusals(stdout);
  if (refused !== undefined) throw new Error(refused);
  const records = parseRecords(stdout, session.name, stderr);
  return Buffer.from(records.get("rom")?.[0]?.[0] ?? "", "base64");
}

/** A script that refuses ends there, without the record that tells a whole answer. */
function refusals(stdout: string): string[] {
  return stdout.split("\n").flatMap((line) => {
    const [kind, ...words] = line.split("\t");
    return kind === "refused" ? [words.join("\t")] : [];
  });
}
