import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join, relative } from "node:path";
import { Files } from "./files";
import { underscored } from "./kernel/aliases";
import { ModuleLoader } from "./kernel/loader";
import { modprobeFiles } from "./kernel/modprobeConfiguration";
import type { Finished, Machine } from "./machine";

/** What update-initramfs packs: readable, so that a test or a reader can look into an image. */
export interface Initramfs {
  readonly release: string;
  /** Modules that can be loaded from it. */
  readonly modules: readonly string[];
  /** Modules it loads by name, in order. */
  readonly load: readonly string[];
  /** Scripts of init-top in the order of their prerequisites. */
  readonly initTop: readonly string[];
  readonly files: Readonly<Record<string, { readonly content: string; readonly executable: boolean }>>;
}

/** Where the hooks' manual_add_modules leaves its names. */
const addedByHooks = "/modules-to-add";

/** Builds the image of one kernel; a hook that fails makes it fail and leaves the old image. */
export async function buildInitramfs(machine: Machine, release: string): Promise<Finished> {
  const { files, profile } = machine;
  files.folderAt("/var/tmp");
  const folder = mkdtempSync(files.at("/var/tmp/mkinitramfs_"));
  try {
    const image = new Files(folder);
    for (const [path, content] of Object.entries(modprobeFiles(files))) image.write(path, content);
    packScripts(machine, image);
    image.write(
      "/conf/modules",
      (files.read("/etc/initramfs-tools/modules") ?? "").replace(/^\s*#.*\n/gm, ""),
    );
    const hooks = await runHooks(machine, folder, release);
    if (hooks.code !== 0) return hooks;
    const load = (image.read("/conf/modules") ?? "")
      .split("\n")
      .map((line) => underscored(line.trim().split(/\s+/)[0] ?? ""))
      .filter((name) => profile.modules[name] !== undefined);
    const added = (image.read(addedByHooks) ?? "").split("\n").map(underscored);
    image.remove(addedByHooks);
    const packed: Initramfs = {
      release,
      modules: modulesInImage(machine, [...load, ...added]),
      load,
      initTop: await orderOf(machine, image, "/scripts/init-top"),
      files: contentsOf(folder),
    };
    files.replace(`/boot/initrd.img-${release}`, `${JSON.stringify(packed, null, 1)}\n`);
    return hooks;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** MODULES=most, what is named, and whatever those and their soft dependencies need. */
function modulesInImage(machine: Machine, load: readonly string[]): string[] {
  const { profile, loader } = machine;
  const most = Object.entries(profile.modules).flatMap(([name, module]) => (module.initramfs ? [name] : []));
  const softdeps = loader.configuration().softdeps;
  const withSoft = [...most, ...load].flatMap((name) => [
    name,
    ...softdeps.filter(({ module }) => module === name).flatMap(({ pre, post }) => [...pre, ...post]),
  ]);
  return [...new Set(withSoft.flatMap((name) => [...loader.dependencies(name), name]))]
    .filter((name) => profile.modules[name]?.builtin !== true && profile.modules[name] !== undefined)
    .sort();
}

function packScripts({ files }: Machine, image: Files): void {
  for (const base of ["/usr/share/initramfs-tools", "/etc/initramfs-tools"]) {
    if (files.exists(`${base}/scripts`))
      cpSync(files.at(`${base}/scripts`), image.at("/scripts"), { recursive: true });
  }
}

async function runHooks(machine: Machine, destination: string, release: string): Promise<Finished> {
  const { files } = machine;
  const said: Finished[] = [];
  for (const base of ["/usr/share/initramfs-tools", "/etc/initramfs-tools"]) {
    const folder = `${base}/hooks`;
    const scripts = files
      .list(folder)
      .filter((name) => /^[\w-]+$/.test(name) && files.isExecutable(`${folder}/${name}`));
    for (const name of scripts) {
      const done = await machine.run(files.at(`${folder}/${name}`), [], {
        DESTDIR: destination,
        version: release,
        CONFDIR: files.at("/etc/initramfs-tools"),
        MODULESDIR: `/lib/modules/${release}`,
        verbose: "n",
      });
      said.push(done);
      if (done.code !== 0) {
        const errors = `${done.errors}E: ${folder}/${name} failed with return ${done.code}.\nupdate-initramfs: failed for /boot/initrd.img-${release} with ${done.code}.\n`;
        return { output: done.output, errors, code: 1 };
      }
    }
  }
  return {
    output: said.map(({ output }) => output).join(""),
    errors: said.map(({ errors }) => errors).join(""),
    code: 0,
  };
}

/** As initramfs-tools does it: a script says its prerequisites, the rest is by name. */
async function orderOf(machine: Machine, image: Files, folder: string): Promise<string[]> {
  const names = image.list(folder).filter((name) => image.isExecutable(`${folder}/${name}`));
  const before = new Map<string, string[]>();
  for (const name of names) {
    const { output } = await machine.run(image.at(`${folder}/${name}`), ["prereqs"]);
    before.set(
      name,
      output.split(/\s+/).filter((prerequisite) => names.includes(prerequisite)),
    );
  }
  const order: string[] = [];
  const place = (name: string) => {
    if (order.includes(name)) return;
    for (const prerequisite of before.get(name) ?? []) place(prerequisite);
    if (!order.includes(name)) order.push(name);
  };
  names.forEach(place);
  return order;
}

function contentsOf(folder: string): Initramfs["files"] {
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
    for (const name of packed.initTop) {
      if (name === "udev") {
        loader.coldplug();
        pluggedCold = true;
        continue;
      }
      const script = join(folder, "scripts/init-top", name);
      chmodSync(script, 0o755);
      const { output, errors, code } = await machine.run(script, [], {
        PASSTHROUGH_ROOT: folder,
        ROOTMNT: "/root",
      });
      machine.log(`init-top/${name}: exit ${code}\n${output}${errors}`.trim());
    }
    if (!pluggedCold) loader.coldplug();
    for (const module of packed.load) loader.load(module);
  } finally {
    machine.loader = rootLoader;
    rmSync(folder, { recursive: true, force: true });
  }
}

export function parseInitramfs(text: string | null): Initramfs | null {
  try {
    return JSON.parse(text ?? "") as Initramfs;
  } catch {
    return null;
  }
}
