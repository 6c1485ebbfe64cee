import type { DesiredBoot } from "./bootConfiguration";
import { sha256 } from "./digest";
import type { PciDevice } from "./facts";
import { satisfies, unmetParameters } from "./kernelParameters";
import { parseModprobe, type OptionsLine } from "./modprobe";
import type { Observation } from "./observation";
import { addressNow } from "./heldDevices";
import type { HostRecord } from "./record";
import { isRuntimeOption } from "./runtimeOptions";
import { runsTrial } from "./trial/tag";

/** Whether the running kernel booted what is declared, and if not, whether a reboot would help. */
export interface RebootState {
  readonly required: boolean;
  /** Why, in words a reviewer reads; empty when the declared state is running. */
  readonly reason: string;
}

/** One thing that only a boot brings about. Everything that can be done live has no row here. */
interface BootCondition {
  /** What of the declared state the running kernel has not; a short clause each. */
  unmet(boot: DesiredBoot, observation: Observation, history: History): string[];
}

/** What the host remembers of earlier declarations. */
export interface History {
  readonly departed: HostRecord["departed"];
  readonly build: HostRecord["build"] | null;
  /** The tag of the trial that stands for the declared state. */
  readonly trial: string | null;
}

const conditions: readonly BootCondition[] = [
  {
    unmet(boot, observation) {
      const missing = missingParameters(boot, observation);
      return missing.length > 0 ? [`the running kernel lacks ${missing.join(" ")}`] : [];
    },
  },
  {
    unmet(boot, { bootId, kernel }, { departed }) {
      if (departed.bootId !== bootId) return [];
      const still = departed.parameters.filter(
        (parameter) => satisfies(kernel.commandLine, parameter) && !boot.parameters.includes(parameter),
      );
      return still.length > 0 ? [`the running kernel still has ${still.join(" ")}`] : [];
    },
  },
  {
    unmet: (boot, { modules }) =>
      moduleOptions(boot).flatMap(({ module, name, value }) => {
        const running = modules[module]?.[name];
        if (running === undefined || isRuntimeOption(`${module}.${name}`) || sameSetting(running, value))
          return [];
        return [`${module} runs with ${name}=${running}, not ${value}`];
      }),
  },
  {
    // What cannot be read from a running module counts as booted unless we wrote it during this very boot.
    unmet(boot, { bootId, modules }, { build }) {
      if (build === null || build.bootId !== bootId || build.booted === build.digest) return [];
      const hidden = moduleOptions(boot).filter(
        ({ module, name }) =>
          module !== "vfio_pci" && modules[module] !== undefined && modules[module][name] === undefined,
      );
      return hidden.map(
        ({ module, name, value }) => `${module} was loaded before ${name}=${value} was written`,
      );
    },
  },
  {
    unmet(boot, { devices }) {
      const handedOver = new Set(boot.functions.map(({ address }) => address));
      return blacklisted(boot).flatMap((module) => {
        const held = devices.filter(({ address, driver }) => driver === module && !handedOver.has(address));
        return held.length > 0 ? [`${module}, now blacklisted, drives ${addresses(held)}`] : [];
      });
    },
  },
  {
    unmet(boot, { devices }) {
      const now = new Map(devices.map((device) => [device.address, device]));
      return boot.functions.flatMap(({ address, name, byReboot }) => {
        const driver = now.get(address)?.driver ?? null;
        return byReboot && driver !== null && driver !== "vfio-pci"
          ? [`${address} ${name} leaves ${driver}`]
          : [];
      });
    },
  },
];

/**
 * The declared parameters that this kernel does not run with. Many kernels turn Intel's IOMMU on by themselves: where
 * that is so, nothing has to boot for the parameter that says it.
 */
export function missingParameters(boot: DesiredBoot, observation: Observation): string[] {
  const missing = unmetParameters(observation.kernel.commandLine, boot.parameters);
  return missing.filter((parameter) => parameter !== "intel_iommu=on" || !iommuRuns(boot, observation));
}

