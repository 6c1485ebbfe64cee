import { entryFolders, ownEntries } from "./bootEntries";
import type { Observation } from "./observation";

/** A kind of host whose boot files are not its administrator's to edit. */
interface RefusedHost {
  readonly name: string;
  /** What shows it, in words; null where it is not one. */
  evidence(observation: Observation): string | null;
  /** What to do instead. */
  readonly instead: string;
}

const when = (found: boolean, words: string): string | null => (found ? words : null);

/** The first that fits is named. */
const refusedHosts: readonly RefusedHost[] = [
  {
    name: "an oVirt Node",
    evidence: ({ bootEvidence: { variant, programs } }) =>
      when(
        variant === "ovirt-node" || programs.includes("nodectl"),
        "its system is an image layer that an update replaces",
      ),
    instead:
      "Set the kernel parameters in the engine (host, Edit, Kernel: Hostdev Passthrough), then reinstall the host there; " +
      "or use an Enterprise Linux host.",
  },
  {
    name: "an ostree system",
    evidence: ({ bootEvidence, kernel }) =>
      when(
        bootEvidence.ostree || /(^|\s)ostree=/.test(kernel.commandLine),
        "its boot entries belong to its deployments",
      ),
    instead:
      "Use its own tools: `rpm-ostree kargs --append-if-missing=intel_iommu=on`, and `rpm-ostree initramfs --enable` for " +
      "what must be in the initramfs.",
  },
  {
    name: "a transactional system",
    evidence: ({ bootEvidence: { programs, rootReadOnly } }) =>
      when(programs.includes("transactional-update") && rootReadOnly, "/ is a read-only snapshot"),
    instead:
      "Use its own tools: edit /etc/default/grub, then `transactional-update grub.cfg` and `transactional-update initrd`.",
  },
  {
    name: "booted from a unified kernel image",
    evidence: ({ bootEvidence: { stub } }) =>
      when(stub !== "", `the kernel's command line is part of the image (${stub})`),
    instead:
      "Under Secure Boot nothing beside the image counts. Boot a plain kernel with its own initramfs, or put the parameters " +
      "into the image's command line and build it anew by hand.",
  },
  {
    name: "managed by sdbootutil",
    evidence: (observation) =>
      when(
        observation.bootEvidence.programs.includes("sdbootutil") &&
          entryFolders.some(
            (folder) => folder !== "/boot/loader/entries" && ownEntries(observation, folder).length > 0,
          ),
        "its boot entries belong to its snapshots",
      ),
    instead:
      "Use its own tools: edit /etc/kernel/cmdline, then `sdbootutil update-all-entries`; or install it with GRUB.",
  },
  {
    name: "a NixOS system",
    evidence: ({ distribution }) =>
      when(distribution.id === "nixos", "its files are made of its configuration"),
    instead: "Declare `boot.kernelParams` and `boot.initrd.kernelModules` in its configuration.",
  },
  {
    name: "an IBM Z system",
    evidence: ({ architecture }) => when(architecture === "s390x", "zipl writes its boot record"),
    instead: "It is not supported.",
  },
  {
    name: "a host with a read-only root file system",
    evidence: ({ bootEvidence: { rootReadOnly } }) =>
      when(rootReadOnly, "what is written does not last or cannot be written"),
    instead: "If it is an image-based system, use its own tools; else mount / writable. Then plan again.",
  },
];

/**
 * Checks that the host's boot files may be written.
 * @throws an Error naming the kind of host, what shows it and what to do instead.
 */
export function checkHostKind(observation: Observation): void {
  for (const { name, evidence, instead } of refusedHosts) {
    const found = evidence(observation);
    if (found === null) continue;
    const { hostname, distribution } = observation;
    throw new Error(
      `${hostname} (${distribution.prettyName}) is ${name}: ${found}. It is left alone. ${instead}`,
    );
  }
}
