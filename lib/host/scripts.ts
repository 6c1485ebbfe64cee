import common from "./scripts/common.sh";
import critical from "./scripts/critical.sh";

/**
 * One script made of parts. It is a function that the last line calls: a transfer that was cut off runs nothing. What
 * it starts reads nothing of the script, which is the shell's standard input.
 */
export function assembleScript(...parts: readonly string[]): string {
  return ["main() {", common, critical, ...parts, "}", "main </dev/null", ""].join("\n");
}

/** `text` as one word of the shell, whatever it holds. */
export function quote(text: string): string {
  if (text.includes("\0"))
    throw new Error(`${JSON.stringify(text)} holds a NUL, which no command line can carry.`);
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
