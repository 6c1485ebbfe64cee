import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Files } from "../files";
import { underscored } from "../kernel/aliases";
import { modprobeFiles } from "../kernel/modprobeConfiguration";
import type { Finished, Machine } from "../machine";
import { contentsOf, modulesInImage, storeImage } from "./image";

const modulesFolder = "/usr/lib/dracut/modules.d";
const hooksFolder = "/lib/dracut/hooks";

/** What a module's module-setup.sh may call of dracut's functions. */
const functions = `
inst_simple() { target=$initdir\${2:-$1}; mkdir -p "\${target%/*}" && cp -L "$1" "$target"; }
inst_script() { inst_simple "$@" && chmod 755 "$target"; }
inst_hook() { inst_simple "$3" "${hooksFolder}/$1/$2-\${3##*/}"; }
instmods() { for module; do printf '%s\\n' "$module" >>"$initdir/modules-to-add"; done; }
`;

/** Variables of dracut.conf.d: each file may add to what those before it made. */
export function dracutConfiguration({ files }: Machine): Record<string, string> {
  const values: Record<string, string> = {};
  const names = files.list("/etc/dracut.conf.d").filter((name) => name.endsWith(".conf"));
  const texts = ["/etc/dracut.conf", ...names.map((name) => `/etc/dracut.conf.d/${name}`)].map(
    (path) => files.read(path) ?? "",
  );
  for (const [, name = "", operator = "", value = ""] of texts
    .join("\n")
    .matchAll(/^\s*(\w+)(\+?=)["']?([^"'\n]*)["']?/gm))
    values[name] = (operator === "+=" ? (values[name] ?? "") : "") + value;
  return values;
}

const words = (text = ""): string[] => text.split(/\s+/).filter(Boolean);

/** Modules asked for, or left out, by name. */
export interface Modules {
  readonly add: readonly string[];
  readonly omit: readonly string[];
}

/** Builds one image as dracut does: every module whose check agrees or that is asked for, and what they install. */
export async function buildDracutImage(
  machine: Machine,
  release: string,
  path: string,
  asked: Modules = { add: [], omit: [] },
): Promise<Finished> {
  const { files, profile } = machine;
  files.folderAt("/var/tmp");
  const folder = mkdtempSync(files.at("/var/tmp/dracut."));
  try {
    const image = new Files(folder);
    const configuration = dracutConfiguration(machine);
    const omitted = [...words(configuration["omit_dracutmodules"]), ...asked.omit];
    const added = [...words(configuration["add_dracutmodules"]), ...asked.add];
    for (const [name, content] of Object.entries(modprobeFiles(files))) image.write(name, content);
    const known = files.list(modulesFolder);
    let errors = "";
    const missing = (wanted: string) =>
      !omitted.includes(wanted) && !known.some((each) => each.replace(/^\d+/, "") === wanted);
    for (const name of added.filter(missing))
      errors += `dracut[E]: dracut module '${name}' cannot be found or installed.\n`;
    for (const name of known.filter((each) => !omitted.includes(each.replace(/^\d+/, "")))) {
      const done = await machine.run(
        "sh",
        [
          "-c",
          `${functions}\n. "$moddir/module-setup.sh"; check; agreed=$?
if [ "$agreed" = 0 ] || [ "$agreed$wanted" = 255yes ]; then installkernel; install; fi`,
        ],
        {
          moddir: files.at(join(modulesFolder, name)),
          initdir: folder,
          kernel: release,
          hostonly: "yes",
          wanted: added.includes(name.replace(/^\d+/, "")) ? "yes" : "no",
        },
      );
      errors += done.errors;
    }
    const named = [
      ...words(configuration["add_drivers"]),
      ...words(configuration["force_drivers"]),
      ...(image.read("/modules-to-add") ?? "").split("\n"),
    ].map(underscored);
    for (const name of words(configuration["add_drivers"]).map(underscored))
      if (profile.modules[name] === undefined) errors += `dracut-install: Failed to find module '${name}'\n`;
    image.remove("/modules-to-add");
    const load = words(configuration["force_drivers"]).map(underscored);
    storeImage(machine, path, {
      release,
      modules: modulesInImage(machine, named),
      load,
      early: [
        ...image.list(`${hooksFolder}/pre-udev`).map((name) => ({
          name: `pre-udev/${name}`,
          // dracut's init sources its hooks.
          command: `. ".${hooksFolder}/pre-udev/${name}"`,
        })),
        { name: "udev", command: null },
      ],
      files: contentsOf(folder),
    });
    return { output: "", errors, code: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
