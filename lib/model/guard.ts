import type { CriticalUse, HostFacts, PciDevice } from "./facts";
import { namesFunction } from "./pciAddress";

export type GuardFacts = Pick<HostFacts, "devices" | "critical"> & {
  /** What the host lives on and whose device the probe could not find, in words. */
  readonly unresolved?: readonly string[];
};

/** Why a function should stay with the host. */
export interface LockOutFinding {
  readonly address: string;
  readonly kind: CriticalUse["kind"];
  readonly use: string;
  /** The function that carries the use, where it is another one of the same IOMMU group. */
  readonly via?: string;
  /** The next boot would stop without it, whatever the author allows. */
  readonly neededToBoot?: true;
}

export interface LockOut {
  readonly refused: readonly LockOutFinding[];
  readonly warnings: readonly LockOutFinding[];
}

/**
 * Whether the host can do without these functions. What it or this session lives on is refused, and so is what
 * shares an IOMMU group with it, unless `allow` names the function that carries the use, or its slot. What the next
 * boot would stop without is refused in any case.
 */
export function lockOut(facts: GuardFacts, addresses: readonly string[], allow: readonly string[]): LockOut {
  const allowed = (address: string) => allow.some((named) => namesFunction(named, address));
  const excused = new Set(facts.critical.filter(({ address }) => allowed(address)).map(({ use }) => use));
  const bridges = new Set(facts.devices.filter(({ bridge }) => bridge).map(({ address }) => address));
  const refused: LockOutFinding[] = [];
  const warnings: LockOutFinding[] = [];

  for (const address of new Set(addresses)) {
    const device = facts.devices.find((candidate) => candidate.address === address);
    const carriers = [
      address,
      ...groupOf(facts.devices, device).filter((other) => !addresses.includes(other)),
    ];
    for (const carrier of carriers) {
      // A bridge only passes on what hangs below it, which the author may have named.
      const uses = facts.critical.filter(
        (found) =>
          found.address === carrier &&
          (found.neededToBoot || !(allowed(carrier) || (bridges.has(carrier) && excused.has(found.use)))),
      );
      for (const { kind, use, essential, neededToBoot } of uses) {
        const list = essential ? refused : warnings;
        // A bridge of the group carries what hangs below it, which is often in the group itself.
        if (list.some((known) => known.address === address && known.use === use)) continue;
        list.push({
          address,
          kind,
          use,
          ...(carrier === address ? {} : { via: carrier }),
          ...(neededToBoot ? { neededToBoot } : {}),
        });
      }
    }
    for (const words of allowed(address) ? [] : (facts.unresolved ?? [])) {
      const kind = unseenKinds.find(({ prefix }) => device?.class.startsWith(prefix))?.kind;
      const use = `may carry what could not be traced to a device: ${words}`;
      (kind ? refused : warnings).push({ address, kind: kind ?? "other", use });
    }
  }
  return { refused, warnings };
}

// What cannot be traced is a disk or a network interface: of those, the unknown one may be any.
const unseenKinds = [
  { prefix: "01", kind: "disk" },
  { prefix: "02", kind: "network" },
] as const;

/** Every function of the device's group: those that can carry something first, bridges last. */
function groupOf(devices: readonly PciDevice[], device: PciDevice | undefined): string[] {
  const group = device?.iommuGroup ?? null;
  if (group === null) return [];
  const others = devices.filter((other) => other.iommuGroup === group && other !== device);
  return [...others.filter((other) => !other.bridge), ...others.filter((other) => other.bridge)].map(
    (other) => other.address,
  );
}

const kindInWords: Readonly<Record<CriticalUse["kind"], string>> = {
  disk: "disk controller",
  network: "network interface",
  display: "display (VGA)",
  esp: "disk with an EFI system partition (ESP)",
  console: "console",
  chipset: "part of the chipset",
  usb: "USB controller",
  guest: "device of a guest",
  other: "device",
};

/** `0000:03:00.0 is a disk controller of the host: carries / (/dev/nvme0n1p3).` */
export function describeLockOut({ address, kind, use, via }: LockOutFinding): string {
  return via === undefined
    ? `${address} is a ${kindInWords[kind]} the host needs: ${use}.`
    : `${address} shares its IOMMU group with ${via}, a ${kindInWords[kind]} the host needs: ${use}.`;
}

/** What the host would lose, function by function, and what to do. */
export function lockOutMessage(host: string, refused: readonly LockOutFinding[]): string {
  const allowable = refused.filter(({ neededToBoot }) => !neededToBoot);
  const named = [...new Set(allowable.map(({ address, via }) => via ?? address))];
  return [
    `Host ${host} would lose what it or this session lives on:`,
    ...refused.map((finding) => `  ${describeLockOut(finding)}`),
    [
      "Choose another device.",
      ...(named.length > 0
        ? [`If the host can do without it, name it: allowCritical: ${JSON.stringify(named)}.`]
        : []),
      ...(refused.length > allowable.length
        ? [
            "What the next boot looks for cannot be allowed: first take its line out of the file, or add nofail to the options there.",
          ]
        : []),
    ].join(" "),
  ].join("\n");
}
