import type { Observation } from "./observation";

/** Memory that is set apart in huge pages as the kernel boots. */
export interface Hugepages {
  /** The size that a program gets which asks for none; the kernel's own is 2M on x86. */
  readonly defaultSize?: string | null;
  /** How many pages, by their size. */
  readonly pools?: Readonly<Record<string, number>> | null;
}

const form = /^([1-9]\d*)([KMG])$/;

/** What is wrong with a declaration of huge pages, whatever the host. */
export function hugepageProblems({ defaultSize = null, pools = null }: Hugepages): string[] {
  const sizes = [...(defaultSize === null ? [] : [defaultSize]), ...Object.keys(pools ?? {})];
  const known = Object.keys(pools ?? {}).map(bytesOf);
  return [
    ...(sizes.length === 0 ? ['It names no page. Expected pages by size, such as { "1G": 16 }.'] : []),
    ...sizes
      .filter((size) => !form.test(size))
      .map((size) => `${JSON.stringify(size)} is not the size of a page. Expected such as 2M or 1G.`),
    ...Object.entries(pools ?? {})
      .filter(([, count]) => !Number.isInteger(count) || count < 0)
      .map(([size, count]) => `${count} is not a number of pages of ${size}. Expected a whole number.`),
    ...(new Set(known).size < known.length ? ["It names the same size twice, written differently."] : []),
  ];
}

/**
 * Pairs, each size before its count: the kernel reads them by their places. The largest first, as that many are
 * hardest to find.
 * @throws an Error where the host's CPU has no pages of a size.
 */
export function hugepageParameters(
  { defaultSize = null, pools = null }: Hugepages,
  observation: Observation,
): string[] {
  const sizes = Object.entries(pools ?? {}).sort(([one], [other]) => bytesOf(other) - bytesOf(one));
  const all = [...(defaultSize === null ? [] : [defaultSize]), ...sizes.map(([size]) => size)];
  const [foreign] = all.filter(
    (size) => observation.architecture === "x86_64" && ![2 * 1024 ** 2, 1024 ** 3].includes(bytesOf(size)),
  );
  if (foreign !== undefined) {
    throw new Error(
      `${observation.hostname} has no pages of ${foreign}: an x86 CPU has huge pages of 2M and 1G. Declare one of them.`,
    );
  }
  return [
    ...(defaultSize === null ? [] : [`default_hugepagesz=${defaultSize}`]),
    ...sizes.flatMap(([size, count]) => [`hugepagesz=${size}`, `hugepages=${count}`]),
  ];
}

/** What is left of a host's memory must be enough for the host itself. */
export function hugepageMemory(
  { pools }: Hugepages,
  memoryKibibytes: number,
): { readonly enough: boolean; readonly words: string } | null {
  const taken = Object.entries(pools ?? {}).reduce((sum, [size, count]) => sum + bytesOf(size) * count, 0);
  const memory = memoryKibibytes * 1024;
  if (memory === 0 || taken <= memory * 0.9) return null;
  const gibibytes = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
  return {
    enough: taken < memory,
    words:
      `The huge pages take ${gibibytes(taken)}, and the host has ${gibibytes(memory)}. Nothing else can use them: ` +
      "neither the host itself nor a guest that is not configured for them. Declare fewer.",
  };
}

function bytesOf(size: string): number {
  const [, number, unit = ""] = form.exec(size) ?? [];
  return number === undefined ? NaN : Number(number) * 1024 ** (" KMG".indexOf(unit) || 0);
}
