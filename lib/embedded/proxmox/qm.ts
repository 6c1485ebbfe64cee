import type { Answer } from "../callGate";
import type { Machine } from "../machine";
import { failed, type Program } from "../programs/program";
import { startVm } from "./startVm";
import { complaintsAbout, isKnownSetting } from "./settingGrammar";
import {
  configured,
  digestOf,
  parseVmConfiguration,
  type VmConfiguration,
  withPendingApplied,
} from "./vmConfiguration";
import { configurationPath, isRunning, processOf, QmError, readVm, saveVm, setRunning, vmIds } from "./vm";

interface Command {
  readonly machine: Machine;
  readonly id: string;
  /** `--name value` by name; a name without a value is `1`. */
  readonly options: Readonly<Record<string, string>>;
}

const commands: Readonly<Record<string, (command: Command) => Answer>> = {
  config,
  pending,
  set,
  status,
  start,
  stop,
  shutdown,
  reboot,
  unlock,
};

export const qm: Program = ({ arguments: args }, machine) => {
  const [name = "", id = "", ...rest] = args;
  if (name === "list") return { output: list(machine) };
  const command = commands[name];
  if (!command)
    return failed(`ERROR: unknown command 'qm ${name}'\nUSAGE: qm <COMMAND> [ARGS] [OPTIONS]`, 255);
  try {
    if (!/^[1-9]\d{2,8}$/.test(id))
      throw new QmError(badParameters([`vmid: type check ('integer') failed - got '${id}'`], name));
    return command({ machine, id, options: parseOptions(rest) });
  } catch (error) {
    if (error instanceof QmError) return failed(error.message, error.code);
    throw error;
  }
};

function parseOptions(words: readonly string[]): Record<string, string> {
  const options: Record<string, string> = {};
  for (let at = 0; at < words.length; at++) {
    const [, name, inline] = /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(words[at] ?? "") ?? [];
    if (name === undefined) throw new QmError(`400 too many arguments`);
    const next = words[at + 1];
    const takesNext = inline === undefined && next !== undefined && !/^--?[a-zA-Z]/.test(next);
    const value = inline ?? (takesNext ? next : "1");
    if (takesNext) at++;
    options[name] = name === "delete" && options[name] !== undefined ? `${options[name]},${value}` : value;
  }
  return options;
}

function badParameters(lines: readonly string[], command: string): string {
  return `400 Parameter verification failed.\n${lines.join("\n")}\nqm ${command} <vmid> [OPTIONS]`;
}

function list(machine: Machine): string {
  const rows = vmIds(machine).map((id) => {
    const { current } = parseVmConfiguration(machine.files.read(configurationPath(machine, id)) ?? "");
    const columns = [
      id.padStart(10),
      (current["name"] ?? `VM ${id}`).padEnd(20),
      (isRunning(machine, id) ? "running" : "stopped").padEnd(10),
      (current["memory"] ?? "512").padEnd(10),
      "32.00".padStart(12),
      isRunning(machine, id) ? String(processOf(id)) : "0",
    ];
    return `${columns.join(" ")}\n`;
  });
  return `      VMID NAME                 STATUS     MEM(MB)    BOOTDISK(GB) PID       \n${rows.join("")}`;
}

function config({ machine, id, options }: Command): Answer {
  const { configuration } = readVm(machine, id);
  const shown = options["current"] === "1" ? configuration.current : configured(configuration);
  const description =
    configuration.description.length > 0
      ? {
          description: configuration.description
            .map((line) => encodeURIComponent(`${line.trim()}\n`))
            .join(""),
        }
      : {};
  const all = Object.entries({ ...shown, ...description }).sort(([a], [b]) => (a < b ? -1 : 1));
  return { output: all.map(([key, value]) => `${key}: ${value}\n`).join("") };
}

function pending({ machine, id }: Command): Answer {
  const { configuration } = readVm(machine, id);
  const keys = [
    ...new Set([...Object.keys(configuration.current), ...Object.keys(configuration.pending)]),
  ].sort();
  const lines = keys.flatMap((key) => {
    const now = configuration.current[key];
    const next = configuration.pending[key];
    if (configuration.deleted.includes(key)) return [`del ${key}: ${now ?? ""}\n`];
    return [
      ...(now === undefined ? [] : [`cur ${key}: ${now}\n`]),
      ...(next === undefined ? [] : [`new ${key}: ${next}\n`]),
    ];
  });
  return { output: lines.join("") };
}

