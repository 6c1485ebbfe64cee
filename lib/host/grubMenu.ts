import type { GrubMenu } from "../model/facts";

/**
 * What the probe tells of GRUB's menu.
 * @param folder file system and block device of its environment block; absent without a menu there
 * @param entries what the menu can do, then its entries, as grub_entries prints them
 */
export function parseGrubMenu(
  folder: readonly string[] | undefined,
  entries: string,
  foreignCustom: boolean,
): GrubMenu | null {
  if (folder === undefined) return null;
  const [fileSystem = "", device = ""] = folder;
  const [, once, custom, saved] = /^menu ([01]) ([01]) ([01])$/m.exec(entries) ?? [];
  return {
    fileSystem,
    device,
    obeysNextEntry: once === "1",
    startsSaved: saved === "1",
    readsCustom: custom === "1",
    foreignCustom,
    entries: Object.fromEntries(
      entries
        .split(/^kernel /m)
        .slice(1)
        .map((text) => {
          const end = text.indexOf("\n");
          return [text.slice(0, end), text.slice(end + 1)];
        }),
    ),
  };
}
