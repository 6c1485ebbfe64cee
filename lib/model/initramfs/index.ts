import { dracut } from "./dracut";
import { initramfsTools as debian } from "./initramfsTools";
import { mkinitcpio } from "./mkinitcpio";
import type { InitramfsName, InitramfsTool } from "./types";

export type { InitramfsName, InitramfsTool } from "./types";

/** Every initramfs builder that is known. */
export const initramfsTools: readonly InitramfsTool[] = [debian, dracut, mkinitcpio];

export const initramfsNames: readonly string[] = initramfsTools.map(({ name }) => name);

export function initramfsTool(name: InitramfsName): InitramfsTool {
  const found = initramfsTools.find((tool) => tool.name === name);
  if (!found) throw new Error(`There is no initramfs builder ${name}.`);
  return found;
}
