import { bootDigest, desiredBoot, type BootDeclaration, type DesiredBoot } from "./bootConfiguration";
import type { Step } from "./change";
import { sha256 } from "./digest";
import { checkDeclaration } from "./declarationProblems";
import { addressThen, heldDevices, type HeldDevices } from "./heldDevices";
import { neverIommu } from "./iommuSwitch";
import { checkCommandLineLength, unmetParameters } from "./kernelParameters";
import type { ManagerReference } from "./manager";
import type { Observation } from "./observation";
import {
  eitherFiles,
  fileWrites,
  observedFiles,
  ownedFiles,
  type FileWrite,
  type OwnedFiles,
} from "./ownedFiles";
import { paths } from "./paths";
import { detectPlatform, loaderOf, type Platform, type PlatformOverrides } from "./platform";
import { bootNow, historyAfter, rebootState, type History, type RebootState } from "./reboot";
import { parseRecord, printRecord, type HostRecord } from "./record";
import { runtimeSteps } from "./runtimeOptions";
import { commandSteps, needsImage, requiredCommands } from "./requirements";
import { endSteps, recordOf, trialSteps } from "./trial/steps";
import { runsTrial } from "./trial/tag";
import {
  defaultPanicSeconds,
  onlyTrial,
  planTrial,
  trialMeans,
  withoutTrial,
  type Trial,
} from "./trial/trial";
import { refuse } from "./trial/types";

/** Everything that follows from a declaration and what was read of its host. */
export interface HostDecision {
  readonly platform: Platform;
  readonly boot: DesiredBoot;
  readonly digest: string;
  readonly record: HostRecord | null;
  /** Our lines as last written: the base of the merge. */
  readonly base: OwnedFiles;
  /** Our lines as they must stand. */
  readonly files: OwnedFiles;
  /** The files in which they do not stand yet. */
  readonly writes: readonly FileWrite[];
  readonly history: History;
  /** What the declared devices are, to be remembered. */
  readonly held: HeldDevices;
  readonly reboot: RebootState;
  /** What is tried before it becomes the default; `files` and `writes` are then the trial's. */
  readonly trial: Trial | null;
}

/** Throws where the host cannot be understood or a declared device is not there. */
export function decideHost(
  declaration: BootDeclaration,
  overrides: PlatformOverrides,
  observation: Observation,
): HostDecision {
  checkDeclaration(declaration);
  const trialBoot = declaration.trialBoot === true;
  const record = regarding(parseRecord(observation.record), trialBoot);
  const platform = detectPlatform(observation, overrides);
  // Refused whether or not a trial is due now, so that nobody counts on it in vain.
  const means = trialBoot ? trialMeans(platform, observation) : null;
  const boot = desiredBoot(declaration, platform, observation, record?.held);
  const digest = bootDigest(boot);
  checkCommandLines(declaration, platform, boot, observation, record?.files ?? {});
  const held = heldDevices(declaration.devices, boot.functions, observation.devices, record?.held ?? {});
  const decision = decideFiles(boot, digest, platform, observation, record, held);
  const { base, files: final, history, reboot } = decision;
  const unmet = reboot.required || (history.trial !== null && reboot.reason !== "");
  const standing = withoutTrial(base);
  const changesDefault = history.trial !== null || fileWrites(observation, standing, final).length > 0;
  if (means === null || !unmet || !changesDefault) return decision;

  checkProvenDefault(record, observation);
  const before = record?.trial?.before ?? {
    digest: record?.digest ?? "",
    parameters: record?.boot.parameters ?? [],
    modprobe: record?.boot.modprobe ?? [],
  };
  const settings = { panicSeconds: declaration.trialPanicSeconds ?? defaultPanicSeconds };
  const trial = planTrial(means, { boot, digest, settings, base: standing, before, final }, observation);
  return {
    ...decision,
    trial,
    files: { ...observedFiles(observation, standing), ...trial.files },
    writes: fileWrites(observation, onlyTrial(base), trial.files),
  };
}

