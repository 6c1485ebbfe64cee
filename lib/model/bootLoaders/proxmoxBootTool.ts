import { commandLinePlace } from "../formats/commandLineFile";
import { grubDropInPlace } from "../formats/grubDropIn";
import type { BootLoader } from "./types";

const places = { uefi: commandLinePlace, grub: grubDropInPlace } as const;

/** Proxmox VE's own tool manages ESPs for systemd-boot and for GRUB: each reads its own file, a mixed host both. */
export const proxmoxBootTool: BootLoader = {
  name: "proxmox-boot-tool",
  detect: ({ bootLoaders }) => bootLoaders.proxmoxBootTool && bootLoaders.proxmoxBootUuids.length > 0,
  places({ bootLoaders, firmware }) {
    const modes = new Set(Object.values(bootLoaders.espModes));
    if (modes.size === 0) modes.add(firmware.efi ? "uefi" : "grub");
    return (["uefi", "grub"] as const).filter((mode) => modes.has(mode)).map((mode) => places[mode]);
  },
  // It also copies a new image to every ESP.
  refresh: (written, rebuilt) =>
    rebuilt === null || rebuilt.length > 0 || written.some((key) => keys.includes(key))
      ? ["proxmox-boot-tool refresh"]
      : [],
};

const keys: readonly string[] = Object.values(places).map(({ key }) => key);
