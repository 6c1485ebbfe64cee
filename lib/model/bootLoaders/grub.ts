import { grubDropInPlace } from "../formats/grubDropIn";
import type { BootLoader } from "./types";

/** GRUB as Debian and its descendants have it: update-grub reads a folder of drop-ins. */
export const grub: BootLoader = {
  name: "grub",
  // Elsewhere a script of that name may be there, but nothing reads drop-ins.
  detect: ({ bootLoaders, distribution: { id, idLike } }) =>
    bootLoaders.updateGrub && [id, ...idLike].some((each) => ["debian", "ubuntu"].includes(each)),
  places: () => [grubDropInPlace],
  refresh: (written) => (written.includes(grubDropInPlace.key) ? ["update-grub"] : []),
};
