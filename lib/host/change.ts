import type { Change, ChangeOutcome, Step } from "../model/change";
import { sha256 } from "../model/digest";
import changeFunctions from "./scripts/change.sh";
import trialFunctions from "./scripts/trial.sh";
import virtualFunctions from "./scripts/virtualFunctions.sh";
import { assembleScript, quote } from "./scripts";
import type { RunResult } from "./types";

/** What `expect` says of a file that is not there. */
const ABSENT = "absent";

/** The script that runs a change: every value in it is quoted, every content in base64. */
export function renderChange(change: Change): string {
  const { purpose, machineId, steps } = change;
  const expectations = expectedDigests(steps);
  const owed = steps.flatMap((step) => (step.step === "run" ? [commandLine(step.command)] : []));
  return assembleScript(
    changeFunctions,
    trialFunctions,
    virtualFunctions,
    `owed=${quote(owed.join("\n"))}`,
    call("begin", purpose, machineId ?? ""),
    // Every file and domain is checked before the first is touched.
    ...[...expectations].map(([path, digests]) => call("expect", path, digests)),
    ...steps.flatMap((step) =>
      step.step === "domain" ? [call("expect_domain", step.uuid, step.expect, "changed")] : [],
    ),
    ...programs(steps).map((program) => call("check_command_space", program)),
    ...steps.flatMap((step) =>
      step.step === "trial-image" ? [call("check_trial_space", hostPath(step.image))] : [],
    ),
    ...steps.map((step, index) => renderStep(step, index, expectations)),
    "finish",
  );
}

/** What the script gives one `virsh attach-device` or `detach-device`, and as much to undo it. */
const domainDeviceSeconds = 240;

/** How long a change may take, in seconds: its commands' limits and something for all that is quick. */
export function changeTimeout({ steps }: Change): number {
  const limits = steps.map((step) => {
    if (step.step === "domain") return step.devices.length * domainDeviceSeconds + 60;
    return "timeoutSeconds" in step ? step.timeoutSeconds + 60 : 60;
  });
  return limits.reduce((sum, limit) => sum + limit, 300);
}

type Expectations = ReadonlyMap<string, string>;

/**
 * The contents each file may have: what the plan saw, and what this change makes of it, which is there already when a
 * change that was cut off runs again.
 */
function expectedDigests(steps: readonly Step[]): Expectations {
  const digests = new Map<string, string[]>();
  for (const step of steps) {
    if (step.step !== "write" && step.step !== "remove") continue;
    const made = step.step === "write" ? sha256(contentOf(step)) : ABSENT;
    const known = digests.get(step.path) ?? [step.expect ?? ABSENT];
    digests.set(step.path, [...known, made]);
  }
  return new Map([...digests].map(([path, known]) => [path, [...new Set(known)].join(" ")]));
}

function programs(steps: readonly Step[]): string[] {
  return [...new Set(steps.flatMap((step) => (step.step === "run" ? step.command.slice(0, 1) : [])))];
}

