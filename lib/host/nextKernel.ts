import { entryId } from "../model/trial/entryName";

/** What speaks for which kernel the boot loader starts next. */
export interface BootChoice {
  /** Releases with an image in /boot. */
  readonly installed: readonly string[];
  /** proxmox-boot-tool's pins; null where there is none. */
  readonly pins: { readonly nextBoot: string | null; readonly always: string | null };
  /** GRUB_DEFAULT as update-grub evaluates it; null without GRUB, or where that cannot be evaluated. */
  readonly grubDefault: string | null;
  /** Variables of GRUB's environment block. */
  readonly grubEnvironment: Readonly<Record<string, string>>;
  /** proxmox-boot-tool makes the entries. */
  readonly proxmoxBootTool: boolean;
  /** null where systemd-boot does not start this host, or proxmox-boot-tool makes its entries. */
  readonly systemdBoot: SystemdBootChoice | null;
}

export interface SystemdBootChoice {
  /** Its entries by id, the file's name, with the kernel of each. */
  readonly entries: Readonly<Record<string, string | null>>;
  /** What may name the entry to start, the strongest first: an id or a pattern; empty for nothing. */
  readonly wanted: readonly string[];
}

/** Release of the kernel that boots next; null where that cannot be told. */
export function nextKernel(choice: BootChoice): string | null {
  const { installed, pins, grubDefault, grubEnvironment, proxmoxBootTool } = choice;
  const newest = [...installed].sort(compareReleases).at(-1) ?? null;
  if (proxmoxBootTool) {
    const pinned = pins.nextBoot ?? pins.always;
    if (pinned === null) return newest;
    return installed.includes(pinned) ? pinned : null;
  }
  if (choice.systemdBoot !== null) return systemdBootKernel(choice.systemdBoot, newest);
  const once = grubEnvironment["next_entry"] ?? "";
  // A trial of ours starts the kernel that starts without it.
  if (once !== "" && !once.endsWith(entryId)) return kernelOfEntry(once, installed, newest);
  if (grubDefault === null) return null;
  if (grubDefault !== "saved") return kernelOfEntry(grubDefault, installed, newest);
  return kernelOfEntry(grubEnvironment["saved_entry"] ?? "", installed, newest);
}

/** systemd-boot takes the newest of those that a pattern fits; @saved is whatever was started last. */
function systemdBootKernel({ entries, wanted }: SystemdBootChoice, newest: string | null): string | null {
  // A trial of ours starts the kernel that starts without it.
  const pattern = wanted.find((each) => each !== "" && each !== `${entryId}.conf`) ?? "";
  if (pattern === "") return newest;
  const form = new RegExp(`^${[...pattern].map(patternPart).join("")}(\\.conf)?$`, "i");
  const fitting = Object.entries(entries).filter(([id]) => form.test(id));
  if (fitting.some(([, release]) => release === null)) return null;
  return (
    fitting
      .flatMap(([, release]) => release ?? [])
      .sort(compareReleases)
      .at(-1) ?? null
  );
}

const patternPart = (letter: string): string =>
  letter === "*" ? ".*" : letter === "?" ? "." : letter.replace(/[^\w]/, "\\$&");

/** The kernel of a menu entry, by position, title or id; the first entry is the newest kernel. */
function kernelOfEntry(entry: string, installed: readonly string[], newest: string | null): string | null {
  if (entry === "" || entry === "0" || /(^|>)gnulinux-simple-/.test(entry)) return newest;
  const last = entry.split(">").at(-1) ?? "";
  const named = installed.filter((release) => words(last).includes(words(release)));
  return named.sort((a, b) => a.length - b.length).at(-1) ?? null;
}

/** So that 6.1.0-1-amd64 is not found in 6.1.0-11-amd64. */
const words = (text: string): string => ` ${text.split(/[\s,()-]+/).join(" ")} `;

/** As `sort -V` and GRUB order releases: digits by number, the rest by letters. */
export function compareReleases(a: string, b: string): number {
  const left = parts(a);
  const right = parts(b);
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [one = "", other = ""] = [left[at], right[at]];
    const numbers = /^\d+$/.test(one) && /^\d+$/.test(other);
    const order = numbers ? Number(one) - Number(other) : one < other ? -1 : one > other ? 1 : 0;
    if (order !== 0) return order;
  }
  return 0;
}

const parts = (release: string): string[] => release.match(/\d+|\D+/g) ?? [];
