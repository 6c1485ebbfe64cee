import pico from "picocolors";

type Environment = Readonly<Record<string, string | undefined>>;

/** The part of a stream that decides how to write to it. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export type Colors = ReturnType<typeof pico.createColors>;

/** Colours where somebody looks at a terminal that can show them, and did not ask for none (no-color.org). */
export function colorsOf(output: Pick<Output, "isTTY">, env: Environment = process.env): Colors {
  return pico.createColors(output.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb");
}

/** How long work tells how far it is. */
export interface Progress {
  /** What stays to be read. */
  say(line: string): void;
  /**
   * What is being done now, and a detail that changes meanwhile: one line that is written over on a terminal; elsewhere
   * a plain line for each new `what`.
   */
  doing(what: string, detail?: string): void;
  /** Takes the updating line away. */
  end(): void;
}

export interface ProgressOptions {
  /** The work is short: only who looks on is told what is being done. @default false */
  readonly brief?: boolean;
  readonly env?: Environment;
}

/** Progress goes to stderr: stdout is for results. */
export function progressOn(
  output: Output,
  { brief = false, env = process.env }: ProgressOptions = {},
): Progress {
  const updates = output.isTTY === true && env["TERM"] !== "dumb";
  let current = "";
  const clear = () => {
    if (updates && current !== "") output.write("\r\u001b[K");
    current = "";
  };
  return {
    say(line) {
      clear();
      output.write(`${line}\n`);
    },
    doing(what, detail = "") {
      const line = detail === "" ? what : `${what} (${detail})`;
      if (updates) {
        clear();
        // A line that wraps could not be taken back.
        output.write([...line].slice(0, (output.columns ?? 80) - 1).join(""));
      } else if (what !== current && !brief) {
        output.write(`${line}\n`);
      }
      current = what;
    },
    end: clear,
  };
}
