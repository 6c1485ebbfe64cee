import { cloudOf, find, OneError, pciConfFile } from "./database";
import { monitor } from "./monitoring";
import { has, oneCommand, reading, updating, word, type Command, type Kind, type Verb } from "./commands";
import { hostJson } from "./json";
import type { HostRow } from "./types";

const hosts: Kind<HostRow> = {
  name: "HOST",
  pool: "HOST_POOL",
  rows: (database) => database.hosts,
  json: hostJson,
};

/** Those that are named, separated by commas; all where none is. */
function chosen({ database, words: [names] }: Command): HostRow[] {
  if (names === undefined) return database.hosts;
  return names.split(",").map((name) => find("HOST", database.hosts, name));
}

const to =
  (state: HostRow["state"]): Verb =>
  (command) => {
    word(command, 0, "host");
    for (const host of chosen(command)) host.state = state;
  };

/** Disables the host and has its VMs rescheduled: here they move to the next host that takes some. */
const flush: Verb = (command) => {
  word(command, 0, "host");
  for (const host of chosen(command)) {
    host.state = "DISABLED";
    const other = command.database.hosts.find(({ state }) => state === "MONITORED");
    for (const vm of command.database.vms) {
      if (vm.host !== host.id || vm.state !== "RUNNING") continue;
      // A VM with a device of this host cannot move while it runs with it.
      const pinned = vm.template.some(([name]) => name === "PCI");
      if (other && !pinned) vm.host = other.id;
    }
  }
};

/** Without --force nothing happens where the version is the same, and a changed configuration has no version. */
const sync: Verb = (command) => {
  if (!has(command, "--force", "-f")) return "Host is already up to date\n";
  const synced = command.machine.files.read(pciConfFile) ?? "";
  const there = chosen(command).filter(({ state }) => state !== "OFFLINE");
  if (there.some(({ state }) => state === "ERROR")) {
    const names = there.filter(({ state }) => state === "ERROR").map(({ name }) => name);
    throw new OneError(`Failed to update the following hosts:\n* ${names.join("\n* ")}`);
  }
  for (const host of there) host.synced = synced;
  return `${there.map(({ name }) => `* Adding ${name} to upgrade\n`).join("")}All hosts updated successfully.\n`;
};

const forceupdate: Verb = (command) => {
  for (const host of chosen(command)) monitor(cloudOf(command.machine), host, command.database.vms);
};

export const onehost = oneCommand("onehost", {
  ...reading(hosts),
  update: updating(hosts),
  enable: to("MONITORED"),
  disable: to("DISABLED"),
  offline: to("OFFLINE"),
  flush,
  sync,
  forceupdate,
});
