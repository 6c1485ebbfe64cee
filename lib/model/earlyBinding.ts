import initramfsHook from "./scripts/initramfsHook.sh";
import initTop from "./scripts/initTop.sh";
import type { PciDevice } from "./facts";
import { bootTableLine, compareBootTableLines } from "./topology";

/** Hook of initramfs-tools: puts vfio's modules and the table of devices into every image. */
export const hookScript: string = initramfsHook;

/**
 * Script of the initramfs that runs before udev: finds each device of the table by topology, checks its ids, and
 * gives it to vfio-pci. It leaves alone what is not exactly the device that was meant.
 */
export const initTopScript: string = initTop;

/** The table of devices to hold from boot on, a line each, in an order that does not depend on the declaration's. */
export function bootTable(devices: readonly PciDevice[]): string {
  const lines = [...new Set(devices.map(bootTableLine))].sort(compareBootTableLines);
  return lines.map((line) => `${line}\n`).join("");
}
