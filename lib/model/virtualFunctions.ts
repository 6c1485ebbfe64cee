import type { SriovFacts, VirtualFunctionFacts } from "./facts";
import { sha256 } from "./digest";
import type { Observation } from "./observation";
import type { PciDevice } from "./facts";
import { formatPciAddress, isPciAddress, parsePciAddress } from "./pciAddress";
import { bootTableLine, topologyOf } from "./topology";

/** What the network card keeps for one virtual function. */
export interface FunctionSettings {
  readonly mac: string | null;
  /** 0 for none. */
  readonly vlan: number | null;
  readonly trust: boolean | null;
  readonly spoofCheck: boolean | null;
}

/** What an author declares of the virtual functions of one physical function. */
export interface VirtualFunctionsDeclaration {
  readonly name: string;
  /** Address of the physical function. */
  readonly of: string;
  readonly count: number;
  /** By number; what is not set has its default. */
  readonly settings: Readonly<Record<string, FunctionSettings>>;
}

/** A physical function that can have virtual ones. */
export interface PhysicalFunction {
  readonly device: PciDevice;
  readonly sriov: SriovFacts;
}

/** One declared virtual function. */
export interface DeclaredFunction {
  readonly number: number;
  /** null where the kernel does not tell where it will stand. */
  readonly address: string | null;
  /** `vvvv:dddd`; null where the kernel does not tell. */
  readonly id: string | null;
  /** All of them null where the physical function is no network interface. */
  readonly settings: FunctionSettings;
  /** The keys of the settings that the author named, or that must hold. */
  readonly asked: readonly (keyof FunctionSettings)[];
}

const none: FunctionSettings = { mac: null, vlan: null, trust: null, spoofCheck: null };

/** What a driver gives a new function. */
const defaults = { vlan: 0, trust: false, spoofCheck: true } as const;

/** @throws an Error naming what is wrong with the physical function, and what to do. */
export function physicalFunction(
  declaration: Pick<VirtualFunctionsDeclaration, "of" | "count">,
  { devices, sriov }: Pick<Observation, "devices" | "sriov">,
): PhysicalFunction {
  const address = formatPciAddress(parsePciAddress(declaration.of));
  const device = devices.find((found) => found.address === address);
  const facts = sriov[address];
  const able = Object.keys(sriov);
  const others =
    able.length > 0 ? `Able to are: ${able.join(", ")}.` : "No device of this host shows that it is able to.";
  if (device === undefined) throw new Error(`There is no PCI device ${address}. ${others}`);
  const titled = `${address} ${device.name}`.trim();
  if (device.physicalFunction !== null) {
    throw new Error(`${titled} is itself a virtual function of ${device.physicalFunction}. Name that one.`);
  }
  if (facts === undefined) {
    throw new Error(
      `${titled} cannot make virtual functions (SR-IOV). ${others} Where the card should be able to, switch SR-IOV on ` +
        "in the firmware (often an option of the slot or of the card).",
    );
  }
  if (device.driver === "vfio-pci") {
    throw new Error(
      `${titled} is bound to vfio-pci, and only its own driver makes virtual functions. Take it out of its VfioBinding.`,
    );
  }
  if (device.driver === null) {
    throw new Error(
      `${titled} has no driver now, and only its own driver makes virtual functions. Load it; if it is blacklisted, take it out there.`,
    );
  }
  if (declaration.count > facts.total) {
    throw new Error(
      `${titled} makes ${facts.total} virtual functions at most, and ${declaration.count} are declared.`,
    );
  }
  return { device, sriov: facts };
}

/** Where a virtual function stands: the routing id of its physical one, an offset, and a stride for each before it. */
export function virtualFunctionAddress(
  physical: string,
  { offset, stride }: Pick<SriovFacts, "offset" | "stride">,
  number: number,
): string | null {
  if (offset === 0) return null;
  const { domain, bus, device, function: fn } = parsePciAddress(physical);
  const id = ((bus << 8) | (device << 3) | (fn ?? 0)) + offset + stride * number;
  return id > 0xffff
    ? null
    : formatPciAddress({ domain, bus: id >> 8, device: (id >> 3) & 0x1f, function: id & 7 });
}

