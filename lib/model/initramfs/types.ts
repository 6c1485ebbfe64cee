import type { Format } from "../formats/format";
import type { Observation } from "../observation";

export type InitramfsName = "initramfs-tools" | "dracut" | "mkinitcpio";

/** What makes the initramfs: which files of ours it reads, and what brings them into an image. */
export interface InitramfsTool {
  readonly name: InitramfsName;
  /** Its files of ours, by path. */
  readonly formats: Readonly<Record<string, Format>>;
  /** What its files hold where devices are to be held from boot on, or modules packed: all that go into the image. */
  files(modules: readonly string[]): Readonly<Record<string, string>>;
  /** The commands that build the images of these kernels; null: of all. */
  build(kernels: readonly string[] | null, observation: Observation): readonly string[];
}