function renderStep(step: Step, index: number, expectations: Expectations): string {
  const number = String(index);
  switch (step.step) {
    case "write":
      return call(
        "write_file",
        number,
        hostPath(step.path),
        step.mode,
        expectations.get(step.path) ?? ABSENT,
        sha256(contentOf(step)),
        contentOf(step).toString("base64"),
      );
    case "remove":
      return call("remove_file", number, hostPath(step.path), expectations.get(step.path) ?? ABSENT);
    case "run":
      return call("run_command", number, String(step.timeoutSeconds), ...step.command);
    case "command":
      return call("plain_command", number, String(step.timeoutSeconds), ...step.command);
    case "background":
      return call("background_command", number, step.name, ...step.command);
    case "feed":
      return call(
        "feed_command",
        number,
        String(step.timeoutSeconds),
        step.owner,
        Buffer.from(step.content, "utf8").toString("base64"),
        ...step.command,
      );
    case "unchanged":
      return call("still_answers", number, step.expect, step.what, ...step.command);
    case "await":
      return call(
        "await_answer",
        number,
        String(step.timeoutSeconds),
        step.pattern,
        step.what,
        ...step.command,
      );
    case "guard":
      return call("guard", number, step.allow.join(" "), ...step.addresses);
    case "bind":
      return call("bind", number, ...step.functions.map(({ address, id }) => `${address}=${id}`));
    case "release":
      return call("release", number, ...step.functions.map(({ address, driver }) => `${address}=${driver}`));
    case "make-functions":
      return call(
        "make_functions",
        number,
        hostPath(step.table),
        step.physical.address,
        step.physical.id,
        step.count === null ? "" : String(step.count),
        step.allow.join(" "),
        ...step.set.map(String),
      );
    case "reset-functions":
      return call(
        "reset_functions",
        number,
        step.physical.address,
        step.physical.id,
        String(step.count),
        step.autoprobe ? "1" : "0",
        step.allow.join(" "),
      );
    case "sysfs":
      if (!step.path.startsWith("/sys/")) throw new Error(`${JSON.stringify(step.path)} is not below /sys.`);
      return call("sysfs", number, hostPath(step.path), step.value);
    case "domain":
      return call(
        "domain_devices",
        number,
        step.uuid,
        step.expect,
        ...step.devices.flatMap(({ verb, layer, xml }) => [verb, layer, base64(xml)]),
      );
    case "restart-domain":
      return call("restart_domain", number, step.uuid, String(step.timeoutSeconds));
    case "trial-image":
      return call(
        "trial_image",
        number,
        String(step.timeoutSeconds),
        step.builder,
        step.kernel,
        hostPath(step.image),
      );
    case "trial-next":
      return call("trial_next", number, step.loader, hostPath(step.entry), hostPath(step.image), step.tag);
    case "trial-end":
      return call("trial_end", number, step.loader, hostPath(step.entry), hostPath(step.image));
    case "reboot":
      return call("reboot_host", number, step.expectBootId);
  }
}

function call(name: string, ...words: readonly string[]): string {
  return [name, ...words.map(quote)].join(" ");
}

function hostPath(path: string): string {
  if (!path.startsWith("/") || path.endsWith("/") || path.split("/").includes(".."))
    throw new Error(`${JSON.stringify(path)} is not the absolute path of a file.`);
  return path;
}

/** A command as it is noted on the host while it is owed: a line. */
function commandLine(command: readonly string[]): string {
  const line = command.join(" ");
  if (command.length === 0 || /[\n\r]/.test(line))
    throw new Error(`${JSON.stringify(command)} cannot be noted as one line on the host.`);
  return line;
}

const contentOf = ({ content, encoding }: Extract<Step, { step: "write" }>): Buffer =>
  Buffer.from(content, encoding ?? "utf8");
const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
const decoded = (text: string): string => Buffer.from(text, "base64").toString("utf8");

const REASONS = ["changed", "critical", "locked", "moved", "machine", "failed"] as const;

/** What the script's answer says of a change; an answer that is missing says that it was cut off. */
export function parseChange(result: RunResult, change: Change): ChangeOutcome {
  const lines = result.stdout.split("\n");
  const log = decoded(lines.find((line) => line.startsWith("::log "))?.slice("::log ".length) ?? "");
  if (lines.includes("::ok")) return { ok: true, log };

  for (const line of lines) {
    const [, index, word, message] = /^::failed (-?\d+) (\w+) (\S*)$/.exec(line) ?? [];
    const reason = REASONS.find((known) => known === word);
    if (index === undefined || reason === undefined || message === undefined) continue;
    return { ok: false, failedStep: Number(index), reason, message: decoded(message), log };
  }
  const { failedStep, where } = lastStep(result.stdout, change);
  return {
    ok: false,
    failedStep,
    reason: "lost",
    message:
      `"${change.purpose}" was cut off ${where} (exit status ${result.code}). Applying it again finishes it.` +
      (result.stderr.trim() === "" ? "" : `\n${result.stderr.trim()}`),
    log,
  };
}

/** What is known of a change whose connection was lost: the step that was the last one heard of. */
export function lostChange(words: string, stdout: string, change: Change): ChangeOutcome {
  const { failedStep, where } = lastStep(stdout, change);
  return {
    ok: false,
    failedStep,
    reason: "lost",
    message: `The connection was lost ${where}: ${words}. The host finishes by itself what it was sent, if it still runs.`,
    log: "",
  };
}

function lastStep(stdout: string, change: Change): { failedStep: number; where: string } {
  const started = stdout
    .split("\n")
    .flatMap((line) => /^::step (\d+)$/.exec(line)?.[1] ?? [])
    .at(-1);
  if (started === undefined) return { failedStep: -1, where: "before any step was heard of" };
  return { failedStep: Number(started), where: `in step ${Number(started) + 1} of ${change.steps.length}` };
}