/** As decideHost without a trial: our lines go where the default boots from. */
function decideFiles(
  boot: DesiredBoot,
  digest: string,
  platform: Platform,
  observation: Observation,
  record: HostRecord | null,
  held: HeldDevices,
): HostDecision {
  const base = record?.files ?? {};
  const history = historyAfter(record, boot, digest, observation);
  const files = ownedFiles(boot, platform, observation, base);
  return {
    platform,
    boot,
    digest,
    record,
    base,
    files,
    // Merged at plan already: a file that our lines cannot be put into is told before anything is touched.
    writes: fileWrites(observation, base, files),
    history,
    held,
    reboot: rebootState(boot, digest, observation, record, history),
    trial: null,
  };
}

/** Once no trial is asked for, what came of one says nothing of an ordinary reboot. */
function regarding(record: HostRecord | null, trialBoot: boolean): HostRecord | null {
  return trialBoot || record?.trial === undefined ? record : { ...record, attempt: null };
}

/** What a trial falls back on must have booted itself. */
function checkProvenDefault(record: HostRecord | null, observation: Observation): void {
  if (record === null || record.trial !== undefined || record.proven?.digest === record.digest) return;
  if (!rebootState(record.boot, record.digest, observation, record).required) return;
  refuse(
    observation.hostname,
    "what it boots by default was written by an earlier deploy and has never booted, so there is nothing proven to fall " +
      "back on. Let that deploy's reboot happen first",
  );
}

/** The steps that make a proven trial the default, decided by what it left on the host. */
export function commitSteps(record: HostRecord, observation: Observation): Step[] {
  const platform = record.platform ?? detectPlatform(observation);
  const decision = decideFiles(
    bootNow(record, observation.devices),
    record.digest,
    platform,
    observation,
    record,
    record.held ?? {},
  );
  return configurationSteps(decision, observation, {
    owner: record.owner,
    allowCritical: record.allowCritical,
    manager: record.manager,
  });
}

/** What others and we make of the kernel's command line must fit, and must not undo what is asked for. */
function checkCommandLines(
  declaration: BootDeclaration,
  platform: Platform,
  boot: DesiredBoot,
  observation: Observation,
  base: OwnedFiles,
): void {
  for (const place of loaderOf(platform).places(observation)) {
    for (const foreign of place.foreign(observation, base[place.key] ?? "")) {
      const line = [foreign.trim(), ...unmetParameters(foreign, boot.parameters)].join(" ");
      checkCommandLineLength(line);
      const off = declaration.iommu ? neverIommu(line, platform.cpuVendor) : null;
      if (off === null) continue;
      throw new Error(
        `The kernel command line of ${observation.hostname} has ${off}, which leaves the IOMMU off whatever else stands ` +
          `there, and it is not ours to remove. Take it out of ${place.source}, then plan again; or set ` +
          "`iommu` to false.",
      );
    }
  }
}

export interface Ownership {
  readonly owner: string;
  readonly allowCritical: readonly string[];
  readonly manager?: ManagerReference | undefined;
}

