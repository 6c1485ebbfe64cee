/** Whether a release such as `6.8.12-4-pve` is older than `major.minor`. */
export function isOlderThan(release: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = release.split(".").map((part) => parseInt(part, 10));
  return a < major || (a === major && b < minor);
}

/** Builds of the kernel that carry the ACS override patch, which Linux itself never took, by their release's name. */
const withAcsOverride: readonly { readonly release: RegExp; readonly name: string }[] = [
  { release: /-pve$/, name: "Proxmox VE" },
  { release: /-zen\d*-\d|-zen$/, name: "linux-zen" },
  { release: /liquorix/, name: "Liquorix" },
  { release: /xanmod/, name: "XanMod" },
];

/** Whose kernel it is, where it is one that knows `pcie_acs_override`; null where that cannot be told by its name. */
export function carriesAcsOverride(release: string): string | null {
  return withAcsOverride.find((kernel) => kernel.release.test(release))?.name ?? null;
}

/** In words: `Proxmox VE, linux-zen and ...`. */
export const kernelsWithAcsOverride: string = withAcsOverride
  .map(({ name }) => name)
  .join(", ")
  .replace(/, ([^,]+)$/, " and $1");
