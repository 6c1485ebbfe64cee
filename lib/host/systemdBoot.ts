import type { SystemdBootFacts } from "../model/facts";

/** Bit of the first byte of LoaderFeatures: the loader obeys LoaderEntryOneShot. */
const entryOneShot = 1 << 3;

/**
 * What the probe tells of systemd-boot.
 * @param loader LoaderInfo: what started this host; empty if it told nothing
 * @param variables the first byte of LoaderFeatures in decimal, and whether the variables may be written
 * @param names what may name the default, the strongest first
 */
export function parseSystemdBoot(
  loader: string,
  variables: readonly string[] | undefined,
  names: readonly string[],
): SystemdBootFacts | null {
  if (!loader.startsWith("systemd-boot")) return null;
  const [features = "", writable = ""] = variables ?? [];
  return {
    obeysOneShot: (Number(features) & entryOneShot) !== 0,
    variablesWritable: writable === "rw",
    wanted: names.find((each) => each !== "") ?? "",
  };
}
