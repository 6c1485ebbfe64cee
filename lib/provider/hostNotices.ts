import { rebootOrder } from "../host/rebootOrder";
import { guestAdvice, guestsWithVga } from "../hypervisors/proxmox/advice";
import { adviceOn, adviceWords } from "../model/advice";
import type { BootDeclaration } from "../model/bootConfiguration";
import { firmwareWarnings } from "../model/firmware";
import type { HostFacts } from "../model/facts";
import type { HostDecision } from "../model/hostDecision";
import { hugepageMemory } from "../model/hugepages";
import { markWords } from "../model/manager";
import type { Observation } from "../model/observation";
import type { RebootState } from "../model/reboot";
import { parsePreparation } from "../model/rebootPreparation";
import type { HostRecord } from "../model/record";
import { parseDrain, stageOf } from "../model/drain";
import { guestWords, runningGuests, type RunningGuest } from "../model/runningGuests";
import { describeTools } from "../model/tools";
import type { Diagnostic } from "../plugin/types";
import type { IommuHostState } from "../schema";
import { failure, warning, wordsOf } from "./diagnostics";
import { handOverProblems } from "./handOver";
import type { KeptConnection } from "./hosts";

export function refusals(
  name: string,
  facts: HostFacts,
  decision: HostDecision,
  owners: readonly (string | null | undefined)[],
  declared: IommuHostState,
): Diagnostic[] {
  return [
    ...foreignOwner(name, decision.record, owners),
    ...missingPrograms(name, facts),
    ...hugepageNotices(name, facts, declared),
    ...darkDisplays(name, facts, declared),
    ...handOverProblems(name, facts, decision.boot.functions, declared.allow_critical ?? []),
  ];
}

function missingPrograms(name: string, { missingTools }: HostFacts): Diagnostic[] {
  if (missingTools.length === 0) return [];
  return [
    failure(
      `${name} lacks programs that a change needs`,
      `Not found there: ${describeTools(missingTools)}. Install them with the host's package manager, then plan again. Nothing was touched.`,
    ),
  ];
}

function foreignOwner(
  name: string,
  record: HostRecord | null,
  owners: readonly (string | null | undefined)[],
): Diagnostic[] {
  if (record === null || owners.includes(record.owner)) return [];
  return [
    failure(
      `${name} belongs to another declaration`,
      `${record.owner} configures this host already. Nothing was touched. Destroy it there first, or give both the same \`owner\` if they are one.`,
      ["owner"],
    ),
  ];
}

/** A reboot starts the kernel that the boot loader has next, which may be another one than runs now. */
export function kernelNotices(
  name: string,
  { required }: RebootState,
  { kernel }: Observation,
): Diagnostic[] {
  if (!required || kernel.next === null || kernel.next === kernel.release) return [];
  return [
    warning(
      `The reboot of ${name} also changes its kernel`,
      `It runs ${kernel.release}; the boot loader starts ${kernel.next} next.`,
    ),
  ];
}

/**
 * Who stops with the host, and who cannot leave it. Containers and VMs of the host, also those that no stack names; what
 * a manager places there leaves through it.
 */
export function guestNotices(
  name: string,
  { managed_by: manager }: Pick<IommuHostState, "managed_by">,
  { required }: RebootState,
  facts: Pick<HostFacts, "proxmox" | "libvirt">,
): Diagnostic[] {
  const unmanaged = manager === null || manager === undefined;
  const guests = required && unmanaged ? runningGuests(facts) : [];
  if (guests.length === 0) return [];
  const bound = guests.filter(({ passed }) => passed.length > 0);
  const managed = guests.filter(({ highlyAvailable }) => highlyAvailable);
  const lost = guests.filter(({ transient }) => transient);
  const say = (words: string, list: readonly RunningGuest[]) =>
    list.length > 0 ? [`${words}: ${list.map(guestWords).join(", ")}.`] : [];
  return [
    warning(
      `The reboot of ${name} stops ${guests.length} running ${guests.length === 1 ? "guest" : "guests"}`,
      [
        ...say("They shut down before it and start again after it", guests),
        ...say("With devices of the host, so that they cannot move", bound),
        ...say("High availability decides where these run meanwhile", managed),
        ...say("Nobody could start these again, so that the reboot is refused while they run", lost),
      ].join(" "),
    ),
  ];
}

/** What an earlier reboot took from the host is not back. */
export function drainNotices(name: string, drain: string | null): Diagnostic[] {
  if (drain === null) return [];
  return [
    warning(
      `Not everything is back on ${name} that left it for its reboot`,
      `${drainWords(drain)} The next deploy brings it back, once it has proven the host; \`npx passthrough reboot --resume\` does so by hand.`,
    ),
  ];
}

function drainWords(drain: string): string {
  try {
    const { entries = [], managed } = parseDrain(drain) ?? {};
    return [
      ...entries.map((entry) => `${stageOf(entry).words(entry)}.`),
      ...(managed === undefined ? [] : [`${markWords(managed)}.`]),
    ].join(" ");
  } catch (error) {
    return wordsOf(error);
  }
}

