import dracutHook from "./scripts/dracutHook.sh";
import dracutModule from "./scripts/dracutModule.sh";
import mkinitcpioHook from "./scripts/mkinitcpioHook.sh";
import mkinitcpioInstall from "./scripts/mkinitcpioInstall.sh";
import initramfsHook from "./scripts/initramfsHook.sh";
import initTop from "./scripts/initTop.sh";
import { asOneFile } from "./deviceScripts";
import type { PciDevice } from "./facts";
import { bootTableLine, compareBootTableLines } from "./topology";

/** Hook of initramfs-tools: puts vfio's modules and the table of devices into every image. */
export const hookScript: string = initramfsHook;

/**
 * Script of the initramfs that runs before udev: finds each device of the table by topology, checks its ids, and
 * gives it to vfio-pci. It leaves alone what is not exactly the device that was meant.
 */
export const initTopScript: string = asOneFile(initTop);

/** The same script where dracut and mkinitcpio pack it: a program that their own hooks start. */
export const earlyProgram: string = initTopScript;

/** dracut's module: packs modules, table and program, and the hook that starts it before udev. */
export const dracutModuleScript: string = dracutModule;
export const dracutHookScript: string = dracutHook;

/** mkinitcpio's build hook, and its hook at run time; an initramfs of systemd runs a unit instead. */
export const mkinitcpioInstallScript: string = mkinitcpioInstall;
export const mkinitcpioHookScript: string = mkinitcpioHook;

/** The table of devices to hold from boot on, a line each, in an order that does not depend on the declaration's. */
export function bootTable(devices: readonly PciDevice[]): string {
  const lines = [...new Set(devices.map(bootTableLine))].sort(compareBootTableLines);
  return lines.map((line) => `${line}\n`).join("");
}
