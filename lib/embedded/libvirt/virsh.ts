import { randomUUID } from "node:crypto";
import type { Answer } from "../callGate";
import type { Machine } from "../machine";
import type { Program } from "../programs/program";
import { addHostdev, removeHostdev } from "./hostdev";
import { giveHostdevBack, startDomain, stopDomain, takeHostdev } from "./startDomain";
import {
  childrenOf,
  devicesOf,
  domainOf,
  domains,
  identity,
  parse,
  print,
  removeConfiguration,
  rootOf,
  saveConfiguration,
  saveLive,
  setAutostart,
  VirshError,
} from "./store";

interface Command {
  readonly machine: Machine;
  readonly words: readonly string[];
  readonly flags: ReadonlySet<string>;
}

/** Commands that a read-only connection refuses, by the call that they are of libvirt. */
const changes: Readonly<Record<string, string>> = {
  "attach-device": "virDomainAttachDevice",
  "detach-device": "virDomainDetachDevice",
  define: "virDomainDefineXML",
  undefine: "virDomainUndefine",
  start: "virDomainCreate",
  shutdown: "virDomainShutdown",
  destroy: "virDomainDestroy",
  autostart: "virDomainSetAutostart",
};

const commands: Readonly<Record<string, (command: Command) => string>> = {
  // Without -q virsh itself ends the line.
  echo: ({ words }) => words.join(" "),
  list,
  dumpxml,
  domstate: ({ machine, words }) =>
    `${domainOf(machine, words[0] ?? "").live === null ? "shut off" : "running"}\n`,
  "attach-device": attachDevice,
  "detach-device": detachDevice,
  define,
  undefine({ machine, words }) {
    removeConfiguration(machine, domainOf(machine, words[0] ?? "").name);
    return "";
  },
  start({ machine, words }) {
    startDomain(machine, domainOf(machine, words[0] ?? ""));
    return "";
  },
  shutdown,
  destroy: stop,
  autostart({ machine, words, flags }) {
    setAutostart(machine, domainOf(machine, words[0] ?? "").name, !flags.has("--disable"));
    return "";
  },
};

/** `virsh [-q] [-r] [-c URI] command...`; one argument alone may hold several commands with `;` between them. */
export const virsh: Program = ({ arguments: args }, machine) => {
  const rest = [...args];
  let readOnly = false;
  while (/^-[qrc]$/.test(rest[0] ?? "")) {
    const option = rest.shift();
    if (option === "-r") readOnly = true;
    if (option === "-c" && rest.shift() !== "qemu:///system")
      return { errors: "error: failed to connect to the hypervisor\n", code: 1 };
  }
  const all = rest.length === 1 ? splitCommands(rest[0] ?? "") : [rest];
  const answers = all.map((words) => run(machine, words, readOnly));
  return {
    output: answers.map(({ output = "" }) => output).join(""),
    errors: answers.map(({ errors = "" }) => errors).join(""),
    code: answers.at(-1)?.code ?? 0,
  };
};

function run(machine: Machine, [name = "", ...rest]: readonly string[], readOnly: boolean): Answer {
  const command = commands[name];
  if (!command) return { errors: `error: unknown command: '${name}'\n`, code: 1 };
  const words = rest.filter((word) => !word.startsWith("--"));
  const flags = new Set(rest.filter((word) => word.startsWith("--")));
  try {
    const call = changes[name];
    if (readOnly && call !== undefined)
      throw new VirshError(`operation forbidden: read only access prevents ${call}`);
    return { output: command({ machine, words, flags }) };
  } catch (error) {
    if (!(error instanceof VirshError)) throw error;
    return { errors: `error: ${error.message}\n`, code: 1 };
  }
}

function splitCommands(text: string): string[][] {
  return text
    .split(";")
    .map((command) => (command.match(/'[^']*'|[^\s']+/g) ?? []).map((word) => word.replaceAll("'", "")))
    .filter((words) => words.length > 0);
}