/** Whether a virtual function that is not there yet would stand at this address. */
export function mayBecomeFunction(address: string, sriov: Readonly<Record<string, SriovFacts>>): boolean {
  if (!isPciAddress(address)) return false;
  const wanted = formatPciAddress(parsePciAddress(address));
  return Object.entries(sriov).some(([physical, facts]) =>
    Array.from({ length: facts.total }, (_, number) => number).some(
      (number) => virtualFunctionAddress(physical, facts, number) === wanted,
    ),
  );
}

/**
 * The address that a function has where none is declared: made of the machine, the card's place and the function's
 * number, so that it is the same at every boot. Locally administered, for one station.
 */
export function stableMac(machineId: string, physical: PciDevice, number: number): string {
  const digits = sha256(`${machineId} ${topologyOf(physical)} ${number}`).slice(0, 10);
  return ["02", ...(digits.match(/../g) ?? [])].join(":");
}

/** Every declared function, with what it gets where nothing is declared. */
export function declaredFunctions(
  { count, settings }: Pick<VirtualFunctionsDeclaration, "count" | "settings">,
  { device, sriov }: PhysicalFunction,
  machineId: string,
): DeclaredFunction[] {
  return Array.from({ length: count }, (_, number) => {
    const own = settings[String(number)] ?? none;
    const isNetwork = sriov.port !== null;
    const keys = Object.keys(none) as (keyof FunctionSettings)[];
    return {
      number,
      address: virtualFunctionAddress(device.address, sriov, number),
      id: sriov.device === "" ? null : `${device.vendor}:${sriov.device}`,
      settings: isNetwork
        ? {
            mac: own.mac?.toLowerCase() ?? stableMac(machineId, device, number),
            vlan: own.vlan ?? defaults.vlan,
            trust: own.trust ?? defaults.trust,
            spoofCheck: own.spoofCheck ?? defaults.spoofCheck,
          }
        : own,
      asked: keys.filter((key) => own[key] !== null || (isNetwork && key === "mac")),
    };
  });
}

/** Numbers of the functions whose settings are not as declared; what a driver does not tell counts where it was asked for. */
export function unlike(
  declared: readonly DeclaredFunction[],
  there: Readonly<Record<string, VirtualFunctionFacts>>,
): number[] {
  return declared
    .filter((wanted) => differences(wanted, there[wanted.number]).length > 0)
    .map(({ number }) => number);
}

/** The settings of a function that are not as declared. */
export function differences(
  { settings, asked }: DeclaredFunction,
  there: VirtualFunctionFacts | undefined,
): (keyof FunctionSettings)[] {
  return (Object.keys(none) as (keyof FunctionSettings)[]).filter((key) => {
    const now = there?.[key] ?? null;
    return settings[key] !== null && now !== settings[key] && (now !== null || asked.includes(key));
  });
}

const words: Readonly<Record<keyof FunctionSettings, string>> = {
  mac: "mac",
  vlan: "vlan",
  trust: "trust",
  spoofCheck: "spoofchk",
};

/** The table that the boot program reads: which physical function, how many, and what the card keeps for each. */
export function functionsTable({ device }: PhysicalFunction, declared: readonly DeclaredFunction[]): string {
  const pairs = (settings: FunctionSettings, keys: readonly (keyof FunctionSettings)[]) =>
    keys.flatMap((key) => (settings[key] === null ? [] : [`${words[key]} ${inWords(settings[key])}`]));
  const line = (kind: string, number: number, said: readonly string[]) =>
    said.length > 0 ? [`${kind} ${number} ${said.join(" ")}`] : [];
  return [
    `physical ${bootTableLine(device)}`,
    `count ${declared.length}`,
    ...declared.flatMap(({ number, settings, asked }) => [
      ...line("function", number, pairs(settings, asked)),
      ...line(
        "default",
        number,
        pairs(
          settings,
          (Object.keys(words) as (keyof FunctionSettings)[]).filter((key) => !asked.includes(key)),
        ),
      ),
    ]),
    "",
  ].join("\n");
}

function inWords(value: string | number | boolean): string {
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}
