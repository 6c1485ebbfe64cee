import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { Files } from "../files";
import { underscored } from "../kernel/aliases";
import { modprobeFiles } from "../kernel/modprobeConfiguration";
import type { Finished, Machine } from "../machine";
import { contentsOf, modulesInImage, storeImage } from "./image";

/** Where the hooks' manual_add_modules leaves its names. */
const addedByHooks = "/modules-to-add";

const configured = "/etc/initramfs-tools";

interface Build {
  readonly image: string;
  /** The folder of its configuration, in the place of /etc/initramfs-tools. */
  readonly configuration: string;
}

/** Builds the image of one kernel; a hook that fails makes it fail and leaves the old image. */
export async function buildInitramfs(
  machine: Machine,
  release: string,
  { image: target, configuration }: Build = {
    image: `/boot/initrd.img-${release}`,
    configuration: configured,
  },
): Promise<Finished> {
  const { files, profile } = machine;
  files.folderAt("/var/tmp");
  const folder = mkdtempSync(files.at("/var/tmp/mkinitramfs_"));
  try {
    const image = new Files(folder);
    for (const [path, content] of Object.entries(modprobeFiles(files))) image.write(path, content);
    packScripts(machine, image, configuration);
    image.write("/conf/modules", (files.read(`${configuration}/modules`) ?? "").replace(/^\s*#.*\n/gm, ""));
    const hooks = await runHooks(machine, folder, release, configuration);
    if (hooks.code !== 0) return hooks;
    const load = (image.read("/conf/modules") ?? "")
      .split("\n")
      .map((line) => underscored(line.trim().split(/\s+/)[0] ?? ""))
      .filter((name) => profile.modules[name] !== undefined);
    const added = (image.read(addedByHooks) ?? "").split("\n").map(underscored);
    image.remove(addedByHooks);
    const order = await orderOf(machine, image, "/scripts/init-top");
    storeImage(machine, target, {
      release,
      modules: modulesInImage(machine, [...load, ...added]),
      load,
      early: order.map((name) => ({
        name: `init-top/${name}`,
        command: name === "udev" ? null : `./scripts/init-top/${name}`,
      })),
      files: contentsOf(folder),
    });
    return hooks;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function packScripts({ files }: Machine, image: Files, configuration: string): void {
  for (const base of ["/usr/share/initramfs-tools", configuration]) {
    if (files.exists(`${base}/scripts`))
      cpSync(files.at(`${base}/scripts`), image.at("/scripts"), { recursive: true });
  }
}

async function runHooks(
  machine: Machine,
  destination: string,
  release: string,
  configuration: string,
): Promise<Finished> {
  const { files } = machine;
  const said: Finished[] = [];
  for (const base of ["/usr/share/initramfs-tools", configuration]) {
    const folder = `${base}/hooks`;
    const scripts = files
      .list(folder)
      .filter((name) => /^[\w-]+$/.test(name) && files.isExecutable(`${folder}/${name}`));
    for (const name of scripts) {
      const done = await machine.run(files.at(`${folder}/${name}`), [], {
        DESTDIR: destination,
        version: release,
        CONFDIR: files.at(configuration),
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
