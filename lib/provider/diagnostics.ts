import { parsePciAddress } from "../model/pciAddress";
import type { Diagnostic, PathStep } from "../plugin/types";

export function failure(summary: string, detail?: string, path?: readonly PathStep[]): Diagnostic {
  return diagnostic("error", summary, detail, path);
}

export function warning(summary: string, detail?: string, path?: readonly PathStep[]): Diagnostic {
  return diagnostic("warning", summary, detail, path);
}

function diagnostic(
  severity: Diagnostic["severity"],
  summary: string,
  detail?: string,
  path?: readonly PathStep[],
): Diagnostic {
  return {
    severity,
    summary,
    ...(detail === undefined ? {} : { detail }),
    ...(path === undefined ? {} : { path }),
  };
}

/** What is wrong with a list of PCI addresses. */
export function addressProblems(attribute: string, addresses: readonly string[] | null): Diagnostic[] {
  return (addresses ?? []).flatMap((address, index) => {
    try {
      parsePciAddress(address);
      return [];
    } catch (error) {
      return [failure(`Unable to use ${attribute}`, wordsOf(error), [attribute, index])];
    }
  });
}

/** The words of whatever was thrown. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
