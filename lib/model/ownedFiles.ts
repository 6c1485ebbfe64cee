import type { DesiredBoot } from "./bootConfiguration";
import { sha256 } from "./digest";
import { hookScript, initTopScript } from "./earlyBinding";
import { grubDropIn, parseGrubDropIn } from "./grub";
import {
  bareName,
  mergeParameters,
  parseKernelParameters,
  satisfies,
  unmetParameters,
} from "./kernelParameters";
import { optionsLine, satisfiedByForeign } from "./modprobe";
import type { Observation } from "./observation";
import { paths } from "./paths";
import type { Platform } from "./platform";
import { bootTableLine } from "./topology";

/** The lines we own on a host, by file, in the words that a plan shows. */
export type OwnedFiles = Readonly<Record<string, string>>;

/**
 * One kind of file: how our lines are told from others', and how they are put in, changed and taken out again
 * while everything foreign stays byte for byte. `ours` are the lines as we last wrote them (the base of the merge).
 */
interface Format {
  /** What of ours stands in the file now: `ours` itself where only the writing differs; null for nothing. */
  observe(ours: string, now: string | null): string | null;
  /** The file with `declared` in the place of `ours`; null: there is to be no file. */
  merge(ours: string | null, declared: string | null, now: string | null): string | null;
  /** Lines that are in one of the two. */
  either(one: string, other: string): string;
  readonly mode: string;
}

const header = "# Written by cdktf-passthrough. A change by hand shows up as drift in the next plan.";

const eitherLine = (one: string, other: string): string =>
  textOf([...new Set([...linesOf(one), ...linesOf(other)])]);
const theOther = (_one: string, other: string): string => other;

/** A file of lines that mean the same in any order. */
const lineFile: Format = {
  mode: "0644",
  observe(ours, now) {
    const standing = new Set(linesOf(now ?? ""));
    const found = linesOf(ours).filter((line) => standing.has(line));
    if (found.length === linesOf(ours).length) return ours;
    return found.length > 0 ? textOf(found) : null;
  },
  merge(ours, declared, now) {
    const wanted = linesOf(declared ?? "");
    const leaving = new Set(linesOf(ours ?? "").filter((line) => !wanted.includes(line)));
    const kept = rawLines(now ?? "").filter((line) => line !== header && !leaving.has(normal(line)));
    const foreign = kept.filter((line) => !wanted.includes(normal(line)));
    if (wanted.length > 0) return textOf([header, ...wanted, ...foreign]);
    return foreign.some((line) => line.trim() !== "") ? textOf(foreign) : null;
  },
  either: eitherLine,
};

/** A file of GRUB settings in which one line of ours adds to the command line. */
const grubFile: Format = {
  mode: "0644",
  observe(ours, now) {
    const line = rawLines(now ?? "").find((candidate) => parseGrubDropIn(candidate) !== null);
    if (line === undefined) return null;
    return sameParameters(parseGrubDropIn(ours), parseGrubDropIn(line)) ? ours : textOf([line]);
  },
  merge(_ours, declared, now) {
    const foreign = rawLines(now ?? "").filter((line) => line !== header && parseGrubDropIn(line) === null);
    if (declared !== null) return textOf([header, ...rawLines(declared), ...foreign]);
    return foreign.some((line) => line.trim() !== "") ? textOf(foreign) : null;
  },
  // Our line is told by its form.
  either: theOther,
};

/** A file whose only line is the kernel command line; our parameters stand among others'. */
const commandLineFile: Format = {
  mode: "0644",
  observe(ours, now) {
    const line = now ?? "";
    const standing = parseKernelParameters(line);
    const found = parameterTexts(ours).flatMap((parameter) => {
      if (satisfies(line, parameter)) return [parameter];
      return standing.filter(({ name }) => name === bareName(parameter)).map(({ raw }) => raw);
    });
    return found.length > 0 ? found.join(" ") : null;
  },
  merge(ours, declared, now) {
    if (now === null || now.trim() === "") {
      if (declared === null) return now;
      // Our parameters alone would make a command line without root=: a host that does not boot.
      throw new Error(
        `${paths.kernelCommandLine} is missing or empty. Put the command line that the host boots with there first: what ` +
          "/proc/cmdline shows, without BOOT_IMAGE= and initrd=. Then plan again.",
      );
    }
    return mergeParameters({
      base: parameterTexts(ours ?? ""),
      declared: parameterTexts(declared ?? ""),
      now,
    });
  },
  either: (one, other) => [...new Set([...parameterTexts(one), ...parameterTexts(other)])].join(" "),
};

