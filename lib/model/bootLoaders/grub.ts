import { grubDropInPlace } from "../formats/grubDropIn";
import type { BootLoader } from "./types";

/** GRUB as Debian and its descendants have it: update-grub reads a folder of drop-ins. */
export const grub: BootLoader = {
  name: "grub",
  detect: ({ bootLoaders }) => bootLoaders.updateGrub,
  places: () => [grubDropInPlace],
  refresh: (written) => (written.includes(grubDropInPlace.key) ? ["update-grub"] : []),
};
