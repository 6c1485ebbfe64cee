import type { BootDeclaration } from "./bootConfiguration";
import { describeDevice } from "./selector";
import { decideHost } from "./hostDecision";
import { parseKernelParameters, satisfies } from "./kernelParameters";
import { moduleName, parseModprobe, type ModprobeLine } from "./modprobe";
import type { Observation } from "./observation";
import { concernsPassthrough, moduleNames } from "./passthroughNames";
import { slotOf } from "./pciAddress";
import { detectPlatform, loaderOf } from "./platform";

/** A host's passthrough as it stands, in the words of a declaration. */
export interface HostDescription {
  /** Declaring it changes nothing on the host and needs no reboot. Without devices; see `devices`. */
  readonly declaration: BootDeclaration;
  /** What vfio-pci holds from boot on. */
  readonly devices: readonly DescribedDevice[];
  /** As it runs now, whatever the next boot does. */
  readonly iommuIsOn: boolean;
  /** What concerns passthrough and cannot be declared without changing the host, a clause each. */
  readonly leftOut: readonly string[];
}

/** A slot that vfio-pci holds from boot on, or one function of it. */
export interface DescribedDevice {
  readonly address: string;
  /** Class of its first function, six hex digits. */
  readonly class: string;
  readonly iommuGroup: string | null;
  /** In words, for a comment. */
  readonly words: string;
}

/** One thing that may be part of the declaration. */
interface Piece {
  readonly add: (declaration: BootDeclaration) => BootDeclaration;
  /** What to say where it cannot be; nothing where nobody misses it. */
  readonly otherwise?: string;
}

const nothing: BootDeclaration = {
  iommu: false,
  kernelParameters: [],
  vfioModules: false,
  modules: [],
  modprobeOptions: {},
  blacklist: [],
  softdeps: {},
  devices: {},
  allowUnsafeInterrupts: false,
};

/**
 * Describes a host that nobody has declared yet. Whatever seems to concern passthrough is tried on the very decision
 * that a plan makes: it is part of the description where declaring it changes nothing.
 * @param inUse addresses of what running VMs have: their hypervisor took it from its driver
 * @throws an Error where the host cannot be understood, or is declared already.
 */
export function describeHost(
  observation: Observation,
  inUse: ReadonlySet<string> = new Set(),
): HostDescription {
  const left = Object.keys(observation.files).find((path) => path.includes("cdktf-passthrough"));
  if (observation.record !== null || left !== undefined)
    throw new Error(
      `${observation.hostname} is declared already: ${left ?? "a record of cdktf-passthrough"} stands there. ` +
        "The stack that declares it describes it.",
    );
  // Says here what is wrong with the host itself.
  decideHost(nothing, {}, observation);
  const leftOut: string[] = [];
  const declaration = [
    ...switches,
    ...modulePieces(observation),
    ...parameterPieces(observation),
    ...modprobePieces(observation),
  ].reduce((sofar, { add, otherwise }) => {
    const next = add(sofar);
    if (stands(next, observation)) return next;
    if (otherwise !== undefined) leftOut.push(otherwise);
    return sofar;
  }, nothing);
  const { devices, otherwise } = heldDevices(declaration, observation, inUse);
  const iommuIsOn = observation.devices.some(({ iommuGroup }) => iommuGroup !== null);
  return { declaration, devices, iommuIsOn, leftOut: [...leftOut, ...otherwise] };
}

/** Whether a declaration of this host would change nothing there. */
function stands(declaration: BootDeclaration, observation: Observation): boolean {
  try {
    const { writes, reboot } = decideHost(declaration, {}, observation);
    return writes.length === 0 && !reboot.required && reboot.reason === "";
  } catch {
    return false;
  }
}

const switches: readonly Piece[] = [
  { add: (declaration) => ({ ...declaration, iommu: true }) },
  { add: (declaration) => ({ ...declaration, vfioModules: true }) },
];

function modulePieces({ files }: Observation): Piece[] {
  const lines = Object.entries(files)
    .filter(([path]) => path === "/etc/modules" || path.startsWith("/etc/modules-load.d/"))
    .flatMap(([, text]) => text.split("\n"))
    .map((line) => line.trim());
  const modules = unique(lines.filter((line) => moduleNames.loaded.test(moduleName(line))));
  return modules.map((module) => ({
    add: (declaration) =>
      declaration.vfioModules && /^vfio(_pci|_iommu_type1|_virqfd)?$/.test(moduleName(module))
        ? declaration
        : { ...declaration, modules: [...declaration.modules, module] },
    otherwise: `the module ${module}, loaded at boot`,
  }));
}

function parameterPieces(observation: Observation): Piece[] {
  const configured = loaderOf(detectPlatform(observation))
    .places(observation)
    .flatMap((place) => place.foreign(observation, ""));
  const concerned = (line: string) =>
    parseKernelParameters(line)
      .filter(({ name }) => concernsPassthrough(name))
      .map(({ raw }) => raw);
  const running = observation.kernel.commandLine;
  return unique([...configured, running].flatMap(concerned)).map((parameter) => ({
    add: (declaration) =>
      declaration.iommu && parameter === "intel_iommu=on"
        ? declaration
        : { ...declaration, kernelParameters: [...declaration.kernelParameters, parameter] },
    otherwise: `the kernel parameter ${parameter}${
      !satisfies(running, parameter)
        ? ", configured but not what the running kernel booted"
        : !configured.every((line) => satisfies(line, parameter))
          ? ", which the kernel runs with but will not always boot with again"
          : ""
    }`,
  }));
}

