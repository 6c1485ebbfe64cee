import type { DesiredBoot } from "./bootConfiguration";
import { formatOf } from "./formats";
import { linesOf, normal, textOf } from "./formats/format";
import { unitsOf, unmetParameters } from "./kernelParameters";
import { optionsLine, satisfiedByForeign } from "./modprobe";
import type { Observation } from "./observation";
import { paths } from "./paths";
import { loaderOf, toolOf, type Platform } from "./platform";
import { bootTableLine } from "./topology";

/** The lines we own on a host, by file, in the words that a plan shows. */
export type OwnedFiles = Readonly<Record<string, string>>;

/**
 * The lines that must stand on the host for a declared boot state. What others already wrote to the same effect is
 * not repeated; what is ours already (`base`) stays ours.
 */
export function ownedFiles(
  boot: DesiredBoot,
  platform: Platform,
  observation: Observation,
  base: OwnedFiles,
): OwnedFiles {
  const files: Record<string, string> = {};
  for (const place of loaderOf(platform).places(observation)) {
    const written = base[place.key] ?? "";
    const ours = place.parse(written);
    const missing = place
      .foreign(observation, written)
      .flatMap((line) => unmetParameters(line, boot.parameters));
    const wanted = new Set([...unitsOf(ours), ...unitsOf(missing)].map(({ texts }) => texts.join(" ")));
    const parameters = unitsOf(boot.parameters)
      .filter(({ texts }) => wanted.has(texts.join(" ")))
      .flatMap(({ texts }) => texts);
    if (parameters.length > 0) files[place.key] = place.print(parameters);
  }

  const foreign = foreignFiles(observation, "/etc/modprobe.d/", paths.modprobe);
  const ours = new Set(linesOf(base[paths.modprobe] ?? ""));
  const lines = boot.modprobe.filter((line) => ours.has(normal(line)) || !satisfiedByForeign(foreign, line));
  if (lines.length > 0) files[paths.modprobe] = textOf(lines);

  const loaded = new Set(
    Object.values({
      ...foreignFiles(observation, "/etc/modules-load.d/", paths.modulesLoad),
      ...only(observation, "/etc/modules"),
    })
      .flatMap(linesOf)
      .map(underscored),
  );
  const oursLoaded = new Set(linesOf(base[paths.modulesLoad] ?? ""));
  const modules = boot.modules.filter((module) => oursLoaded.has(module) || !loaded.has(underscored(module)));
  if (modules.length > 0) files[paths.modulesLoad] = textOf(modules);

  const table = bootTable(boot, observation, foreign, base);
  if (table.length > 0) {
    files[paths.bootTable] = textOf(table);
  }
  const packed = boot.initramfsModules ?? [];
  if (table.length > 0 || packed.length > 0)
    Object.assign(files, toolOf(platform).files([...new Set([...boot.modules, ...packed])]));
  return files;
}

/** A function whose id somebody already gives to vfio-pci is held at boot without us. */
function bootTable(
  boot: DesiredBoot,
  observation: Observation,
  foreign: Record<string, string>,
  base: OwnedFiles,
): string[] {
  const ours = new Set(linesOf(base[paths.bootTable] ?? ""));
  const declared = new Map(boot.functions.map((found) => [found.address, found.id]));
  return observation.devices.flatMap((device) => {
    const id = declared.get(device.address);
    if (id === undefined) return [];
    const line = bootTableLine(device);
    return !ours.has(normal(line)) && heldByFiles(observation, foreign, id) ? [] : [line];
  });
}

const idsLine = (id: string) => optionsLine("vfio-pci", `ids=${id}`);

/** Somebody else gives devices of this id, `vvvv:dddd`, to vfio-pci. */
export function heldByOthers(observation: Observation, id: string): boolean {
  return heldByFiles(observation, foreignFiles(observation, "/etc/modprobe.d/", paths.modprobe), id);
}

/** A driver that is built into the kernel reads no modprobe.d. */
function heldByFiles({ builtinModules }: Observation, foreign: Record<string, string>, id: string): boolean {
  return !builtinModules.includes("vfio_pci") && satisfiedByForeign(foreign, idsLine(id));
}

function foreignFiles(observation: Observation, folder: string, except: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(observation.files).filter(([path]) => path.startsWith(folder) && path !== except),
  );
}

function only(observation: Observation, path: string): Record<string, string> {
  const text = observation.files[path];
  return text === undefined ? {} : { [path]: text };
}

const underscored = (module: string) => module.replace(/-/g, "_");

/** All lines that are ours while `before` turns into `after`. */
export function eitherFiles(before: OwnedFiles, after: OwnedFiles): OwnedFiles {
  const either = { ...before };
  for (const [path, lines] of Object.entries(after))
    either[path] = formatOf(path).either(before[path] ?? lines, lines);
  return either;
}

/** What of our lines stands on the host now. */
export function observedFiles(observation: Observation, ours: OwnedFiles): OwnedFiles {
  const found: Record<string, string> = {};
  for (const [key, lines] of Object.entries(ours)) {
    const format = formatOf(key);
    const standing = filesOf(key, observation).map((path) =>
      format.observe(lines, observation.files[path] ?? null),
    );
    // Where several files hold them, the first in which they do not stand is the drift.
    const [first = null] = standing.filter((each) => each !== lines);
    const seen = standing.length > 0 && standing.every((each) => each === lines) ? lines : first;
    if (seen !== null) found[key] = seen;
  }
  return found;
}

function filesOf(key: string, observation: Observation): readonly string[] {
  return formatOf(key).files?.(observation) ?? [key];
}

/** One file to bring about: its whole content, null to remove it. */
export interface FileWrite {
  /** As a plan names it. */
  readonly key: string;
  readonly path: string;
  readonly content: string | null;
  readonly mode: string;
  /** The file as it was read. */
  readonly now: string | null;
}

/** The three-way merge of every file in which our lines change: as last written, as declared, as they stand. */
export function fileWrites(observation: Observation, base: OwnedFiles, declared: OwnedFiles): FileWrite[] {
  return [...new Set([...Object.keys(base), ...Object.keys(declared)])].sort().flatMap((key) =>
    filesOf(key, observation).flatMap((path) => {
      const now = observation.files[path] ?? null;
      const { merge, mode } = formatOf(key);
      const content = merge(base[key] ?? null, declared[key] ?? null, now);
      return content === now ? [] : [{ key, path, content, mode, now }];
    }),
  );
}
