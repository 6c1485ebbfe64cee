import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { Files } from "../files";
import { ModuleLoader } from "../kernel/loader";
import type { Machine } from "../machine";

/** What a builder packs: readable, so that a test or a reader can look into an image. */
export interface Initramfs {
  readonly release: string;
  /** Modules that can be loaded from it. */
  readonly modules: readonly string[];
  /** Modules it loads by name, in order. */
  readonly load: readonly string[];
  /** What runs early, in order; without a command: udev starts, and coldplug with it. */
  readonly early: readonly EarlyStep[];
  readonly files: Readonly<Record<string, { readonly content: string; readonly executable: boolean }>>;
}

export interface EarlyStep {
  readonly name: string;
  /** For `sh -c`, in the image's folder; null for udev. */
  readonly command: string | null;
}

/** All that is in every image, what is named, and whatever those and their soft dependencies need. */
export function modulesInImage(machine: Machine, named: readonly string[]): string[] {
  const { profile, loader } = machine;
  const most = Object.entries(profile.modules).flatMap(([name, module]) => (module.initramfs ? [name] : []));
  const softdeps = loader.configuration().softdeps;
  const withSoft = [...most, ...named].flatMap((name) => [
    name,
    ...softdeps.filter(({ module }) => module === name).flatMap(({ pre, post }) => [...pre, ...post]),
  ]);
  return [...new Set(withSoft.flatMap((name) => [...loader.dependencies(name), name]))]
    .filter((name) => profile.modules[name]?.builtin !== true && profile.modules[name] !== undefined)
    .sort();
}

export function contentsOf(folder: string): Initramfs["files"] {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    paths
      .filter((path) => lstatSync(join(folder, path)).isFile())
      .map((path) => [
        `/${path}`,
        {
          content: readFileSync(join(folder, path), "utf8"),
          executable: (lstatSync(join(folder, path)).mode & 0o111) !== 0,
        },
      ]),
  );
}

/** The image takes its place whole. */
export function storeImage({ files }: Machine, path: string, image: Initramfs): void {
  files.replace(path, `${JSON.stringify(image, null, 1)}\n`);
}

export function parseInitramfs(text: string | null): Initramfs | null {
  try {
    return JSON.parse(text ?? "") as Initramfs;
  } catch {
    return null;
  }
}

/**
 * The part of a boot that an initramfs plays: its early scripts, coldplug and named modules, all from what was
 * packed and nothing else. /proc, /sys and /dev are the machine's.
 */
export async function runInitramfs(machine: Machine, packed: Initramfs): Promise<void> {
  const folder = mkdtempSync(join(machine.folder, "initramfs-"));
  const rootLoader = machine.loader;
  try {
    const image = new Files(folder);
    for (const [path, { content, executable }] of Object.entries(packed.files))
      image.write(path, content, executable ? 0o755 : 0o644);
    for (const name of ["proc", "sys", "dev", "run"]) {
      mkdirSync(machine.files.at(name), { recursive: true });
      symlinkSync(relative(folder, machine.files.at(name)), join(folder, name));
    }
    const loader = new ModuleLoader(machine.profile, machine.modules, image, (module) =>
      packed.modules.includes(module),
    );
    machine.loader = loader;
    let pluggedCold = false;
    for (const { name, command } of packed.early) {
      if (command === null) {
        loader.coldplug();
        pluggedCold = true;
        continue;
      }
      const { output, errors, code } = await machine.run(
        "sh",
        ["-c", `cd "$PASSTHROUGH_ROOT" && ${command}`],
        {
          PASSTHROUGH_ROOT: folder,
          ROOTMNT: "/root",
        },
      );
      machine.log(`${name}: exit ${code}\n${output}${errors}`.trim());
    }
    if (!pluggedCold) loader.coldplug();
    for (const module of packed.load) loader.load(module);
  } finally {
    machine.loader = rootLoader;
    rmSync(folder, { recursive: true, force: true });
  }
}
