import { isDeepStrictEqual } from "node:util";
import { defaultPreparation, type RebootPreparation } from "../model/rebootPreparation";
import { quote } from "./scripts";
import type { Connection } from "./types";

/**
 * The command that orders a reboot by hand, with what is declared to happen before it. Keys that stand in the
 * configuration are not part of it.
 */
export function rebootOrder(
  { host, user, port, identityFile, hostKey }: Omit<Connection, "privateKey">,
  preparation: RebootPreparation = defaultPreparation,
): string {
  const words = [
    user === undefined ? host : `${user}@${host}`,
    ...(port === undefined ? [] : ["--port", String(port)]),
    ...(identityFile === undefined ? [] : ["--identity", identityFile]),
    ...(hostKey === undefined ? [] : ["--host-key", hostKey]),
    ...(Object.keys(flags) as (keyof RebootPreparation)[]).flatMap((name) =>
      isDeepStrictEqual(preparation[name], defaultPreparation[name]) ? [] : flags[name](preparation),
    ),
  ];
  return ["npx passthrough reboot", ...words.map(word)].join(" ");
}

/** The options of the command by what they declare. The one that takes several words comes last. */
const flags: Readonly<Record<keyof RebootPreparation, (preparation: RebootPreparation) => string[]>> = {
  shutdownTimeout: ({ shutdownTimeout }) => ["--shutdown-timeout", String(shutdownTimeout)],
  unresponsive: () => ["--power-off"],
  migrateTo: ({ migrateTo }) => (migrateTo === null ? [] : ["--migrate-to", migrateTo]),
  busyTimeout: ({ busyTimeout }) => ["--busy-timeout", String(busyTimeout)],
  migrationTimeout: ({ migrationTimeout }) => ["--migration-timeout", String(migrationTimeout)],
  immovable: () => ["--shut-down-immovable"],
  despite: ({ despite }) => ["--despite", ...despite],
};

const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : quote(text));
