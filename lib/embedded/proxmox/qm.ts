import type { Answer } from "../callGate";
import type { Machine } from "../machine";
import { failed, type Program } from "../programs/program";
import { migrateVm } from "./migration";
import { shutsDown } from "./pct";
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

const commands: Readonly<Record<string, (command: Command) => Answer | Promise<Answer>>> = {
  config,
  pending,
  set,
  status,
  start,
  stop,
  shutdown,
  reboot,
  unlock,
  destroy,
};

export const qm: Program = ({ arguments: args }, machine) => {
  const [name = "", id = "", ...rest] = args;
  if (name === "list") return { output: list(machine) };
  if (name === "create") return attempt(() => create({ machine, id, options: parseOptions(rest) }));
  if (name === "clone") {
    const [newId = "", ...words] = rest;
    return attempt(() => clone({ machine, id, options: parseOptions(words) }, newId));
  }
  if (name === "migrate") {
    const [target = "", ...words] = rest;
    return attempt(() => migrate({ machine, id, options: parseOptions(words) }, target));
  }
  const command = commands[name];
  if (!command)
    return failed(`ERROR: unknown command 'qm ${name}'\nUSAGE: qm <COMMAND> [ARGS] [OPTIONS]`, 255);
  return attempt(() => {
    requireId(id, name);
    return command({ machine, id, options: parseOptions(rest) });
  });
};

async function attempt(work: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QmError) return failed(error.message, error.code);
    throw error;
  }
}

function requireId(id: string, command: string): void {
  if (!/^[1-9]\d{2,8}$/.test(id))
    throw new QmError(badParameters([`vmid: type check ('integer') failed - got '${id}'`], command));
}

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
  /^(name|description|onboot|startup|protection|tags|shares|hookscript|template|usb\d+|net\d+|balloon|lock)$/;
const notSettings = new Set(["digest", "delete", "revert", "force", "skiplock", "background_delay"]);

/** What `set` and `create` share: every value by its grammar. */
function verify(
  settings: readonly (readonly [string, string])[],
  command: string,
  more: readonly string[] = [],
): void {
  const unknown = settings.find(([key]) => !isKnownSetting(key));
  if (unknown)
    throw new QmError(
      `Unknown option: ${unknown[0]}\n400 unable to parse option\nqm ${command} <vmid> [OPTIONS]`,
    );
  const complaints = [...settings.flatMap(([key, value]) => complaintsAbout(key, value)), ...more];
  if (complaints.length > 0) throw new QmError(badParameters(complaints, command));
}

function set({ machine, id, options }: Command): Answer {
  const settings = Object.entries(options).flatMap(([key, value]) =>
    notSettings.has(key) ? [] : [[key, withMac(id, key, value)] as const],
  );
  const deleted = listOf(options["delete"]);
  verify(settings, "set", [
    ...deleted.filter((key) => !isKnownSetting(key)).map((key) => `delete: unknown option '${key}'`),
    ...settings
      .filter(([key]) => deleted.includes(key))
      .map(([key]) => `${key}: duplicate definition (delete and set)`),
  ]);

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

async function shutdown(command: Command): Promise<Answer> {
  const { machine, id, options } = command;
  const { configuration } = readVm(machine, id);
  refuseLocked(configuration, options);
  if (!isRunning(machine, id)) throw new QmError(`VM ${id} not running`);
  const limit = Number(options["timeout"] ?? 180);
  if (!(await shutsDown(machine, id, limit)) && options["forceStop"] !== "1")
    throw new QmError("VM quit/powerdown failed - got timeout");
  return stop(command);
}

async function reboot(command: Command): Promise<Answer> {
  const { machine, id } = command;
  await shutdown(command);
  startVm(machine, id);
  return {};
}

function refuseExisting(machine: Machine, id: string): void {
  const node = machine.profile.proxmox?.node ?? "";
  if (machine.files.read(configurationPath(machine, id)) !== null)
    throw new QmError(`unable to create VM ${id} - VM ${id} already exists on node '${node}'`);
}

/** `storage:size` allocates a disk of that many GiB, any other value is taken as it is. */
function allocated(id: string, settings: Readonly<Record<string, string>>): Record<string, string> {
  let disks = 0;
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => {
      const isDisk = /^(scsi|sata|ide|virtio|efidisk|tpmstate)\d+$/.test(key);
      const [, storage, size, rest = ""] = (isDisk && /^([a-z][\w.-]*):(\d+)((?:,.*)?)$/i.exec(value)) || [];
      if (storage === undefined || size === undefined) return [key, withMac(id, key, value)];
      const shown = key.startsWith("efidisk") ? "4M" : `${size}G`;
      return [key, `${storage}:vm-${id}-disk-${disks++}${rest},size=${shown}`];
    }),
  );
}

