import type { Step } from "../../model/change";

/** Seconds that one of OpenNebula's commands may take; all of them ask oned and come back. */
const commandSeconds = 120;
/** Seconds for a command that goes to every host. */
const syncSeconds = 600;

/** As the user who may do everything in OpenNebula, and whose keys reach the hosts. */
export function asOneadmin(...command: readonly string[]): string[] {
  return ["sudo", "-n", "-H", "-u", "oneadmin", "--", ...command];
}

export function oneStep(...command: readonly string[]): Step {
  return { step: "command", command: asOneadmin(...command), timeoutSeconds: commandSeconds };
}

/** A command that reads a template from a file, whose path stands for `{file}`. */
export function feedStep(content: string, ...command: readonly string[]): Step {
  return {
    step: "feed",
    command: asOneadmin(...command),
    content,
    owner: "oneadmin",
    timeoutSeconds: commandSeconds,
  };
}

/** Brings the probes and their configuration to the hosts; owed until it succeeded. */
export const syncStep: Step = {
  step: "run",
  command: asOneadmin("onehost", "sync", "--force"),
  timeoutSeconds: syncSeconds,
};

/** As it is noted on the front end while it is owed. */
export const syncCommand = asOneadmin("onehost", "sync", "--force").join(" ");

/** Waits until `show -j` of a VM or host has a state. */
export function awaitState(
  command: "onevm" | "onehost",
  id: string,
  state: string,
  what: string,
  seconds: number,
): Step {
  return {
    step: "await",
    command: asOneadmin(command, "show", "-j", id),
    pattern: `"STATE": *"${state}"`,
    what,
    timeoutSeconds: seconds,
  };
}
