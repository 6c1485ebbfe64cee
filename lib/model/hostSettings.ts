import type { Observation } from "./observation";
import { carriesAcsOverride, kernelsWithAcsOverride } from "./kernelRelease";
import { checkModule, moduleName, optionsLine, parseModprobe } from "./modprobe";
import { hugepageParameters, hugepageProblems, type Hugepages } from "./hugepages";
import type { Platform } from "./platform";

/** Settings of a host that are declared by name; null or absent: left as they are. */
export interface HostSettings {
  readonly iommuMode?: string | null;
  readonly acsOverride?: readonly string[] | null;
  readonly hugepages?: Hugepages | null;
  readonly kvm?: KvmSettings | null;
  readonly disableVga?: boolean | null;
  readonly disabledModules?: readonly string[] | null;
  readonly initramfsModules?: readonly string[] | null;
  readonly dracutDrivers?: DracutDrivers | null;
}

export interface KvmSettings {
  readonly ignoreMsrs?: boolean | null;
  readonly reportIgnoredMsrs?: boolean | null;
  readonly nested?: boolean | null;
}

export interface DracutDrivers {
  readonly load?: readonly string[] | null;
  readonly blacklist?: readonly string[] | null;
}

/** The host that a setting is for. */
interface Target {
  readonly platform: Platform;
  readonly observation: Observation;
}

/** What one setting means; every part gets the settings with this one set. */
interface Setting<K extends keyof HostSettings> {
  /** What is wrong with the value, whatever the host. */
  problems?(value: Value<K>): string[];
  /** Kernel parameters; throws where this host cannot have them. */
  parameters?(value: Value<K>, target: Target): string[];
  /** Options of modules, by module; throws where this host cannot have them. */
  options?(value: Value<K>, target: Target): [module: string, options: readonly string[]][];
  /** Other lines of modprobe.d. */
  lines?(value: Value<K>): string[];
}

type Value<K extends keyof HostSettings> = NonNullable<HostSettings[K]>;

const isX86 = ({ architecture }: Observation): boolean => /^(x86_64|i[3-6]86|amd64)$/.test(architecture);
const isArm = ({ architecture }: Observation): boolean => /^(aarch64|arm)/.test(architecture);
const hasBuiltin = ({ builtinModules }: Observation, module: string): boolean =>
  builtinModules.includes(module);

export const iommuModes = ["passthrough", "translated"] as const;
const acsForm = /^(downstream|multifunction|id:[0-9a-f]{4}:[0-9a-f]{4})$/i;

const settings: { readonly [K in keyof HostSettings]-?: Setting<K> } = {
  iommuMode: {
    problems: (mode) =>
      (iommuModes as readonly string[]).includes(mode)
        ? []
        : [`${JSON.stringify(mode)} is no mode of the IOMMU. Expected ${iommuModes.join(" or ")}.`],
    parameters(mode, { observation }) {
      if (isX86(observation)) return [mode === "passthrough" ? "iommu=pt" : "iommu=nopt"];
      if (isArm(observation)) return [`iommu.passthrough=${mode === "passthrough" ? "1" : "0"}`];
      throw new Error(
        `\`iommuMode\` is for x86 and ARM; ${observation.hostname} is ${observation.architecture}, whose IOMMU has no such ` +
          "choice. Leave it out.",
      );
    },
  },
  acsOverride: {
    problems: (parts) => [
      ...(parts.length === 0
        ? ["It is empty. Expected downstream, multifunction or id:vvvv:dddd; or leave it out."]
        : []),
      ...parts
        .filter((part) => !acsForm.test(part))
        .map(
          (part) =>
            `${JSON.stringify(part)} is nothing that ACS can be overridden for. Expected downstream, multifunction or ` +
            "id:vvvv:dddd, such as id:8086:a110.",
        ),
    ],
    parameters(parts, { observation: { kernel, hostname } }) {
      const release = kernel.next ?? kernel.release;
      if (carriesAcsOverride(release) === null) {
        throw new Error(
          `The kernel that boots next on ${hostname}, ${release}, is not known to carry the ACS override patch: Linux ` +
            `itself does not have it, ${kernelsWithAcsOverride} do. If this one was built with it, declare ` +
            `\`kernelParameters: ["pcie_acs_override=${parts.join(",")}"]\`; else leave \`acsOverride\` out.`,
        );
      }
      return [`pcie_acs_override=${parts.join(",").toLowerCase()}`];
    },
  },
  hugepages: {
    problems: hugepageProblems,
    parameters: (hugepages, { observation }) => hugepageParameters(hugepages, observation),
  },
  kvm: {
    options({ ignoreMsrs = null, reportIgnoredMsrs = null, nested = null }, { platform, observation }) {
      const kvm = [...flag("ignore_msrs", ignoreMsrs), ...flag("report_ignored_msrs", reportIgnoredMsrs)];
      if (nested !== null && platform.cpuVendor === "other") {
        throw new Error(
          `\`kvm.nested\` is for CPUs of Intel and AMD, and ${observation.hostname} has another. Leave it out.`,
        );
      }
      return [
        ["kvm", kvm],
        [`kvm_${platform.cpuVendor}`, flag("nested", nested)],
      ];
    },
  },
  disableVga: {
    // modprobe.d does not reach what is built into the kernel.
    parameters: (disabled, { observation }) =>
      disabled && hasBuiltin(observation, "vfio_pci") ? ["vfio_pci.disable_vga=1"] : [],
    options: (disabled, { observation }) =>
      disabled && !hasBuiltin(observation, "vfio_pci") ? [["vfio-pci", ["disable_vga=1"]]] : [],
  },
  disabledModules: {
    problems: (modules) => modules.flatMap(moduleProblem).concat(modules.flatMap(needed)),
    lines: (modules) =>
      [...new Set(modules)].sort().flatMap((module) => [`blacklist ${module}`, `alias ${module} off`]),
  },
  initramfsModules: { problems: (modules) => modules.flatMap(moduleProblem) },
  dracutDrivers: {
    problems: ({ load, blacklist }) => [
      ...[...(load ?? []), ...(blacklist ?? [])].flatMap(moduleProblem),
      ...(blacklist ?? []).flatMap(needed),
    ],
    parameters({ load, blacklist }, { platform, observation }) {
      const parameters = [
        ...list("rd.driver.pre", load ?? []),
        ...list("rd.driver.blacklist", blacklist ?? []),
      ];
      if (parameters.length > 0 && platform.initramfs !== "dracut") {
        throw new Error(
          `\`dracutDrivers\` is for an initramfs of dracut, and ${observation.hostname} has one of ` +
            `${platform.initramfs}. Leave it out: bound devices are held from boot on without it.`,
        );
      }
      return parameters;
    },
  },
};