/** A network card without an address gets one. */
function withMac(id: string, key: string, value: string): string {
  const [, model, rest = ""] = (/^net\d+$/.test(key) && /^([a-z0-9-]+)((?:,.*)?)$/.exec(value)) || [];
  if (model === undefined) return value;
  const number = (Number(id) + Number(key.slice(3))).toString(16).padStart(6, "0");
  return `${model}=BC:24:11:${(number.match(/../g) ?? []).join(":").toUpperCase()}${rest}`;
}

function create({ machine, id, options }: Command): Answer {
  requireId(id, "create");
  const { description, ...settings } = options;
  verify(Object.entries(settings), "create");
  refuseExisting(machine, id);
  saveVm(machine, id, {
    description: description === undefined ? [] : description.split("\n"),
    current: allocated(id, { meta: "creation-qemu=9.0.2,ctime=1731900000", ...settings }),
    pending: {},
    deleted: [],
    snapshots: "",
  });
  return {};
}

/** Of a template's disks a clone is built on them, unless it is to be full; of a VM's they are copied. */
function clone({ machine, id, options }: Command, newId: string): Answer {
  for (const one of [id, newId]) requireId(one, "clone");
  requireKnown(options, "clone", "name description full storage target pool format snapname bwlimit");
  const { configuration } = readVm(machine, id);
  refuseLocked(configuration);
  refuseExisting(machine, newId);
  const isLinked = configuration.current["template"] === "1" && options["full"] !== "1";
  const storage = options["storage"];
  if (isLinked && storage !== undefined)
    throw new QmError("parameter 'storage' not allowed for linked clones");
  const { template: _template, ...inherited } = configuration.current;
  const current = Object.entries(inherited).map(([key, value]) => {
    const own = value.replace(new RegExp(`(vm|base)-${id}-disk`, "g"), `vm-${newId}-disk`);
    return [key, storage === undefined ? own : own.replace(/^[\w.-]+(?=:vm-)/, storage)] as const;
  });
  saveVm(machine, newId, {
    description: options["description"] === undefined ? configuration.description : [options["description"]],
    current: {
      ...Object.fromEntries(current),
      name: options["name"] ?? `Copy-of-VM-${inherited["name"] ?? id}`,
    },
    pending: {},
    deleted: [],
    snapshots: "",
  });
  return { output: `create ${isLinked ? "linked" : "full"} clone of VM ${id}\n` };
}

function migrate({ machine, id, options }: Command, target: string): Answer {
  requireId(id, "migrate");
  requireKnown(options, "migrate", "online force with-local-disks targetstorage bwlimit");
  const { configuration } = readVm(machine, id);
  refuseLocked(configuration);
  const from = machine.profile.proxmox?.node ?? "";
  migrateVm(machine, { id, from, target, online: options["online"] === "1" });
  return { output: `migration of VM ${id} to node '${target}' finished successfully\n` };
}

function destroy({ machine, id, options }: Command): Answer {
  requireKnown(options, "destroy", "purge skiplock destroy-unreferenced-disks");
  const { configuration } = readVm(machine, id);
  refuseLocked(configuration, options);
  if (configuration.current["protection"] === "1")
    throw new QmError(`can't remove VM ${id} - protection mode enabled`);
  if (isRunning(machine, id)) throw new QmError(`VM ${id} is running - destroy failed`);
  machine.files.remove(configurationPath(machine, id));
  return {};
}

function requireKnown(options: Command["options"], command: string, known: string): void {
  const unknown = Object.keys(options).find((key) => !known.split(" ").includes(key));
  if (unknown !== undefined)
    throw new QmError(
      `Unknown option: ${unknown}\n400 unable to parse option\nqm ${command} <vmid> [OPTIONS]`,
    );
}
