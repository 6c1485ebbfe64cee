import { checkParameter, parseCommandLine } from "./kernelParameters";

const variable = "GRUB_CMDLINE_LINUX_DEFAULT";

/**
 * The line of our drop-in for /etc/default/grub.d: appends to what the files before it made.
 * @throws an Error if a parameter could not stand there.
 */
export function grubDropIn(parameters: readonly string[]): string {
  parameters.forEach(checkParameter);
  // The file is read by a shell. checkParameter lets nothing through that double quotes do not keep, but for quotes.
  return `${variable}="${[`$${variable}`, ...parameters].join(" ").replace(/"/g, '\\"')}"\n`;
}

const lineForm = new RegExp(
  `^\\s*${variable}="(?:\\$${variable}|\\$\\{${variable}\\})((?: (?:[^"$\`\\\\]|\\\\")*)?)"\\s*(?:#.*)?$`,
);

/** The parameters of our drop-in; null if somebody changed it beyond recognition. */
export function parseGrubDropIn(text: string): string[] | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  const [, appended] = (lines.length === 1 && lineForm.exec(lines[0] ?? "")) || [];
  if (appended === undefined) return null;
  const { parameters, initStart, balanced } = parseCommandLine(appended.replace(/\\"/g, '"'));
  return balanced && initStart === null ? parameters.map(({ raw }) => raw) : null;
}
