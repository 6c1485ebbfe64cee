import { exitCodes } from "./exitCodes";

/** An error whose words are for the person at the terminal: what happened, and what to do. Printed without a stack. */
export class CliError extends Error {
  constructor(
    message: string,
    /** Exit code of the command. */
    readonly exitCode: number = exitCodes.failed,
  ) {
    super(message);
    this.name = "CliError";
  }
}

/** What cannot be understood of the command line. */
export function usageError(message: string): CliError {
  return new CliError(message, exitCodes.usage);
}

/** The one form of every error on stderr. */
export function errorText(message: string): string {
  return `passthrough: ${message.trimEnd()}\n`;
}