/** What is wrong with what is declared to happen before a reboot. */
export function preparationProblems({ host, before_reboot: declared }: IommuHostState): Diagnostic[] {
  try {
    if (declared !== null) parsePreparation(declared);
    return [];
  } catch (error) {
    return [failure(`Unable to use before_reboot of ${host ?? ""}`, wordsOf(error), ["before_reboot"])];
  }
}

/** Somebody has to order the reboot: said for as long as it is due. */
export function manualNotices(
  name: string,
  declared: IommuHostState,
  { required, reason }: RebootState,
  connection: KeptConnection,
): Diagnostic[] {
  if (!required || declared.reboot !== "manual") return [];
  return [
    warning(
      `A reboot of ${name} is due, and waits for you`,
      `${reason}. Its reboots are manual: order it with \`${rebootOrder(connection, parsePreparation(declared.before_reboot ?? "{}"))}\`, then deploy again. Until then nothing that needs this boot is proven, and bindings that need it fail.`,
      ["reboot"],
    ),
  ];
}

/** What a declared setting opens or takes away. */
const risks: readonly {
  readonly of: keyof IommuHostState;
  readonly summary: string;
  readonly words: string;
  applies(declared: IommuHostState): boolean;
}[] = [
  {
    of: "allow_unsafe_interrupts",
    applies: (declared) => declared.allow_unsafe_interrupts === true,
    summary: "will allow unsafe interrupts",
    words:
      "A guest with a passed-through device can then send the host forged interrupts (MSI attacks). For trusted guests on hardware without interrupt remapping only.",
  },
  {
    of: "acs_override",
    applies: (declared) => (declared.acs_override ?? []).length > 0,
    summary: "will take devices for isolated that may not be",
    words:
      "The ACS override splits IOMMU groups although the hardware does not separate the devices: one may write into the memory of another directly, past the IOMMU. A guest can then read and change the memory of a guest with such a device, or of the host. For trusted guests only.",
  },
  {
    of: "disable_vga",
    applies: (declared) => declared.disable_vga === true,
    summary: "takes no card into VGA arbitration",
    words:
      "disable_vga is for every card that vfio-pci holds on this host: one that a guest with SeaBIOS has as its first display (x-vga) shows nothing then. Guests with OVMF are as before.",
  },
];

export function riskNotices(name: string, declared: IommuHostState): Diagnostic[] {
  return risks
    .filter(({ applies }) => applies(declared))
    .map(({ of, summary, words }) => warning(`${name} ${summary}`, words, [of]));
}

/** What the firmware has switched off. */
export function firmwareNotices(
  declaration: BootDeclaration,
  { platform }: HostDecision,
  observation: Observation,
): Diagnostic[] {
  return firmwareWarnings(declaration, platform, observation).map(([summary, words]) =>
    warning(summary, words),
  );
}

/** Guests with SeaBIOS whose first display is a passed card, which disable_vga would leave dark. */
function darkDisplays(name: string, facts: HostFacts, declared: IommuHostState): Diagnostic[] {
  if (declared.disable_vga !== true) return [];
  const dark = guestsWithVga(facts);
  if (dark.length === 0) return [];
  return [
    warning(
      `VMs of ${name} would show nothing`,
      `${dark.join(", ")}: a card is the first display (x-vga) of a guest with SeaBIOS, and disable_vga takes that away. Give them OVMF, or leave \`disableVga\` out.`,
      ["disable_vga"],
    ),
  ];
}

function hugepageNotices(name: string, facts: HostFacts, declared: IommuHostState): Diagnostic[] {
  const found = hugepageMemory({ pools: declared.hugepages?.pools ?? null }, facts.memory);
  if (found === null) return [];
  return [
    (found.enough ? warning : failure)(
      found.enough ? `${name} keeps little memory for itself` : `${name} has not that much memory`,
      found.words,
      ["hugepages"],
    ),
  ];
}

/** What is declared, or stands on the host already, and does not do what it was written for. */
export function adviceNotices(
  name: string,
  declaration: BootDeclaration,
  { platform, boot, base }: HostDecision,
  observation: Observation,
  facts: HostFacts | null,
): Diagnostic[] {
  const advice = [
    ...adviceOn({ declaration, platform, observation, functions: boot.functions, base }),
    ...(facts === null ? [] : guestAdvice(facts)),
  ];
  return advice.map((each) => warning(...adviceWords(name, each)));
}

export function trialNotices(name: string, { trial }: HostDecision): Diagnostic[] {
  if (trial === null) return [];
  return [
    warning(
      `${name} tries its next boot once`,
      `Its default stays as it is until the trial boot (${trial.entry}) is proven. A kernel that panics, or finds no root ` +
        "file system, starts the machine anew by itself. A boot that hangs needs a power cycle, and then finds the default.",
      ["trial_boot"],
    ),
  ];
}

export function destroyNotices(before: IommuHostState | null): Diagnostic[] {
  if (before === null) return [];
  return [
    warning(
      `${before.host ?? ""} keeps its running kernel`,
      "Our lines leave its files now; the kernel stays configured as it is until its next boot. Destroy never reboots.",
    ),
  ];
}