/** A program of ours; a plan shows its digest, not its text. */
function programFile(script: string): Format {
  return {
    mode: "0755",
    observe: (_ours, now) =>
      now === null ? null : now === script ? programWords(script) : `(changed: ${digestWords(now)})`,
    merge: (_ours, declared, now) => (declared !== null ? script : now === script ? null : now),
    either: theOther,
  };
}

const formats: Readonly<Record<string, Format>> = {
  [paths.grubDropIn]: grubFile,
  [paths.kernelCommandLine]: commandLineFile,
  [paths.modprobe]: lineFile,
  [paths.modulesLoad]: lineFile,
  [paths.bootTable]: lineFile,
  [paths.initramfsHook]: programFile(hookScript),
  [paths.initTopScript]: programFile(initTopScript),
};

function formatOf(path: string): Format {
  const format = formats[path];
  if (!format) throw new Error(`cdktf-passthrough owns no lines in ${path}.`);
  return format;
}

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
  for (const path of platform.parameterFiles) {
    const ours = parametersIn(path, base[path] ?? "");
    const missing = unmetParameters(foreignCommandLine(observation, path, base), boot.parameters);
    const parameters = boot.parameters.filter(
      (parameter) => ours.includes(parameter) || missing.includes(parameter),
    );
    if (parameters.length > 0)
      files[path] = path === paths.grubDropIn ? grubDropIn(parameters) : parameters.join(" ");
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
    files[paths.initramfsHook] = programWords(hookScript);
    files[paths.initTopScript] = programWords(initTopScript);
  }
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
    return !ours.has(normal(line)) && satisfiedByForeign(foreign, idsLine(id)) ? [] : [line];
  });
}

const idsLine = (id: string) => optionsLine("vfio-pci", `ids=${id}`);

/** Somebody else gives devices of this id, `vvvv:dddd`, to vfio-pci. */
export function heldByOthers(observation: Observation, id: string): boolean {
  return satisfiedByForeign(foreignFiles(observation, "/etc/modprobe.d/", paths.modprobe), idsLine(id));
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

function parametersIn(path: string, ours: string): string[] {
  return path === paths.grubDropIn ? [...(parseGrubDropIn(ours.trim()) ?? [])] : parameterTexts(ours);
}

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
  for (const [path, lines] of Object.entries(ours)) {
    const standing = formatOf(path).observe(lines, observation.files[path] ?? null);
    if (standing !== null) found[path] = standing;
  }
  return found;
}

/** One file to bring about: its whole content, null to remove it. */
export interface FileWrite {
  readonly path: string;
  readonly content: string | null;
  readonly mode: string;
  /** The file as it was read. */
  readonly now: string | null;
}

/** The three-way merge of every file in which our lines change: as last written, as declared, as they stand. */
export function fileWrites(observation: Observation, base: OwnedFiles, declared: OwnedFiles): FileWrite[] {
  return [...new Set([...Object.keys(base), ...Object.keys(declared)])].sort().flatMap((path) => {
    const now = observation.files[path] ?? null;
    const { merge, mode } = formatOf(path);
    const content = merge(base[path] ?? null, declared[path] ?? null, now);
    return content === now ? [] : [{ path, content, mode, now }];
  });
}

/** What others put on the command line that this file makes: everything there but our own parameters. */
export function foreignCommandLine(observation: Observation, path: string, base: OwnedFiles): string {
  if (path === paths.grubDropIn) {
    const grub = observation.grubForeign;
    return grub === null ? "" : `${grub.linux} ${grub.linuxDefault}`;
  }
  const line = observation.files[path] ?? "";
  return mergeParameters({ base: parameterTexts(base[path] ?? ""), declared: [], now: line });
}

function sameParameters(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return false;
  return unmetParameters(a.join(" "), b).length === 0 && unmetParameters(b.join(" "), a).length === 0;
}

function parameterTexts(line: string): string[] {
  return parseKernelParameters(line).map(({ raw }) => raw);
}

function programWords(script: string): string {
  return `(program of cdktf-passthrough, ${digestWords(script)})`;
}

function digestWords(text: string): string {
  return `sha256 ${sha256(text).slice(0, 16)}`;
}

function normal(line: string): string {
  return line.trim().replace(/\s+/g, " ");
}

function rawLines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function linesOf(text: string): string[] {
  return rawLines(text)
    .map(normal)
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
