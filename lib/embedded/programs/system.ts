import { setLink, shownLink } from "./ipLink";
import { failed, type Program } from "./program";
import { enableUnits, isEnabled, restartUnits } from "./systemd";

const reboot: Program = (_call, machine) => {
  machine.onReboot("orderly");
  return {};
};

const systemctl: Program = (call, machine) => {
  const [verb = ""] = call.arguments.filter((argument) => !argument.startsWith("-"));
  if (verb === "reboot") return reboot(call, machine);
  if (verb === "is-system-running") return { output: "running\n" };
  const [, ...units] = call.arguments.filter((argument) => !argument.startsWith("-"));
  if (verb === "try-restart") return restartUnits(machine, units);
  if (verb === "enable" || verb === "disable") return enableUnits(machine, units, verb === "enable");
  if (verb === "is-enabled" && units.some((unit) => isEnabled(machine, unit))) return { output: "enabled\n" };
  if (verb === "is-active" || verb === "is-enabled") return { output: "inactive\n", code: 3 };
  return {};
};

const uname: Program = ({ arguments: args }, machine) => {
  const known: Readonly<Record<string, string>> = {
    s: "Linux",
    n: machine.profile.hostname,
    r: machine.release,
    m: machine.profile.architecture ?? "x86_64",
    o: "GNU/Linux",
  };
  const letters = args.flatMap((argument) =>
    argument === "-a" ? ["s", "n", "r", "m", "o"] : [...argument.slice(1)],
  );
  return {
    output: `${(letters.length > 0 ? letters : ["s"]).map((letter) => known[letter] ?? "unknown").join(" ")}\n`,
  };
};

const ip: Program = ({ arguments: args }, machine) => {
  const { profile } = machine;
  const { address, addresses, routes, interfaces } = profile.network;
  const words = args.filter((argument) => !argument.startsWith("-"));
  const [object = "", verb = "show", target] = words;
  const outward = interfaces[interfaces.length - 1]?.name ?? "lo";
  if (/^a/.test(object)) return { output: addresses };
  if (/^r/.test(object) && verb === "get") {
    if (target === undefined) return failed("need at least a destination address");
    const local = target === address || target.startsWith("127.");
    const way = local ? `local ${target} dev lo src ${address}` : `${target} dev ${outward} src ${address}`;
    return { output: `${way} uid 0 \\    cache \n` };
  }
  if (/^r/.test(object))
    return { output: words.includes("default") ? (/^default.*\n/m.exec(routes)?.[0] ?? "") : routes };
  if (/^l/.test(object) && verb === "set") return setLink(machine, words.slice(2));
  if (/^l/.test(object) && target === "dev") return shownLink(machine, words[3] ?? "");
  if (/^l/.test(object)) return { output: addresses.replace(/ {4}inet6? .*$/gm, "") };
  return failed(`Object "${object}" is unknown, try "ip help".`);
};

/** logind's list of what puts a shutdown off. */
const busctl: Program = ({ arguments: args }, { state }) => {
  if (args.at(-1) !== "ListInhibitors") return failed(`Unknown method ${args.at(-1) ?? ""}`);
  const asked = (state.surroundings?.inhibitors ?? []).map(({ who, why }) => [
    "shutdown:sleep",
    who,
    why,
    "block",
    0,
    4242,
  ]);
  const always = [
    "handle-power-key:sleep",
    "NetworkManager",
    "networks have to be turned off",
    "delay",
    0,
    600,
  ];
  return { output: `${JSON.stringify({ type: "a(ssssuu)", data: [[always, ...asked]] })}\n` };
};

const zpool: Program = ({ arguments: args }, { profile }) => {
  if (args[0] !== "list") return failed(`unrecognized command '${args[0] ?? ""}'`, 2);
  return profile.zpools === "" ? { errors: "no pools available\n" } : { output: profile.zpools };
};

/** Programs that every system has. */
export const systemPrograms: Readonly<Record<string, Program>> = { reboot, systemctl, uname, ip, busctl };
export const zfsPrograms: Readonly<Record<string, Program>> = { zpool };
