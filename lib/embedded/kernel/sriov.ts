import type { Machine } from "../machine";
import type { VirtualFunctionSettings } from "../state";
import { addFunction, virtualFunctions } from "../tree/sriov";
import { modaliasOf } from "./aliases";
import { busy, invalidArgument, noSuchFile, outOfRange } from "./errors";

const fresh = (): VirtualFunctionSettings => ({
  mac: "00:00:00:00:00:00",
  vlan: 0,
  trust: false,
  spoofCheck: true,
});

/** A write to sriov_numvfs: from none to some, or to none; the driver does the rest. */
export function setVirtualFunctions(machine: Machine, address: string, value: string): void {
  const { files, profile, drivers, state } = machine;
  const physical = profile.devices.find((device) => device.address === address);
  const folder = `/sys/bus/pci/devices/${address}`;
  const count = Number(value);
  if (physical?.sriov === undefined || !/^\d+$/.test(value.trim())) throw invalidArgument();
  if (count > physical.sriov.total) throw outOfRange();
  const there = virtualFunctions(files, profile, physical);
  if (there.length === count) return;
  if (drivers.driverOf(address) !== physical.sriov.driver) throw noSuchFile();
  if (there.length > 0 && count > 0) throw busy();
  drivers.takeVirtualFunctions(physical);
  files.write(`${folder}/sriov_numvfs`, `${count}\n`);
  state.virtualFunctions = { ...state.virtualFunctions, [address]: Array.from({ length: count }, fresh) };
  const made = virtualFunctions(files, profile, physical);
  made.forEach((device, number) => addFunction(files, profile, device, number));
  // udev hears of them, whether a driver may take them or not.
  const configuration = machine.loader.configuration();
  for (const module of new Set(
    made.flatMap((device) => machine.loader.resolve(modaliasOf(device), configuration)),
  ))
    if (!configuration.blacklist.has(module)) machine.loader.load(module, [], configuration);
  for (const device of made) drivers.probe(device.address);
}
