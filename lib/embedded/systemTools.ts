import { accessSync, constants, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * What a host's scripts may use of the machine they really run on. Everything else stays out of reach: on a
 * developer's own hypervisor an `update-grub` that no profile shadows would be the real one.
 */
const tools = (
  "[ awk base32 base64 basename bash cat chgrp chmod chown cksum cmp comm cp cut dash date dd df diff dirname du echo " +
  "egrep env expr false fgrep find flock fold gawk getent getopt grep gunzip gzip head hexdump hostname id install join " +
  "kill ln logger ls mawk md5sum mkdir mkfifo mktemp mv nice nl nohup od paste pgrep printenv printf ps pwd readlink " +
  "realpath rev rm rmdir sed seq setsid sh sha1sum sha256sum sha512sum shuf sleep sort split stat stdbuf stty sum sync " +
  "tac tail tee test timeout touch tr true truncate tsort tty uniq uuidgen wc which whoami xargs xxd yes"
).split(" ");

/** Fills a folder with links to those of the tools that are there. */
export function linkTools(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const path = (process.env["PATH"] ?? "").split(delimiter).filter(Boolean);
  const places = [...path, "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  for (const tool of tools) {
    const found = places.map((place) => join(place, tool)).find(isExecutable);
    if (found !== undefined) symlinkSync(found, join(folder, tool));
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
