import { randomUUID } from "node:crypto";
import { parseInitramfs, runInitramfs } from "./initramfs/image";
import type { Machine } from "./machine";
import { type BootChoice, grubChoice } from "./programs/grub";
import { blsChoice } from "./programs/grubMkconfig";
import { loaderEntryChoice } from "./programs/kernelInstall";
import { systemdBootChoice } from "./programs/proxmoxBootTool";
import type { BootFault } from "./faults";
import type { Profile } from "./profiles/types";
import { startUnits } from "./programs/systemd";
import { layOutPci } from "./tree/pci";
import { layOutSystem } from "./tree/system";
import { raiseNetwork, stackDisks } from "./tree/stacked";

/**
 * One boot, from the boot loader's own files to the login: what was not written there, or not packed into the
 * initramfs, has no effect. Throws where a real machine would stop.
 */
export async function boot(machine: Machine, fault: BootFault | null): Promise<void> {
  const choice = chosenEntry(machine, fault);
  const { files, profile, modules, loader, state } = machine;
  for (const path of ["/proc", "/sys", "/run", "/dev"]) files.remove(path);
  for (const driver of Object.keys(state.dynamicIds)) delete state.dynamicIds[driver];
  state.virtualFunctions = {};
  if (fault?.machineId) files.write("/etc/machine-id", `${fault.machineId}\n`);

  const words = choice.commandLine.split(/\s+/).filter((word) => !fault?.ignoredParameters?.includes(word));
  files.write("/proc/cmdline", `${words.join(" ")}\n`);
  files.write("/proc/sys/kernel/random/boot_id", `${randomUUID()}\n`);
  const { iommuOffInFirmware } = state.faults;
  layOutSystem(files, profile, choice.release, iommuOffInFirmware ? null : profile.firmware.iommuTable);
  layOutPci(files, profile, iommuOffInFirmware ? "none" : profile.iommu(words));
  machine.log(`Linux version ${choice.release}\nCommand line: ${words.join(" ")}`);

  const hang = state.faults.hangsWith?.find((word) => words.includes(word));
  if (hang !== undefined) throw new Error(`the kernel hangs (${hang})`);

  const builtin = Object.entries(profile.modules).filter(([, module]) => module.builtin);
  for (const [name] of builtin) modules.insert(name, optionsOnCommandLine(words, name));

  const initramfs = parseInitramfs(choice.initramfs);
  if (initramfs) await runInitramfs(machine, initramfs);
  machine.log((files.read("/dev/kmsg") ?? "").trimEnd());
  demand(machine, "the root file system");

  loader.coldplug();
  if (profile.cpu.vendorId !== null)
    loader.load(profile.cpu.vendorId === "AuthenticAMD" ? "kvm_amd" : "kvm_intel");
  for (const name of modulesToLoad(machine)) {
    for (const module of loader.resolve(name)) loader.load(module);
  }
  stackDisks(files, profile);
  await startUnits(machine);
  raiseNetwork(files, profile);
  demand(machine, "the network");
  machine.save();
}

/** The initramfs gives up: with `panic=` on the command line it starts the machine anew. */
export class RootNotFound extends Error {}

/** Without its root disk a host stops in the initramfs; without its network it runs, and nobody hears of it. */
function demand({ profile, drivers }: Machine, wanted: Profile["essential"][number]["use"]): void {
  const driverBy = (address: string) =>
    profile.devices.find((device) => device.address === address)?.gives?.driver;
  for (const { use, anyOf } of profile.essential) {
    if (use !== wanted || anyOf.some((address) => drivers.driverOf(address) === driverBy(address))) continue;
    const found = anyOf.map((address) => `${address}, held by ${drivers.driverOf(address) ?? "no driver"}`);
    const words = `${use} is on ${found.join(" and ")}`;
    throw wanted === "the root file system" ? new RootNotFound(words) : new Error(words);
  }
}

const choices = {
  grub: grubChoice,
  "grub-mkconfig": grubChoice,
  bls: blsChoice,
  "systemd-boot": systemdBootChoice,
  "loader-entries": loaderEntryChoice,
} as const;

function chosenEntry(machine: Machine, fault: BootFault | null): BootChoice {
  const choice = choices[machine.profile.bootLoader.kind](machine, fault?.kernel);
  if (!choice) throw new Error("the boot loader has no entry to start");
  return choice;
}

function optionsOnCommandLine(words: readonly string[], module: string): string[] {
  return words.flatMap((word) => {
    const [, name = "", option = ""] = /^([\w-]+)\.(.+)$/.exec(word) ?? [];
    return name.replace(/-/g, "_") === module ? [option] : [];
  });
}

/** systemd-modules-load: /etc/modules-load.d, by its link there /etc/modules, and what an initramfs left in /run. */
function modulesToLoad({ files }: Machine): string[] {
  const paths = ["/etc/modules-load.d", "/run/modules-load.d"].flatMap((folder) =>
    files.list(folder).map((name) => `${folder}/${name}`),
  );
  return [...new Set(["/etc/modules", ...paths])]
    .flatMap((path) => (files.read(path) ?? "").split("\n"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^[#;]/.test(line));
}
