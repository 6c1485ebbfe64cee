import type { KernelParameter } from "../commandLineSyntax";
import { linesOf, normal } from "../formats/format";
import { parseKernelParameters } from "../kernelParameters";
import { parseModprobe, type ModprobeLine } from "../modprobe";
import { paths } from "../paths";
import { loaderOf } from "../platform";
import type { AdviceContext } from "./types";

/** Something that is declared or stands on the host, and where. */
interface Said {
  readonly where: string;
  readonly text: string;
}

export interface SaidParameter extends Said {
  readonly parameter: KernelParameter;
  readonly declared: boolean;
}

/** Kernel parameters: those declared, and those of others that the boot loader takes. */
export function parameters(context: AdviceContext): SaidParameter[] {
  const { declaration, platform, observation, base } = context;
  const read = (where: string, line: string, declared: boolean): SaidParameter[] =>
    parseKernelParameters(line).map((parameter) => ({ where, text: parameter.raw, parameter, declared }));
  return distinct([
    ...declaration.kernelParameters.flatMap((line) => read("kernelParameters", line, true)),
    ...loaderOf(platform)
      .places(observation)
      .flatMap((place) =>
        place.foreign(observation, base[place.key] ?? "").flatMap((line) => read(place.source, line, false)),
      ),
  ]);
}

export interface SaidLine extends Said {
  readonly line: ModprobeLine;
  readonly declared: boolean;
}

/** Lines for kmod: the declared options, and others' lines in /etc/modprobe.d. */
export function modprobeLines({ declaration, observation, base }: AdviceContext): SaidLine[] {
  const ours = new Set(linesOf(base[paths.modprobe] ?? ""));
  const read = (where: string, text: string, declared: boolean): SaidLine[] =>
    parseModprobe(text)
      .filter(({ kind, raw }) => kind !== "other" && !(where === paths.modprobe && ours.has(normal(raw))))
      .map((line) => ({ where, text: normal(line.raw), line, declared }));
  return [
    ...Object.entries(declaration.modprobeOptions).flatMap(([module, options]) =>
      read("modprobeOptions", `options ${module} ${options}\n`, true),
    ),
    ...files(observation.files, /^\/etc\/modprobe\.d\/[^/]+\.conf$/).flatMap(([path, text]) =>
      read(path, text, false),
    ),
  ];
}

export interface SaidModule extends Said {
  readonly module: string;
}

/** Modules that are loaded at boot or packed into the initramfs. */
export function modules({ declaration, observation, base }: AdviceContext): SaidModule[] {
  const ours = new Set(linesOf(base[paths.modulesLoad] ?? ""));
  const all = [
    ...declaration.modules.map((module) => ({ where: "modules", text: module, module })),
    ...files(
      observation.files,
      /^\/etc\/(modules|modules-load\.d\/[^/]+\.conf|initramfs-tools\/modules)$/,
    ).flatMap(([path, text]) =>
      linesOf(text)
        .filter((line) => !(path === paths.modulesLoad && ours.has(line)))
        .map((line) => ({ where: path, text: line, module: line.split(" ")[0] ?? "" })),
    ),
  ];
  // Debian shows /etc/modules a second time as a file of /etc/modules-load.d.
  return all.filter(({ module }, at) => all.findIndex((other) => other.module === module) === at);
}

/** Lines of boot scripts and of the initramfs builder's settings; no comments. */
export function scriptLines({ observation }: AdviceContext): Said[] {
  return observation.scriptLines.map(({ path, number, text }) => ({
    where: `${path}:${number}`,
    text: text.trim(),
  }));
}

function files(all: Readonly<Record<string, string>>, path: RegExp): [string, string][] {
  return Object.entries(all)
    .filter(([name]) => path.test(name))
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

function distinct<T extends Said>(all: readonly T[]): T[] {
  return [...new Map(all.map((each) => [`${each.where}\n${each.text}`, each])).values()];
}
