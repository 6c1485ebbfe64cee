import type { HostFacts, PciDevice } from "../model/facts";
import type { Observation } from "../model/observation";
import { legibleRecord, type HostRecord } from "../model/record";
import { resolveDeclared } from "../model/heldDevices";
import { addressOf } from "../model/selection";
import type { BoundFunction, VfioBindingState } from "../schema";

export interface Selected {
  readonly devices: readonly PciDevice[];
  /** Address by device key: the slot where all of its functions are meant. */
  readonly addresses: Record<string, string>;
  readonly keys: ReadonlyMap<string, string>;
}

/** @param record what the host remembers of the declared devices; none where it is null */
export function select(
  declared: VfioBindingState,
  facts: Pick<HostFacts, "devices">,
  record: HostRecord | null,
): Selected {
  const found = Object.entries(declared.devices ?? {}).map(([key, selector]) => {
    const name = `${declared.name ?? ""}/${key}`;
    const devices = resolveDeclared(name, selector, facts.devices, record?.held ?? {});
    return { key, devices, address: addressOf(devices, facts.devices, selector) };
  });
  return {
    devices: found.flatMap(({ devices }) => devices),
    addresses: Object.fromEntries(found.map(({ key, address }) => [key, address])),
    keys: new Map(found.flatMap(({ key, devices }) => devices.map(({ address }) => [address, key] as const))),
  };
}

/** The functions as they are now, each with the driver that gets it back. */
export function boundFunctions(
  { devices, keys }: Omit<Selected, "addresses">,
  record: HostRecord | null,
  before: VfioBindingState | null,
): Record<string, BoundFunction> {
  return Object.fromEntries(
    devices.map((device) => {
      const { address, driver } = device;
      const own = driver !== null && driver !== "vfio-pci" ? driver : "";
      // What was recorded first stays: a driver that took the device meanwhile is drift.
      const host_driver = recordedDriver(device, before) || record?.hostDrivers[address] || own;
      const bound: BoundFunction = {
        device: keys.get(address) ?? null,
        id: idOf(device),
        class: device.class.slice(0, 4),
        name: device.name,
        driver: driver ?? "",
        host_driver,
      };
      return [address, bound];
    }),
  );
}

/** The driver that this device, or one like it that bus numbers moved, had before it was bound. */
function recordedDriver(device: PciDevice, before: VfioBindingState | null): string | null {
  const functions = before?.functions ?? {};
  const alike = [functions[device.address], ...Object.values(functions)];
  return alike.find((bound) => bound?.id === idOf(device) && bound.host_driver)?.host_driver ?? null;
}

export const idOf = ({ vendor, device }: PciDevice) => `${vendor}:${device}`;

/**
 * What became of the devices that this binding resolved to. They are not resolved anew: if the same words mean
 * another device by now, the plan has to show both.
 */
export function seenAgain(state: VfioBindingState, observation: Observation): VfioBindingState {
  const recorded = state.functions ?? {};
  if (Object.keys(recorded).length === 0) return readBack(state, observation);
  const devices = observation.devices.filter((device) => recorded[device.address]?.id === idOf(device));
  const keys = new Map(Object.entries(recorded).map(([address, { device }]) => [address, device ?? ""]));
  const gone = Object.entries(recorded).map(([address, bound]) => [address, { ...bound, driver: "" }]);
  return {
    ...state,
    functions: {
      ...(Object.fromEntries(gone) as Record<string, BoundFunction>),
      ...boundFunctions({ devices, keys }, legibleRecord(observation.record), state),
    },
    iommu_groups: groupsOf(devices),
    machine_id: observation.machineId,
    assumed: false,
  };
}

function groupsOf(devices: readonly PciDevice[]): Record<string, string> {
  return Object.fromEntries(
    devices.flatMap(({ address, iommuGroup }) => (iommuGroup === null ? [] : [[address, iommuGroup]])),
  );
}

export function readBack(
  state: VfioBindingState,
  observation: Observation,
  before: VfioBindingState | null = state,
  record: HostRecord | null = legibleRecord(observation.record),
): VfioBindingState {
  const seen = {
    ...state,
    id: state.id ?? `${state.host ?? ""}/${state.name ?? ""}`,
    machine_id: observation.machineId,
    assumed: false,
  };
  try {
    const selected = select(state, observation, record);
    const functions = boundFunctions(selected, record, before);
    return {
      ...seen,
      addresses: selected.addresses,
      functions,
      iommu_groups: groupsOf(selected.devices),
    };
  } catch {
    // A device that is not there any more shows as functions that are gone; the plan says the words.
    return { ...seen, addresses: {}, functions: {}, iommu_groups: {} };
  }
}
