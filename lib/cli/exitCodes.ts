/** What the command's exit code says; a row for each, shown by `--help` and documented in docs/command.md. */
export const exitCodes = {
  done: 0,
  /** Refused, not reached, or not brought about; the words are on stderr. */
  failed: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** `review --gate`: reviewed, and somebody has to approve it. */
  approval: 3,
  /** Ctrl-C or SIGTERM. */
  interrupted: 130,
} as const;

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  done: "done",
  failed: "failed: stderr says what happened and what to do",
  usage: "the command line cannot be understood",
  approval: "review --gate: reviewed, and somebody has to approve it",
  interrupted: "stopped by Ctrl-C or SIGTERM",
};

/** The table in words, a line each. */
export function exitCodeLines(): string[] {
  return Object.entries(exitCodes).map(
    ([name, code]) => `${String(code).padEnd(5)}${meanings[name as keyof typeof exitCodes]}`,
  );
}
