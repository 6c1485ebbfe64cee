import type { VirtualFunctionFacts } from "../model/facts";
import type { Observation } from "../model/observation";
import { isPciAddress, normalisePciAddress } from "../model/pciAddress";
import {
  declaredFunctions,
  functionsTable,
  physicalFunction,
  type DeclaredFunction,
  type FunctionSettings,
  type PhysicalFunction,
  type VirtualFunctionsDeclaration,
} from "../model/virtualFunctions";
import { observedFunctionFiles, plannedFunctionFiles } from "../model/virtualFunctionFiles";
import { UNKNOWN, type Unknown } from "../plugin/types";
import type { VirtualFunctionState, VirtualFunctionsState } from "../schema";
import type { Planned } from "./values";

/** What a declaration comes to on one host. */
export interface FunctionsDecision {
  readonly physical: PhysicalFunction;
  readonly declared: readonly DeclaredFunction[];
  readonly table: string;
  /** The count differs, and every function is made anew. */
  readonly anew: boolean;
}

export function declarationOf(state: VirtualFunctionsState): VirtualFunctionsDeclaration {
  return {
    name: state.name ?? "",
    of: state.of ?? "",
    count: state.function_count ?? 0,
    settings: Object.fromEntries(
      Object.entries(state.settings ?? {}).map(([number, { mac, vlan, trust, spoof_check }]) => [
        number,
        { mac, vlan, trust, spoofCheck: spoof_check },
      ]),
    ),
  };
}

/** @throws an Error where the host cannot make these functions. */
export function decideFunctions(state: VirtualFunctionsState, observation: Observation): FunctionsDecision {
  const declaration = declarationOf(state);
  const physical = physicalFunction(declaration, observation);
  const declared = declaredFunctions(declaration, physical, observation.machineId);
  return {
    physical,
    declared,
    table: functionsTable(physical, declared),
    anew: physical.sriov.count !== declaration.count,
  };
}

/** The state with everything in it that can be read of the host. */
export function readBack(state: VirtualFunctionsState, observation: Observation): VirtualFunctionsState {
  const there = Object.entries(observation.sriov[physicalOf(state)]?.functions ?? {});
  const devices = new Map(observation.devices.map((device) => [device.address, device]));
  return {
    ...state,
    id: idOf(state),
    addresses: Object.fromEntries(there.map(([number, { address }]) => [number, address])),
    functions: Object.fromEntries(
      there.map(([number, found]) => {
        const device = devices.get(found.address);
        return [
          found.address,
          {
            device: number,
            id: device === undefined ? null : `${device.vendor}:${device.device}`,
            driver: device?.driver ?? "",
            ...settingsOf(found),
          },
        ];
      }),
    ),
    iommu_groups: Object.fromEntries(
      there.flatMap(([, { address }]) => {
        const group = devices.get(address)?.iommuGroup ?? null;
        return group === null ? [] : [[address, group]];
      }),
    ),
    files: observedFunctionFiles(state.name ?? "", observation),
    machine_id: observation.machineId,
    assumed: false,
  };
}

/** What the functions come to, in the words of the state; null where the kernel does not tell where they will stand. */
export function plannedFunctions({ declared, physical, anew }: FunctionsDecision): {
  addresses: Record<string, string>;
  functions: Record<string, Planned<VirtualFunctionState>>;
} | null {
  const there = anew ? {} : physical.sriov.functions;
  const placed = declared.map((one) => ({ ...one, address: there[one.number]?.address ?? one.address }));
  if (placed.some(({ address }) => address === null)) return null;
  return {
    addresses: Object.fromEntries(placed.map(({ number, address }) => [String(number), address ?? ""])),
    functions: Object.fromEntries(
      placed.map((one) => [
        one.address ?? "",
        {
          device: String(one.number),
          id: one.id ?? UNKNOWN,
          driver: "vfio-pci",
          ...settingsAfter(one, there[one.number]),
        },
      ]),
    ),
  };
}

/** Not every driver tells trust and spoof check: of a function that it makes anew, they are known where they are asked for. */
function settingsAfter(
  { settings, asked }: DeclaredFunction,
  now: VirtualFunctionFacts | undefined,
): Pick<Planned<VirtualFunctionState>, "mac" | "vlan" | "trust" | "spoof_check"> {
  const after = <K extends keyof FunctionSettings>(key: K): FunctionSettings[K] | Unknown => {
    if (asked.includes(key) || settings[key] === null) return settings[key];
    if (now === undefined) return key === "vlan" ? settings[key] : UNKNOWN;
    return now[key] === null ? null : settings[key];
  };
  return { mac: after("mac"), vlan: after("vlan"), trust: after("trust"), spoof_check: after("spoofCheck") };
}

function settingsOf({ mac, vlan, trust, spoofCheck }: VirtualFunctionFacts) {
  return { mac, vlan, trust, spoof_check: spoofCheck };
}

export function plannedFiles(
  state: VirtualFunctionsState,
  { table }: FunctionsDecision,
): Record<string, string> {
  return plannedFunctionFiles(state.name ?? "", table);
}

/** Address of the physical function, as the kernel writes it. */
export function physicalOf({ of }: Pick<VirtualFunctionsState, "of">): string {
  return isPciAddress(of ?? "") ? normalisePciAddress(of ?? "") : "";
}

export function idOf({ host, name }: Pick<VirtualFunctionsState, "host" | "name">): string {
  return `${host ?? ""}/${name ?? ""}`;
}

/** Nothing of the host is known: all that it would tell is unknown. */
export function undecided(next: Planned<VirtualFunctionsState>): Planned<VirtualFunctionsState> {
  const { host, name } = next;
  return {
    ...next,
    id: host === UNKNOWN || name === UNKNOWN ? UNKNOWN : idOf({ host, name }),
    addresses: UNKNOWN,
    functions: UNKNOWN,
    iommu_groups: UNKNOWN,
    files: UNKNOWN,
    machine_id: UNKNOWN,
    assumed: false,
  };
}