function modprobePieces({ files }: Observation): Piece[] {
  const lines = Object.entries(files)
    .filter(([path]) => path.startsWith("/etc/modprobe.d/"))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, text]) => parseModprobe(text));
  return [...optionPieces(lines), ...blacklistPieces(lines), ...softdepPieces(lines)];
}

/** Several lines of one module add up, and the last of a name wins. */
function optionPieces(lines: readonly ModprobeLine[]): Piece[] {
  const modules = new Map<string, Map<string, string>>();
  for (const line of lines) {
    if (line.kind !== "options" || !moduleNames.options.test(moduleName(line.module))) continue;
    const options = modules.get(line.module) ?? new Map<string, string>();
    for (const option of line.options) options.set(option.split("=")[0] ?? option, option);
    modules.set(line.module, options);
  }
  return [...modules].flatMap(([module, options]): Piece[] => {
    const unsafe = moduleName(module) === "vfio_iommu_type1" && options.has("allow_unsafe_interrupts");
    // The bindings say which devices are held.
    const rest = [...options].filter(
      ([name]) =>
        !(name === "ids" && moduleName(module) === "vfio_pci") &&
        !(unsafe && name === "allow_unsafe_interrupts"),
    );
    const text = rest.map(([, option]) => option).join(" ");
    return [
      ...(unsafe
        ? [{ add: (declaration: BootDeclaration) => ({ ...declaration, allowUnsafeInterrupts: true }) }]
        : []),
      ...(text === ""
        ? []
        : [
            {
              add: (declaration: BootDeclaration) => ({
                ...declaration,
                modprobeOptions: { ...declaration.modprobeOptions, [module]: text },
              }),
              otherwise: `the options of ${module}: ${text}`,
            },
          ]),
    ];
  });
}

function blacklistPieces(lines: readonly ModprobeLine[]): Piece[] {
  const modules = lines.flatMap((line) =>
    line.kind === "blacklist" && moduleNames.blacklisted.test(moduleName(line.module)) ? [line.module] : [],
  );
  return unique(modules).map((module) => ({
    add: (declaration) => ({ ...declaration, blacklist: [...declaration.blacklist, module] }),
    otherwise: `${module}, which is blacklisted`,
  }));
}

/** kmod takes the first softdep line of a module. */
function softdepPieces(lines: readonly ModprobeLine[]): Piece[] {
  return lines.flatMap((line): Piece[] => {
    if (line.kind !== "softdep" || !line.pre.some((name) => moduleName(name) === "vfio_pci")) return [];
    const text = Object.entries({ pre: line.pre, post: line.post })
      .filter(([, names]) => names.length > 0)
      .map(([when, names]) => `${when}: ${names.join(" ")}`)
      .join(" ");
    return [
      {
        add: (declaration) =>
          line.module in declaration.softdeps
            ? declaration
            : { ...declaration, softdeps: { ...declaration.softdeps, [line.module]: text } },
        otherwise: `the soft dependency of ${line.module} on ${line.pre.join(" ")}`,
      },
    ];
  });
}

/** Slot by slot, and function by function where a slot is not held as a whole. */
function heldDevices(
  declaration: BootDeclaration,
  observation: Observation,
  inUse: ReadonlySet<string>,
): { devices: DescribedDevice[]; otherwise: string[] } {
  const functions = observation.devices.filter(({ bridge }) => !bridge);
  const held = functions.filter(({ driver }) => driver === "vfio-pci");
  const devices: DescribedDevice[] = [];
  const otherwise: string[] = [];
  let sofar = declaration;
  const take = (address: string): boolean => {
    const next = { ...sofar, devices: { ...sofar.devices, [address]: { address } } };
    if (!stands(next, observation)) return false;
    sofar = next;
    return true;
  };
  for (const slot of unique(held.map(({ address }) => slotOf(address)))) {
    const inSlot = functions.filter(({ address }) => slotOf(address) === slot);
    const heldInSlot = inSlot.filter(({ driver }) => driver === "vfio-pci");
    const described = (address: string, [first, ...rest]: typeof inSlot): DescribedDevice[] =>
      first === undefined
        ? []
        : [
            {
              address,
              class: first.class,
              iommuGroup: first.iommuGroup,
              words: [first, ...rest]
                .map(({ name, vendor, device }) => name || `${vendor}:${device}`)
                .join(", "),
            },
          ];
    if (heldInSlot.length === inSlot.length && take(slot)) {
      devices.push(...described(slot, inSlot));
      continue;
    }
    for (const found of heldInSlot) {
      if (take(found.address)) devices.push(...described(found.address, [found]));
      else if (!inUse.has(found.address))
        otherwise.push(
          `${describeDevice(found)}, on vfio-pci now, but nothing was found that holds it from boot on`,
        );
    }
  }
  return { devices, otherwise };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
