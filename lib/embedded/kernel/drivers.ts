import type { Files } from "../files";
import type { PciFunction, Profile } from "../profiles/types";
import { appear, vanish } from "../tree/classDevices";
import { deviceFolder } from "../tree/pci";
import { presentDevices, removeFunction, virtualFunctions } from "../tree/sriov";
import { globMatches, idHalves, modaliasOf } from "./aliases";
import { busy, fileExists, invalidArgument, KernelError, noSuchDevice } from "./errors";

/** The PCI bus's driver model: who may hold a function, and what binding and unbinding do to /sys. */
export class Drivers {
  constructor(
    private readonly files: Files,
    private readonly profile: Profile,
    /** Ids written into new_id or given by `vfio-pci.ids`, by driver; lost with a boot. */
    private readonly dynamicIds: Record<string, string[]>,
  ) {}

  driverOf(address: string): string | null {
    const device = this.device(address);
    return device ? this.files.linked(`${this.folder(device)}/driver`) : null;
  }

  override(address: string): string | null {
    const device = this.device(address);
    const text = device ? (this.files.read(`${this.folder(device)}/driver_override`)?.trim() ?? "") : "";
    return text === "" || text === "(null)" ? null : text;
  }

  isLoaded(driver: string): boolean {
    return this.files.exists(`/sys/bus/pci/drivers/${driver}`);
  }

  /** A driver comes with its module, and takes what is free and matches. */
  register(driver: string, module: string, builtin: boolean): void {
    const folder = `/sys/bus/pci/drivers/${driver}`;
    for (const name of ["bind", "unbind", "new_id", "remove_id", "uevent"])
      this.files.write(`${folder}/${name}`, "");
    if (!builtin) {
      this.files.link(`${folder}/module`, `/sys/module/${module}`);
      this.files.link(`/sys/module/${module}/drivers/pci:${driver}`, folder);
    }
    this.attachFree(driver);
  }

  unregister(driver: string): void {
    for (const device of this.present()) {
      if (this.driverOf(device.address) === driver) this.release(device);
    }
    this.files.remove(`/sys/bus/pci/drivers/${driver}`);
    delete this.dynamicIds[driver];
  }

  bind(driver: string, address: string): void {
    const device = this.device(address);
    if (!device || !this.matches(driver, device)) throw noSuchDevice();
    if (this.driverOf(address) !== null) throw busy();
    this.attach(driver, device);
  }

  unbind(driver: string, address: string): void {
    const device = this.device(address);
    if (!device || this.driverOf(address) !== driver) throw noSuchDevice();
    this.release(device);
  }

  /** Writing drivers_probe: the first driver that matches takes the function. */
  probe(address: string): void {
    const device = this.device(address);
    if (!device) throw invalidArgument();
    if (this.driverOf(address) !== null) return;
    for (const driver of this.files.list("/sys/bus/pci/drivers")) {
      if (!this.matches(driver, device)) continue;
      if (this.attachQuietly(driver, device)) return;
    }
  }

  addId(driver: string, text: string): void {
    const id = parseId(text);
    const ids = (this.dynamicIds[driver] ??= []);
    if (ids.includes(id)) throw fileExists();
    ids.push(id);
    this.attachFree(driver);
  }

  removeId(driver: string, text: string): void {
    const id = parseId(text);
    const ids = this.dynamicIds[driver] ?? [];
    if (!ids.includes(id)) throw noSuchDevice();
    this.dynamicIds[driver] = ids.filter((known) => known !== id);
  }

  setOverride(address: string, text: string): void {
    const device = this.device(address);
    if (!device) throw noSuchDevice();
    this.files.write(`${this.folder(device)}/driver_override`, `${text.trim() || "(null)"}\n`);
  }

  private attachFree(driver: string): void {
    if (this.files.read("/sys/bus/pci/drivers_autoprobe")?.trim() === "0") return;
    for (const device of this.present()) {
      if (this.driverOf(device.address) === null && this.matches(driver, device))
        this.attachQuietly(driver, device);
    }
  }

  /** As the bus does on its own: a driver that does not want the function leaves it to the next. */
  private attachQuietly(driver: string, device: PciFunction): boolean {
    try {
      this.attach(driver, device);
      return true;
    } catch (error) {
      if (error instanceof KernelError) return false;
      throw error;
    }
  }

  private matches(driver: string, device: PciFunction): boolean {
    const override = this.override(device.address);
    if (override !== null) return override === driver;
    if (this.dynamicIds[driver]?.includes(device.id)) return true;
    const modalias = modaliasOf(device);
    return Object.values(this.profile.modules).some(
      (module) =>
        module.driver === driver && (module.aliases ?? []).some((pattern) => globMatches(pattern, modalias)),
    );
  }

  private attach(driver: string, device: PciFunction): void {
    const folder = this.folder(device);
    if (!this.mayProbe(device)) throw invalidArgument();
    if (driver === "vfio-pci" && (device.bridge || !this.files.exists(`${folder}/iommu_group`)))
      throw invalidArgument();
    this.files.link(`${folder}/driver`, `/sys/bus/pci/drivers/${driver}`);
    this.files.link(`/sys/bus/pci/drivers/${driver}/${device.address}`, folder);
    if (driver === "vfio-pci") this.files.write(`/dev/vfio/${device.group}`, "");
    if (device.gives?.driver === driver) appear(this.files, this.profile, device);
  }

  /** As Linux has it since 5.4: an override is probed also where the physical function keeps drivers away. */
  private mayProbe({ address, physicalFunction }: PciFunction): boolean {
    if (physicalFunction === undefined || this.override(address) !== null) return true;
    return (
      this.files.read(`/sys/bus/pci/devices/${physicalFunction}/sriov_drivers_autoprobe`)?.trim() !== "0"
    );
  }

  private release(device: PciFunction): void {
    if (device.sriov?.driver === this.driverOf(device.address)) this.takeVirtualFunctions(device);
    const folder = this.folder(device);
    const driver = this.driverOf(device.address);
    this.files.remove(`${folder}/driver`);
    this.files.remove(`/sys/bus/pci/drivers/${driver}/${device.address}`);
    if (device.gives?.driver === driver) vanish(this.files, this.profile, device);
  }

  /** The virtual functions of a physical one leave the bus. */
  takeVirtualFunctions(physical: PciFunction): void {
    const folder = this.folder(physical);
    for (const device of virtualFunctions(this.files, this.profile, physical)) {
      if (this.driverOf(device.address) !== null) this.release(device);
      removeFunction(this.files, this.profile, device);
    }
    for (const name of this.files.list(folder))
      if (name.startsWith("virtfn")) this.files.remove(`${folder}/${name}`);
    this.files.write(`${folder}/sriov_numvfs`, "0\n");
  }

  private device(address: string): PciFunction | undefined {
    return this.present().find((device) => device.address === address);
  }

  /** What stands on the bus now. */
  present(): readonly PciFunction[] {
    return presentDevices(this.files, this.profile);
  }

  private folder(device: PciFunction): string {
    return deviceFolder(device, this.profile.devices);
  }
}

/** `vvvv dddd [subsystem, class, mask, data]` */
function parseId(text: string): string {
  const [vendor, device] = text.trim().split(/\s+/);
  if (!vendor || !device || !/^[0-9a-f]{1,8}$/i.test(vendor) || !/^[0-9a-f]{1,8}$/i.test(device))
    throw invalidArgument();
  return idHalves(`${vendor}:${device}`)
    .map((digits) => digits.toLowerCase().padStart(4, "0"))
    .join(":");
}
