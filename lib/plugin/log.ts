/** Lines for Terraform's log (TF_LOG); never shown to the user. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error";

/** One JSON object per entry keeps a text of several lines, such as a stack, together. */
export function log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  const entry = {
    ...fields,
    "@level": level,
    "@message": message,
    // Terraform wants microseconds.
    "@timestamp": new Date().toISOString().replace("Z", "000Z"),
  };
  process.stderr.write(`${JSON.stringify(entry)}\n`);
}

export function logError(context: string, error: unknown): void {
  log("error", `${context}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
