import { quote } from "./scripts";
import type { Connection } from "./types";

/** The command that orders a reboot by hand. Keys that stand in the configuration are not part of it. */
export function rebootOrder({
  host,
  user,
  port,
  identityFile,
  hostKey,
}: Omit<Connection, "privateKey">): string {
  const words = [
    user === undefined ? host : `${user}@${host}`,
    ...(port === undefined ? [] : ["--port", String(port)]),
    ...(identityFile === undefined ? [] : ["--identity", identityFile]),
    ...(hostKey === undefined ? [] : ["--host-key", hostKey]),
  ];
  return ["npx passthrough reboot", ...words.map(word)].join(" ");
}

const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : quote(text));
