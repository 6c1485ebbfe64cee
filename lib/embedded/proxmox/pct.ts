import { setTimeout as wait } from "node:timers/promises";
import type { Answer } from "../callGate";
import type { Machine } from "../machine";
import { failed, type Program } from "../programs/program";
import { alone } from "../surroundings";

const socket = (id: string) => `@/var/lib/lxc/${id}/command`;
const table = "/proc/net/unix";

export function containerIds({ files, profile }: Machine): string[] {
  const names = files.list(`/etc/pve/nodes/${profile.proxmox?.node ?? ""}/lxc`);
  return names.flatMap((name) => /^(\d+)\.conf$/.exec(name)?.[1] ?? []).sort((a, b) => Number(a) - Number(b));
}

export function containerConfiguration({ files, profile }: Machine, id: string): string | null {
  return files.read(`/etc/pve/nodes/${profile.proxmox?.node ?? ""}/lxc/${id}.conf`);
}

export function isContainerRunning({ files }: Machine, id: string): boolean {
  return (files.read(table) ?? "").split("\n").some((line) => line.endsWith(` ${socket(id)}`));
}

/** A container that runs listens on a socket of its own. */
export function setContainerRunning(machine: Machine, id: string, running: boolean): void {
  const { files } = machine;
  const lines = (files.read(table) ?? "Num       RefCount Protocol Flags    Type St Inode Path\n")
    .split("\n")
    .filter((line) => line !== "" && !line.endsWith(` ${socket(id)}`));
  const own = `ffff9a0012345678: 00000002 00000000 00010000 0001 01 41000 ${socket(id)}`;
  files.write(table, `${[...lines, ...(running ? [own] : [])].join("\n")}\n`);
}

export function startContainer(machine: Machine, id: string): void {
  setContainerRunning(machine, id, true);
}

/** Waits as long as a guest takes to shut down; false: it does not within the limit. */
export async function shutsDown({ state }: Machine, guest: string, limit: number): Promise<boolean> {
  const seconds = { ...alone.slowGuests, ...state.surroundings?.slowGuests }[guest];
  if (seconds === undefined) return true;
  const stops = seconds !== null && seconds <= limit;
  await wait((stops ? seconds : limit) * 1000, undefined, { ref: false });
  return stops;
}

export const pct: Program = async ({ arguments: args }, machine): Promise<Answer> => {
  const [command = "", id = "", ...options] = args;
  if (command !== "list" && containerConfiguration(machine, id) === null)
    return failed(
      `Configuration file 'nodes/${machine.profile.proxmox?.node ?? ""}/lxc/${id}.conf' does not exist`,
      2,
    );
  const runs = isContainerRunning(machine, id);
  const option = (name: string) => options[options.indexOf(`--${name}`) + 1];
  switch (command) {
    case "status":
      return { output: `status: ${runs ? "running" : "stopped"}\n` };
    case "start":
      if (runs) return failed(`CT ${id} already running`, 255);
      startContainer(machine, id);
      return {};
    case "stop":
      setContainerRunning(machine, id, false);
      return {};
    case "shutdown": {
      if (!runs) return failed(`CT ${id} not running`, 255);
      const limit = Number(options.includes("--timeout") ? option("timeout") : 60);
      const forced = options.includes("--forceStop") && option("forceStop") === "1";
      if (!(await shutsDown(machine, id, limit)) && !forced)
        return failed(`command 'lxc-stop -n ${id} --nokill --timeout ${limit}' failed: exit code 1`, 255);
      setContainerRunning(machine, id, false);
      return {};
    }
    default:
      return failed(`ERROR: unknown command 'pct ${command}'`, 255);
  }
};
