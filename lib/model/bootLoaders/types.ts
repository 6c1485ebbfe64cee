import type { ParameterPlace } from "../formats/format";
import type { Observation } from "../observation";

export type BootLoaderName = "grub" | "grub-mkconfig" | "grub-bls" | "systemd-boot" | "proxmox-boot-tool";

/** What starts the kernel: where its parameters stand, and what brings them into the next boot. */
export interface BootLoader {
  readonly name: BootLoaderName;
  detect(observation: Observation): boolean;
  /** Every place gets all of our parameters: those that boot, and those that later entries are made of. */
  places(observation: Observation): readonly ParameterPlace[];
  /** The commands that these written places need, and those for kernels with a new initramfs. */
  refresh(
    written: readonly string[],
    rebuilt: readonly string[] | null,
    observation: Observation,
  ): readonly string[];
}