/** An IOMMU is there, and every declared function has its group: some kernels leave integrated graphics out. */
function iommuRuns(boot: DesiredBoot, { iommuUnits, devices }: Observation): boolean {
  const declared = new Set(boot.functions.map(({ address }) => address));
  return (
    iommuUnits.length > 0 &&
    devices.some(({ iommuGroup }) => iommuGroup !== null) &&
    devices.every(({ address, iommuGroup }) => iommuGroup !== null || !declared.has(address))
  );
}

/**
 * Decides from what was read whether a reboot is due. A declaration that is unmet although our own reboot for it
 * was its last is blocked: rebooting again would not help.
 */
export function rebootState(
  boot: DesiredBoot,
  digest: string,
  observation: Observation,
  record: HostRecord | null,
  history: History = historyOf(record),
): RebootState {
  const unmet = conditions.flatMap((condition) => condition.unmet(boot, observation, history));
  const due = unmet.length > 0 ? unmet : trialDue(boot, observation, record, history);
  const firmware = firmwareProblem(boot, observation);
  if (due.length === 0) return { required: false, reason: firmware === null ? "" : `blocked: ${firmware}` };
  if (isOwnAttempt(record, digest, observation)) {
    return { required: false, reason: `blocked: ${afterAttempt(observation, history)}: ${due.join("; ")}` };
  }
  return { required: true, reason: due.join("; ") };
}

/** The trial becomes the default once everything in it is proven, not just that it came up. */
function trialDue(
  boot: DesiredBoot,
  observation: Observation,
  record: HostRecord | null,
  { trial }: History,
): string[] {
  if (trial === null) return [];
  return runsTrial(observation.kernel.commandLine, trial)
    ? proofProblems(boot, observation, record, true)
    : ["the trial boot has not been made"];
}

function afterAttempt({ kernel }: Observation, { trial }: History): string {
  if (trial === null) return "still so after the reboot for it";
  return runsTrial(kernel.commandLine, trial)
    ? "still so in the trial boot for it, and the next boot starts what booted before"
    : "the trial boot failed, and what booted before is still the default";
}

/** This boot came of our own reboot for this very declaration. */
export function isOwnAttempt(record: HostRecord | null, digest: string, observation: Observation): boolean {
  const attempt = record?.attempt ?? null;
  return attempt !== null && attempt.digest === digest && attempt.bootId !== observation.bootId;
}

function historyOf(record: HostRecord | null): History {
  return {
    departed: record?.departed ?? { bootId: "", parameters: [] },
    build: record?.build ?? null,
    trial: record?.trial?.tag ?? null,
  };
}

/**
 * What the host will remember once `boot` is written: parameters that left while this kernel runs with them, and
 * what this kernel had booted. A declaration that comes back to what was booted owes no reboot.
 */
export function historyAfter(
  record: HostRecord | null,
  boot: DesiredBoot,
  digest: string,
  observation: Observation,
): History {
  const { bootId, kernel } = observation;
  const earlier = record?.departed.bootId === bootId ? record.departed.parameters : [];
  const ours = [...(record?.boot.parameters ?? []), ...(record?.trial?.before.parameters ?? [])];
  const left = [...earlier, ...ours].filter(
    (parameter) => !boot.parameters.includes(parameter) && satisfies(kernel.commandLine, parameter),
  );
  const build = record?.build;
  const booted =
    build === undefined ? "" : build.bootId === bootId ? build.booted : startedOf(record, kernel);
  return {
    departed: { bootId, parameters: [...new Set(left)] },
    build: { bootId, digest, booted },
    trial: record?.digest === digest ? (record.trial?.tag ?? null) : null,
  };
}

/** Digest of the declaration that this kernel was started with, where it was started after that was written. */
function startedOf(record: HostRecord | null, { commandLine }: Observation["kernel"]): string {
  const trial = record?.trial;
  if (trial !== undefined && !runsTrial(commandLine, trial.tag)) return trial.before.digest;
  return record?.build.digest ?? "";
}

/**
 * The host has booted since this declaration was written, and nobody has proven it: of a reboot that somebody ordered
 * by hand, no event knows.
 */
export function owesProof(record: HostRecord | null, digest: string, { bootId }: Observation): boolean {
  return (
    record !== null &&
    record.digest === digest &&
    record.build.bootId !== bootId &&
    record.proven?.digest !== digest
  );
}

