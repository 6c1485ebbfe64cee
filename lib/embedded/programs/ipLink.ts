import type { VirtualFunctionSettings } from "../state";
import type { Machine } from "../machine";
import type { Answer } from "../callGate";
import { failed } from "./program";

/** The line that `ip -o link show` has for an interface, with the virtual functions that its card has. */
export function shownLink(machine: Machine, name: string): Answer {
  const { files } = machine;
  const node = `/sys/class/net/${name}`;
  if (!files.exists(node)) return failed(`Device "${name}" does not exist.`);
  const read = (attribute: string) => files.read(`${node}/${attribute}`)?.trim() ?? "";
  const functions = settingsBehind(machine, name).map(
    ({ mac, vlan, trust, spoofCheck }, number) =>
      `\\    vf ${number}     link/ether ${mac} brd ff:ff:ff:ff:ff:ff${vlan > 0 ? `, vlan ${vlan}` : ""}, ` +
      `spoof checking ${onOff(spoofCheck)}, link-state auto, trust ${onOff(trust)}`,
  );
  return {
    output:
      `${read("ifindex")}: ${name}: <BROADCAST,MULTICAST> mtu ${read("mtu")} qdisc mq state ${read("operstate").toUpperCase()} ` +
      `mode DEFAULT group default qlen 1000\\    link/ether ${read("address")} brd ff:ff:ff:ff:ff:ff${functions.join("")}\n`,
  };
}

type Set = (settings: VirtualFunctionSettings, value: string) => string | null;

const setters: Readonly<Record<string, Set>> = {
  mac: (settings, value) => {
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value)) return `"${value}" is invalid lladdr.`;
    settings.mac = value.toLowerCase();
    return null;
  },
  vlan: (settings, value) => {
    if (!/^\d+$/.test(value) || Number(value) > 4095)
      return `Error: argument "${value}" is wrong: Invalid "vlan" value`;
    settings.vlan = Number(value);
    return null;
  },
  trust: (settings, value) => switched(value, (on) => (settings.trust = on), "trust"),
  spoofchk: (settings, value) => switched(value, (on) => (settings.spoofCheck = on), "spoofchk"),
};

/** `ip link set dev <name> vf <n> <setting> <value> ...` */
export function setLink(machine: Machine, words: readonly string[]): Answer {
  const rest = [...words];
  if (rest[0] === "dev") rest.shift();
  const name = rest.shift() ?? "";
  if (!machine.files.exists(`/sys/class/net/${name}`)) return failed(`Cannot find device "${name}"`);
  if (rest.shift() !== "vf")
    return failed('Error: either "dev" is duplicate, or not for an embedded host.', 255);
  const settings = settingsBehind(machine, name)[Number(rest.shift())];
  if (settings === undefined) return failed("RTNETLINK answers: Invalid argument", 2);
  while (rest.length > 0) {
    const key = rest.shift() ?? "";
    const set = setters[key];
    const problem =
      set === undefined ? `Error: argument "${key}" is wrong` : set(settings, rest.shift() ?? "");
    if (problem !== null) return failed(problem, 255);
  }
  machine.save();
  return {};
}

function switched(value: string, set: (on: boolean) => void, what: string): string | null {
  if (value !== "on" && value !== "off")
    return `Error: argument "${value}" is wrong: Invalid "${what}" value`;
  set(value === "on");
  return null;
}

function settingsBehind({ files, state }: Machine, name: string): VirtualFunctionSettings[] {
  const device = files.linkedPath(`/sys/class/net/${name}/device`)?.split("/").pop();
  return state.virtualFunctions?.[device ?? ""] ?? [];
}

function onOff(on: boolean): string {
  return on ? "on" : "off";
}