/** What is wrong with the settings, whatever the host, by setting. */
export function settingProblems(
  declared: HostSettings,
  modprobeOptions: Readonly<Record<string, string>>,
): { of: keyof HostSettings; words: string }[] {
  return each(declared, (of, setting, value) => [
    ...(setting.problems?.(value) ?? []).map((words) => ({ of, words })),
    ...twice(of, value, modprobeOptions).map((words) => ({ of, words })),
  ]);
}

/** Throws where the host cannot have what is declared. */
export function settingParameters(declared: HostSettings, target: Target): string[] {
  return each(declared, (_of, setting, value) => setting.parameters?.(value, target) ?? []);
}

/** Lines of modprobe.d, with those options of vfio-pci that come from the bindings. */
export function settingLines(
  declared: HostSettings,
  target: Target,
  vfioOptions: readonly string[],
): string[] {
  const options = new Map<string, string[]>([["vfio-pci", [...vfioOptions]]]);
  const lines: string[] = [];
  each(declared, (_of, setting, value) => {
    for (const [module, more] of setting.options?.(value, target) ?? [])
      options.set(module, [...(options.get(module) ?? []), ...more]);
    lines.push(...(setting.lines?.(value) ?? []));
    return [];
  });
  return [
    ...[...options].flatMap(([module, found]) =>
      found.length > 0 ? [optionsLine(module, found.join(" "))] : [],
    ),
    ...lines,
  ];
}

/** Calls with every setting that is set, in the order of the table. */
function each<T>(
  declared: HostSettings,
  of: (name: keyof HostSettings, setting: Setting<never>, value: never) => T[],
): T[] {
  return (Object.keys(settings) as (keyof HostSettings)[]).flatMap((name) => {
    const value = declared[name] ?? null;
    return value === null ? [] : of(name, settings[name] as Setting<never>, value as never);
  });
}

/** An option that is set by name and among `modprobeOptions` too, where one of them could only lose. */
function twice(
  of: keyof HostSettings,
  value: unknown,
  modprobeOptions: Readonly<Record<string, string>>,
): string[] {
  const names = optionsByName[of]?.(value as never) ?? [];
  return Object.entries(modprobeOptions).flatMap(([module, text]) =>
    parseModprobe(`options ${module} ${text}`).flatMap((line) =>
      line.kind !== "options"
        ? []
        : line.options
            .map((option) => `${moduleName(line.module)}.${option.split("=")[0] ?? ""}`)
            .filter((name) => names.some((form) => form.test(name)))
            .map((name) => `${name} is among \`modprobeOptions\` too. Declare it in one place.`),
    ),
  );
}

const optionsByName: Readonly<Partial<Record<keyof HostSettings, (value: never) => RegExp[]>>> = {
  kvm: ({ ignoreMsrs = null, reportIgnoredMsrs = null, nested = null }: KvmSettings) => [
    ...(ignoreMsrs !== null ? [/^kvm\.ignore_msrs$/] : []),
    ...(reportIgnoredMsrs !== null ? [/^kvm\.report_ignored_msrs$/] : []),
    ...(nested !== null ? [/^kvm_(intel|amd)\.nested$/] : []),
  ],
  disableVga: () => [/^vfio_pci\.disable_vga$/],
};

function flag(name: string, value: boolean | null): string[] {
  return value === null ? [] : [`${name}=${value ? "1" : "0"}`];
}

function list(name: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [`${name}=${[...new Set(values)].join(",")}`];
}

function moduleProblem(module: string): string[] {
  try {
    checkModule(module);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function needed(module: string): string[] {
  return /^vfio(_|$)/.test(moduleName(module))
    ? [`${JSON.stringify(module)} is what passthrough stands on. Leave it out.`]
    : [];
}