/** These take effect at once also in a running VM; all others wait for its next start. */
const immediate =
  /^(name|description|onboot|startup|protection|tags|shares|hookscript|template|usb\d+|balloon|lock)$/;
const notSettings = new Set(["digest", "delete", "revert", "force", "skiplock", "background_delay"]);

function set({ machine, id, options }: Command): Answer {
  const settings = Object.entries(options).filter(([key]) => !notSettings.has(key));
  const deleted = listOf(options["delete"]);
  const unknown = settings.find(([key]) => !isKnownSetting(key));
  if (unknown)
    throw new QmError(`Unknown option: ${unknown[0]}\n400 unable to parse option\nqm set <vmid> [OPTIONS]`);
  const complaints = [
    ...settings.flatMap(([key, value]) => complaintsAbout(key, value)),
    ...deleted.filter((key) => !isKnownSetting(key)).map((key) => `delete: unknown option '${key}'`),
    ...settings
      .filter(([key]) => deleted.includes(key))
      .map(([key]) => `${key}: duplicate definition (delete and set)`),
  ];
  if (complaints.length > 0) throw new QmError(badParameters(complaints, "set"));

  const { configuration, text } = readVm(machine, id);
  if (options["digest"] !== undefined && options["digest"] !== digestOf(text)) {
    throw new QmError("detected modified configuration - file changed by other user? Try again.");
  }
  refuseLocked(configuration, options);
  const running = isRunning(machine, id);
  let next = listOf(options["revert"]).reduce(forget, configuration);
  for (const key of deleted) next = remove(next, key, running);
  for (const [key, value] of settings) next = change(next, key, value, running);
  saveVm(machine, id, next);
  const words = [
    ...(deleted.length > 0 ? [`-delete ${deleted.join(",")}`] : []),
    ...settings.map(([key, value]) => `-${key} ${value}`),
  ];
  return { output: `update VM ${id}: ${words.join(" ")}\n` };
}

const listOf = (text = "") => text.split(/[,; ]+/).filter(Boolean);

function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

function forget(configuration: VmConfiguration, key: string): VmConfiguration {
  return {
    ...configuration,
    pending: without(configuration.pending, key),
    deleted: configuration.deleted.filter((name) => name !== key),
  };
}

function remove(configuration: VmConfiguration, key: string, running: boolean): VmConfiguration {
  const forgotten = forget(configuration, key);
  if (configuration.current[key] === undefined) return forgotten;
  if (running && !immediate.test(key)) return { ...forgotten, deleted: [...forgotten.deleted, key].sort() };
  return { ...forgotten, current: without(forgotten.current, key) };
}

function change(
  configuration: VmConfiguration,
  key: string,
  value: string,
  running: boolean,
): VmConfiguration {
  if (key === "description") return { ...configuration, description: value.split("\n") };
  const forgotten = forget(configuration, key);
  if (running && !immediate.test(key)) {
    if (configuration.current[key] === value) return forgotten;
    return { ...forgotten, pending: { ...forgotten.pending, [key]: value } };
  }
  return { ...forgotten, current: { ...forgotten.current, [key]: value } };
}

function refuseLocked({ current }: VmConfiguration, options: Readonly<Record<string, string>> = {}): void {
  if (current["lock"] !== undefined && options["skiplock"] === undefined)
    throw new QmError(`VM is locked (${current["lock"]})`);
}

function unlock({ machine, id }: Command): Answer {
  const { configuration } = readVm(machine, id);
  saveVm(machine, id, { ...configuration, current: without(configuration.current, "lock") });
  return {};
}

function status({ machine, id }: Command): Answer {
  readVm(machine, id);
  return { output: `status: ${isRunning(machine, id) ? "running" : "stopped"}\n` };
}

function start({ machine, id, options }: Command): Answer {
  const { configuration } = readVm(machine, id);
  refuseLocked(configuration, options);
  if (isRunning(machine, id)) throw new QmError(`VM ${id} already running`);
  startVm(machine, id);
  return {};
}

function stop({ machine, id, options }: Command): Answer {
  const { configuration } = readVm(machine, id);
  refuseLocked(configuration, options);
  if (!isRunning(machine, id)) return {};
  setRunning(machine, id, false);
  saveVm(machine, id, withPendingApplied(configuration));
  return {};
}

function shutdown(command: Command): Answer {
  const { machine, id } = command;
  readVm(machine, id);
  if (!isRunning(machine, id)) throw new QmError(`VM ${id} not running`);
  return stop(command);
}

function reboot(command: Command): Answer {
  const { machine, id } = command;
  shutdown(command);
  startVm(machine, id);
  return {};
}
