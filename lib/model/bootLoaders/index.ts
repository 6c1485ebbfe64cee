import { grub } from "./grub";
import { grubBls } from "./grubBls";
import { grubMkconfig } from "./grubMkconfig";
import { proxmoxBootTool } from "./proxmoxBootTool";
import { systemdBoot } from "./systemdBoot";
import type { BootLoader, BootLoaderName } from "./types";

export type { BootLoader, BootLoaderName } from "./types";

/** Every boot loader that is known; the first that a host shows is the one that boots it. */
export const bootLoaders: readonly BootLoader[] = [proxmoxBootTool, systemdBoot, grubBls, grub, grubMkconfig];

export const bootLoaderNames: readonly string[] = bootLoaders.map(({ name }) => name);

export function bootLoader(name: BootLoaderName): BootLoader {
  const found = bootLoaders.find((loader) => loader.name === name);
  if (!found) throw new Error(`There is no boot loader ${name}.`);
  return found;
}
