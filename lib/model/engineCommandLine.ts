import type { EngineHost } from "./engineFacts";
import {
  mergeOwnedParameters,
  parseKernelParameters,
  unmetParameters,
  type MergedParameters,
} from "./kernelParameters";

/** What an author declares of a host, as its engine is to know it. */
export interface EngineParameters {
  readonly kernelParameters: readonly string[];
  /** The host turns its IOMMU on. */
  readonly iommu: boolean;
}

/** The parameters that the engine's line shall have; AMD's IOMMU is on by itself and needs none. */
export function engineParameters({ cpu }: EngineHost, declared: EngineParameters): string[] {
  const { kernelParameters, iommu } = declared;
  const isThere = kernelParameters.some((text) =>
    parseKernelParameters(text).some(({ name }) => name === "intel_iommu"),
  );
  return iommu && !isThere && /intel/i.test(cpu)
    ? ["intel_iommu=on", ...kernelParameters]
    : [...kernelParameters];
}

/** Those of the parameters that a line says, in whatever order and writing. */
export function saidBy(line: string, parameters: readonly string[]): string[] {
  const unmet = unmetParameters(line, parameters);
  return parameters.filter((text) => !unmet.includes(text));
}

/** The engine's line with ours in it, and everybody else's as it stands. */
export function mergedLine(
  { customCommandLine }: EngineHost,
  declared: readonly string[],
  owned: readonly string[],
): MergedParameters {
  return mergeOwnedParameters({ base: owned, declared, now: customCommandLine });
}

/** What the engine would write to the host at its next installation, and the running kernel does not have. */
export function notYetBooted({ customCommandLine, reportedCommandLine }: EngineHost): string[] {
  if (reportedCommandLine === "") return [];
  const wanted = parseKernelParameters(customCommandLine).map(({ raw }) => raw);
  return unmetParameters(reportedCommandLine, wanted);
}