/** Opaque: another one for every boot that is due. */
export function rebootGeneration(digest: string, bootId: string): string {
  return sha256(`${digest} ${bootId}`).slice(0, 16);
}

/**
 * Everything a proof compares; empty when the declared state is what runs. Right after a reboot every declared
 * function must be on vfio-pci; without one, those that bind live are still their binding's to bind.
 */
export function proofProblems(
  boot: DesiredBoot,
  observation: Observation,
  record: HostRecord | null,
  rebooted: boolean,
): string[] {
  const now = new Map(observation.devices.map((device) => [device.address, device]));
  const firmware = firmwareProblem(boot, observation);
  const history = historyOf(record);
  const failed = history.trial !== null && !runsTrial(observation.kernel.commandLine, history.trial);
  return [
    ...(failed
      ? ["the trial boot failed: it came up with what booted before, which is still the default"]
      : []),
    ...conditions.flatMap((condition) => condition.unmet(boot, observation, history)),
    ...(firmware === null ? [] : [firmware]),
    ...boot.functions.flatMap((declared) => {
      const found = now.get(declared.address);
      const title = `${declared.address} ${declared.name}`.trim();
      if (!found) return [`${title} is not there any more`];
      if (`${found.vendor}:${found.device}` !== declared.id) {
        return [
          `${declared.address} is now ${found.vendor}:${found.device} ${found.name}, not ${declared.id}`,
        ];
      }
      return rebooted && found.driver !== "vfio-pci"
        ? [`${title} is held by ${found.driver ?? "no driver"}, not vfio-pci`]
        : [];
    }),
  ];
}

/** The parameters are met and the devices still have no IOMMU group: no reboot can mend that. */
function firmwareProblem(boot: DesiredBoot, observation: Observation): string | null {
  if (unmetParameters(observation.kernel.commandLine, boot.parameters).length > 0) return null;
  const declared = new Set(boot.functions.map(({ address }) => address));
  const without = observation.devices.filter(
    (device) => declared.has(device.address) && device.iommuGroup === null,
  );
  if (without.length === 0) return null;
  const cause =
    observation.firmware.iommuTable === null
      ? "the firmware shows no IOMMU (no DMAR or IVRS table): switch on VT-d or AMD-Vi (IOMMU) in its setup"
      : `the IOMMU is off although the firmware offers it; the running command line is: ${observation.kernel.commandLine.trim()}`;
  return `no IOMMU group for ${addresses(without)}: ${cause}`;
}

interface ModuleOption {
  readonly module: string;
  readonly name: string;
  readonly value: string;
}

function moduleOptions(boot: DesiredBoot): ModuleOption[] {
  const lines = parseModprobe(boot.modprobe.join("\n")).filter(
    (line): line is OptionsLine => line.kind === "options",
  );
  return lines.flatMap(({ module, options }) =>
    options.map((option) => {
      const [name = "", ...value] = option.split("=");
      return { module: underscored(module), name, value: value.length > 0 ? value.join("=") : "Y" };
    }),
  );
}

function blacklisted(boot: DesiredBoot): string[] {
  return parseModprobe(boot.modprobe.join("\n")).flatMap((line) =>
    line.kind === "blacklist" ? [line.module] : [],
  );
}

/** /sys shows booleans as Y and N, numbers in decimal. */
function sameSetting(running: string, declared: string): boolean {
  const canonical = (value: string) =>
    ({ y: "1", n: "0", on: "1", off: "0" })[value.toLowerCase()] ?? value.replace(/^0x/, "");
  return (
    running === declared || canonical(running) === canonical(declared) || Number(running) === Number(declared)
  );
}

const underscored = (module: string) => module.replace(/-/g, "_");

const addresses = (devices: readonly PciDevice[]) => devices.map(({ address }) => address).join(", ");

/** The recorded boot state, its functions at the addresses that they have by now. */
export function bootNow({ boot, held = {} }: HostRecord, devices: readonly PciDevice[]): DesiredBoot {
  const functions = boot.functions.map((found) => ({
    ...found,
    address: addressNow(found.address, devices, held),
  }));
  return { ...boot, functions };
}
