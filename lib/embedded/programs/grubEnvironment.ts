import type { Files } from "../files";
import { failed, type Program } from "./program";

const environment = "/boot/grub/grubenv";
const blockSize = 1024;

/** The variables of GRUB's environment block. */
export function readEnvironment(files: Files, path = environment): Map<string, string> {
  const lines = (files.read(path) ?? "")
    .split("\n")
    .filter((line) => !line.startsWith("#") && line.includes("="));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

export function writeEnvironment(
  files: Files,
  variables: ReadonlyMap<string, string>,
  path = environment,
): void {
  const lines = [...variables].map(([name, value]) => `${name}=${value}\n`);
  files.replace(path, `# GRUB Environment Block\n${lines.join("")}`.padEnd(blockSize, "#"));
}

export const grubReboot: Program = ({ arguments: args }, { files }) => {
  const [entry] = args;
  if (entry === undefined || entry.startsWith("-")) return failed("Usage: grub-reboot [OPTION] MENU_ENTRY");
  writeEnvironment(files, readEnvironment(files).set("next_entry", entry));
  return {};
};

/** `grub-editenv <file> list | set <name>=<value>... | unset <name>...` */
export const grubEditenv: Program = ({ arguments: args }, { files }) => {
  const [file = "-", command, ...words] = args;
  const path =
    file === "-" ? environment : file.startsWith(files.folder) ? file.slice(files.folder.length) : file;
  const variables = readEnvironment(files, path);
  switch (command) {
    case "list":
      return { output: [...variables].map(([name, value]) => `${name}=${value}\n`).join("") };
    case "set":
      for (const word of words)
        variables.set(word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1));
      break;
    case "unset":
      for (const word of words) variables.delete(word);
      break;
    default:
      return failed(`grub-editenv: error: Unknown command \`${command ?? ""}'.`);
  }
  writeEnvironment(files, variables, path);
  return {};
};

/** What GRUB does with `next_entry` before it shows its menu: takes it for this boot, and forgets it for the next. */
export function takeNextEntry(files: Files, path = environment): string | null {
  const variables = readEnvironment(files, path);
  const entry = variables.get("next_entry") ?? "";
  if (entry === "") return null;
  writeEnvironment(files, variables.set("next_entry", ""), path);
  return entry;
}
