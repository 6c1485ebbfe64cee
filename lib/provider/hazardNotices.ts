import { localRunner } from "../host/runner";
import type { HostFacts } from "../model/facts";
import type { RebootState } from "../model/reboot";
import { hazardLines, rebootHazards } from "../model/rebootHazards";
import type { Diagnostic } from "../plugin/types";
import type { IommuHostState } from "../schema";
import { failure, warning } from "./diagnostics";

/**
 * A reboot that would strand the host, or this deploy, is refused before anything is written; the reboot itself refuses
 * it again. Where somebody orders it by hand, it is only told.
 */
export async function hazardNotices(
  name: string,
  declared: IommuHostState,
  { required }: RebootState,
  facts: HostFacts,
): Promise<Diagnostic[]> {
  const hazards = required ? rebootHazards(facts, await localRunner()) : [];
  if (hazards.length === 0) return [];
  const manual = declared.reboot === "manual";
  const title = `${name} needs a reboot, and nobody could count on what comes after it`;
  const mend = manual
    ? "Mend that, or order the reboot while somebody can reach the host's console, from a machine that does not depend on it (`passthrough reboot --force`)."
    : 'Nothing was touched. Mend that; or set reboot: "manual", and order the reboot yourself while somebody can reach the host\'s console, from a machine that does not depend on it (`passthrough reboot --force`).';
  return [(manual ? warning : failure)(title, `${hazardLines(hazards)}\n${mend}`, ["reboot"])];
}