function list({ machine, flags }: Command): string {
  const shown = domains(machine).filter(
    ({ live, configuration, autostart }) =>
      (flags.has("--all") || live !== null) &&
      (!flags.has("--persistent") || configuration !== null) &&
      (!flags.has("--autostart") || autostart),
  );
  if (flags.has("--uuid")) return shown.map(({ uuid }) => `${uuid}\n`).join("");
  if (flags.has("--name")) return shown.map(({ name }) => `${name}\n`).join("");
  return shown
    .map(
      ({ name, live }, at) =>
        ` ${live === null ? "-" : at + 1}   ${name}   ${live === null ? "shut off" : "running"}\n`,
    )
    .join("");
}

/** Without --security-info, passwords are left out. */
function dumpxml({ machine, words, flags }: Command): string {
  const { configuration, live } = domainOf(machine, words[0] ?? "");
  const xml = (flags.has("--inactive") ? configuration : live) ?? configuration ?? live ?? "";
  return flags.has("--security-info") ? xml : xml.replace(/ passwd='[^']*'/g, "");
}

function define({ machine, words }: Command): string {
  const document = parse(fileOf(machine, words[0] ?? ""));
  const { name } = identity(document);
  if (name === "" || /[/\n]/.test(name)) throw new VirshError(`XML error: name ${name} cannot contain '/'`);
  const [given] = childrenOf(rootOf(document), "uuid");
  if (!given) {
    const uuid = document.createElement("uuid");
    uuid.appendChild(document.createTextNode(randomUUID()));
    const [first] = childrenOf(rootOf(document), "name");
    first?.parentNode?.insertBefore(uuid, first.nextSibling);
    first?.parentNode?.insertBefore(document.createTextNode("\n  "), uuid);
  }
  saveConfiguration(machine, name, print(document));
  return `Domain '${name}' defined from ${words[0] ?? ""}\n`;
}

function stop({ machine, words }: Command): string {
  stopDomain(machine, domainOf(machine, words[0] ?? ""));
  return "";
}

/** It asks the guest, and does not wait for it. */
function shutdown(command: Command): string {
  const { machine, words } = command;
  const { name, live } = domainOf(machine, words[0] ?? "");
  if (live === null) throw new VirshError("Requested operation is not valid: domain is not running");
  const seconds = machine.state.surroundings?.slowGuests?.[name];
  if (seconds === undefined) return stop(command);
  if (seconds !== null) {
    const later = setTimeout(() => {
      if (domainOf(machine, name).live !== null) stop(command);
    }, seconds * 1000);
    later.unref();
  }
  return "";
}

function attachDevice({ machine, words, flags }: Command): string {
  const domain = domainOf(machine, words[0] ?? "");
  const device = rootOf(parse(fileOf(machine, words[1] ?? "")));
  eachLayer(domain, flags, (xml, live) => {
    const document = parse(xml);
    addHostdev(document, device, live);
    if (live) takeHostdev(machine, domain.name, device);
    (live ? saveLive : saveConfiguration)(machine, domain.name, print(document));
  });
  return "Device attached successfully\n\n";
}

function detachDevice({ machine, words, flags }: Command): string {
  const domain = domainOf(machine, words[0] ?? "");
  const device = rootOf(parse(fileOf(machine, words[1] ?? "")));
  eachLayer(domain, flags, (xml, live) => {
    const document = parse(xml);
    const before = devicesOf(document);
    removeHostdev(document, device);
    (live ? saveLive : saveConfiguration)(machine, domain.name, print(document));
    const [gone] = before.filter((known) => known.parentNode === null);
    if (live && gone) giveHostdevBack(machine, gone);
  });
  return "Device detached successfully\n\n";
}

function eachLayer(
  { configuration, live }: ReturnType<typeof domainOf>,
  flags: ReadonlySet<string>,
  act: (xml: string, live: boolean) => void,
): void {
  if (flags.has("--config")) {
    if (configuration === null)
      throw new VirshError(
        "Requested operation is not valid: transient domains do not have any persistent config",
      );
    act(configuration, false);
  }
  if (flags.has("--live")) {
    if (live === null) throw new VirshError("Requested operation is not valid: domain is not running");
    act(live, true);
  }
}

/** Scripts name files as this machine does, people as the host does. */
function fileOf({ files }: Machine, path: string): string {
  const text = files.read(path.startsWith(`${files.folder}/`) ? path.slice(files.folder.length) : path);
  if (text === null) throw new VirshError(`Failed to open file '${path}': No such file or directory`);
  return text;
}
