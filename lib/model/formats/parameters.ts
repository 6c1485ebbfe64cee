import { mergeParameters, parseKernelParameters, unitsOf, unmetParameters } from "../kernelParameters";

/** The parameters of a line, as they stand there. */
export function parameterTexts(line: string): string[] {
  return parseKernelParameters(line).map(({ raw }) => raw);
}

/** What of our parameters a command line has: those it satisfies, and what stands there in the others' place. */
export function observedParameters(ours: readonly string[], line: string): string[] {
  const standing = parseKernelParameters(line);
  return unitsOf(ours).flatMap(({ texts, parameters }) =>
    unmetParameters(line, texts).length === 0
      ? [...texts]
      : standing
          .filter(({ name }) => parameters.some((wanted) => wanted.name === name))
          .map(({ raw }) => raw),
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
  [
    ...new Set(
      [one, other].flatMap((line) => unitsOf(parameterTexts(line)).map(({ texts }) => texts.join(" "))),
    ),
  ].join(" ");
