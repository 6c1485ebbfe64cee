/** An error whose words are for the person at the terminal: printed without a stack. */
export class CliError extends Error {
  constructor(
    message: string,
    /** Exit code of the command. */
    readonly exitCode: number = 1,
  ) {
    super(message);
    this.name = "CliError";
  }
}