/** The steps that bring `files` about, and leave behind what the next plan and the reboot command need to know. */
export function configurationSteps(
  decision: HostDecision,
  observation: Observation,
  ownership: Ownership,
): Step[] {
  const { boot, platform, base, files, writes, record, reboot, trial } = decision;
  const commands = requiredCommands(
    writes.map(({ key }) => key),
    platform,
    observation,
    reboot.required,
  );
  const same = record?.digest === decision.digest;
  const proves = trial === null && record?.trial !== undefined && runsTrialOf(decision, observation);
  const after: HostRecord = {
    version: 1,
    owner: ownership.owner,
    boot,
    digest: decision.digest,
    platform,
    build: decision.history.build ?? { bootId: observation.bootId, digest: decision.digest, booted: "" },
    departed: decision.history.departed,
    attempt: same && !proves ? record.attempt : null,
    proven: proves ? { digest: decision.digest, bootId: observation.bootId } : same ? record.proven : null,
    allowCritical: ownership.allowCritical,
    otherImagesPending: otherImagesPending(record, writes, reboot.required, observation),
    held: decision.held,
    hostDrivers: hostDrivers(boot, record, observation),
    files,
    ...(trial === null ? {} : { trial: recordOf(trial) }),
    ...(ownership.manager === undefined ? {} : { manager: ownership.manager }),
  };
  // Whatever a power cut leaves of old and new lines is known as ours.
  const during: HostRecord =
    writes.length === 0 || record === null ? after : { ...record, files: eitherFiles(base, files) };
  return [
    {
      step: "guard",
      addresses: boot.functions.map(({ address }) => address),
      allow: ownership.allowCritical,
    },
    ...recordSteps(observation.record, during),
    ...(trial === null
      ? [...endSteps(record?.trial), ...writes.map(fileStep)]
      : trialSteps(trial, writes, fileStep)),
    ...recordSteps(printRecord(during), after),
    ...commandSteps(commands, observation.pending),
    // What a trial runs with is not written into the running kernel before it.
    ...(trial === null
      ? runtimeSteps(
          observation,
          record?.trial?.before.modprobe ?? record?.boot.modprobe ?? [],
          boot.modprobe,
        )
      : []),
  ];
}

/** The running kernel was started by the trial of this very declaration, which nothing keeps from being the default. */
function runsTrialOf({ record, history, digest, reboot }: HostDecision, { kernel }: Observation): boolean {
  return (
    record?.digest === digest &&
    history.trial !== null &&
    reboot.reason === "" &&
    runsTrial(kernel.commandLine, history.trial)
  );
}

/** The steps that take our lines out again; what others wrote, and what they made of our files, stays. */
export function removalSteps(
  record: HostRecord | null,
  platform: Platform,
  observation: Observation,
  base: OwnedFiles = record?.files ?? {},
): Step[] {
  const writes = fileWrites(observation, base, {});
  const commands = requiredCommands(
    writes.map(({ key }) => key),
    platform,
    observation,
    false,
  );
  return [
    ...endSteps(record?.trial),
    ...writes.map(fileStep),
    ...(observation.record === null ? [] : [removeRecord(observation.record)]),
    ...commandSteps(commands, observation.pending),
    ...runtimeSteps(observation, record?.boot.modprobe ?? [], []),
  ];
}

export function recordSteps(now: string | null, after: HostRecord): Step[] {
  const content = printRecord(after);
  if (content === now) return [];
  return [
    { step: "write", path: paths.record, content, mode: "0600", expect: now === null ? null : sha256(now) },
  ];
}

function removeRecord(now: string): Step {
  return { step: "remove", path: paths.record, expect: sha256(now) };
}

function fileStep({ path, content, mode, now }: FileWrite): Step {
  const expect = now === null ? null : sha256(now);
  return content === null ? { step: "remove", path, expect } : { step: "write", path, content, mode, expect };
}

function otherImagesPending(
  record: HostRecord | null,
  writes: readonly FileWrite[],
  onlyNext: boolean,
  { kernel }: Observation,
): boolean {
  const built = needsImage(writes.map(({ key }) => key));
  const others = kernel.next !== null && kernel.installed.some((release) => release !== kernel.next);
  return built ? onlyNext && others : (record?.otherImagesPending ?? false);
}

/** The driver each function had before us, remembered while vfio-pci holds it. */
function hostDrivers(
  boot: DesiredBoot,
  record: HostRecord | null,
  observation: Observation,
): Record<string, string> {
  const now = new Map(observation.devices.map((device) => [device.address, device]));
  return Object.fromEntries(
    boot.functions.flatMap(({ address }) => {
      const device = now.get(address);
      const driver = device?.driver ?? null;
      const then = device === undefined ? address : addressThen(device, record?.held ?? {});
      const remembered = driver !== null && driver !== "vfio-pci" ? driver : record?.hostDrivers[then];
      return remembered === undefined ? [] : [[address, remembered]];
    }),
  );
}
