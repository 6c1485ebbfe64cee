import type { Step } from "../change";
import type { HostRecord } from "../record";
import type { FileWrite } from "../ownedFiles";
import type { Trial, TrialRecord } from "./trial";

const imageSeconds = 30 * 60;

/** Brings a trial about: the entry comes last, so that it never leads to an image that is not there. */
export function trialSteps(
  { kernel, builder, image, entry }: Trial,
  writes: readonly FileWrite[],
  write: (file: FileWrite) => Step,
): Step[] {
  if (writes.length === 0) return [];
  const last = writes.filter(({ path }) => path === entry);
  return [
    ...writes.filter((file) => !last.includes(file)).map(write),
    { step: "trial-image", builder, kernel, image, timeoutSeconds: imageSeconds },
    ...last.map(write),
  ];
}

/** What precedes the reboot, right before it. */
export function nextBootSteps({ trial }: HostRecord): Step[] {
  if (trial === undefined) return [];
  const { loader, entry, image, tag } = trial;
  return [{ step: "trial-next", loader, entry, image, tag }];
}

export function endSteps(trial: TrialRecord | undefined): Step[] {
  if (trial === undefined) return [];
  const { loader, entry, image } = trial;
  return [{ step: "trial-end", loader, entry, image }];
}

export function recordOf({ tag, loader, entry, image, before }: Trial): TrialRecord {
  return { tag, loader, entry, image, before };
}
