import common from "./scripts/common.sh";
import critical from "./scripts/critical.sh";
import criticalBoot from "./scripts/criticalBoot.sh";
import criticalControl from "./scripts/criticalControl.sh";
import criticalGuests from "./scripts/criticalGuests.sh";
import criticalNetwork from "./scripts/criticalNetwork.sh";

// Both the probe and the guard of a change find out what the host lives on.
const shared = [common, critical, criticalBoot, criticalNetwork, criticalControl, criticalGuests];

/**
 * One script made of parts. It is a function that the last line calls: a transfer that was cut off runs nothing. What
 * it starts reads nothing of the script, which is the shell's standard input.
 */
export function assembleScript(...parts: readonly string[]): string {
  return ["main() {", ...shared, ...parts, "}", "main </dev/null", ""].join("\n");
}

/** `text` as one word of the shell, whatever it holds. */
export function quote(text: string): string {
  if (text.includes("\0"))
    throw new Error(`${JSON.stringify(text)} holds a NUL, which no command line can carry.`);
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
