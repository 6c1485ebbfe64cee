import {
  bareName,
  mergeParameters,
  parseKernelParameters,
  satisfies,
  unmetParameters,
} from "../kernelParameters";

/** The parameters of a line, as they stand there. */
export function parameterTexts(line: string): string[] {
  return parseKernelParameters(line).map(({ raw }) => raw);
}

/** What of our parameters a command line has: those it satisfies, and what stands there in the others' place. */
export function observedParameters(ours: readonly string[], line: string): string[] {
  const standing = parseKernelParameters(line);
  return ours.flatMap((parameter) =>
    satisfies(line, parameter)
      ? [parameter]
      : standing.filter(({ name }) => name === bareName(parameter)).map(({ raw }) => raw),
  );
}

/** A command line without our parameters. */
export function withoutOurs(line: string, ours: readonly string[]): string {
  return mergeParameters({ base: ours, declared: [], now: line });
}

export function sameParameters(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return false;
  return unmetParameters(a.join(" "), b).length === 0 && unmetParameters(b.join(" "), a).length === 0;
}

/** Every parameter of two lines once. */
export const eitherParameter = (one: string, other: string): string =>
  [...new Set([...parameterTexts(one), ...parameterTexts(other)])].join(" ");
