import type { DesiredBoot } from "./bootConfiguration";
import type { HeldDevices } from "./heldDevices";
import type { OwnedFiles } from "./ownedFiles";
import type { ManagerReference } from "./manager";
import { paths } from "./paths";
import type { Platform } from "./platform";
import type { TrialRecord } from "./trial/trial";

/**
 * What we leave on the host beside its configuration: whose declaration it is, what was declared for boot and what
 * became of it. It is what lets a plan, a reboot command and a later run agree on whether a reboot is due.
 */
export interface HostRecord {
  readonly version: 1;
  /** The declaration that owns this host. */
  readonly owner: string;
  /** The declared boot state. */
  readonly boot: DesiredBoot;
  readonly digest: string;
  /** What the host boots with, as detected or set by hand; a record of an earlier version has none. */
  readonly platform?: Platform;
  /** When the declared state was written, and what the kernel of that moment had booted (a digest). */
  readonly build: { readonly bootId: string; readonly digest: string; readonly booted: string };
  /** Parameters that left the declaration while `bootId` ran with them. */
  readonly departed: { readonly bootId: string; readonly parameters: readonly string[] };
  /** Our own reboot that no proof has followed yet: the boot it ended, for which declaration. */
  readonly attempt: { readonly digest: string; readonly bootId: string } | null;
  readonly proven: { readonly digest: string; readonly bootId: string } | null;
  /** Functions the author hands over although the host needs them. */
  readonly allowCritical: readonly string[];
  /** The initramfs images of other kernels than the next one are still as before, to fall back on until a proof. */
  readonly otherImagesPending: boolean;
  /** What each declared device was, by `binding/device`; a record of an earlier version has none. */
  readonly held?: HeldDevices;
  /** The driver that gets each function back, by address. */
  readonly hostDrivers: Readonly<Record<string, string>>;
  /** Our lines as we last wrote them, by file: the base of the next merge. */
  readonly files: OwnedFiles;
  /** `boot` is tried by an entry of its own; what boots by default is as it was. */
  readonly trial?: TrialRecord;
  /** What takes the host out of service before a reboot, for one that is ordered by hand. */
  readonly manager?: ManagerReference;
}

/** The record that stands on a host; null where there is none. Throws where it cannot be read. */
export function parseRecord(text: string | null): HostRecord | null {
  if (text === null || text.trim() === "") return null;
  let record: HostRecord;
  try {
    record = JSON.parse(text) as HostRecord;
  } catch (error) {
    throw new Error(`${paths.record} on the host is not JSON (${String(error)}). ${mend}`);
  }
  if (typeof record !== "object" || record === null)
    throw new Error(`${paths.record} on the host is no record. ${mend}`);
  // Loosely typed here: it may be of any version, or somebody's own work.
  if ((record.version as unknown) !== 1) {
    throw new Error(
      `The record of cdktf-passthrough on the host has version ${String(record.version)}; this package knows version 1. ` +
        `Update the package.`,
    );
  }
  const missing = (["owner", "boot", "digest", "build", "departed", "hostDrivers", "files"] as const).filter(
    (part) => typeof record[part] !== (part === "owner" || part === "digest" ? "string" : "object"),
  );
  if (missing.length > 0) throw new Error(`${paths.record} on the host lacks ${missing.join(", ")}. ${mend}`);
  return record;
}

const mend = "Restore it from /var/lib/cdktf-passthrough/preimages there, or move it away; then plan again.";

/** As parseRecord; null also where it cannot be read, which the host's own resource tells. */
export function legibleRecord(text: string | null): HostRecord | null {
  try {
    return parseRecord(text);
  } catch {
    return null;
  }
}

export function printRecord(record: HostRecord): string {
  return JSON.stringify(record, null, 2) + "\n";
}
