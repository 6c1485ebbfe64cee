/** One measured thing: how long it took, over several runs, and what it asked of the host. */
export interface Measurement {
  readonly what: string;
  /** Milliseconds, one for each run. */
  readonly times: readonly number[];
  /** SSH connections and commands of one run; absent where no host is asked. */
  readonly asked?: { readonly connections: number; readonly commands: number };
}

interface Counting {
  counters(): { readonly connections: number; readonly commands: number };
  resetCounters(): void;
}

/** Runs `work` once to warm up and then `runs` times. `before` prepares each run and is not measured. */
export async function measure(
  what: string,
  runs: number,
  work: () => Promise<unknown>,
  host?: Counting,
  before: () => Promise<unknown> = async () => undefined,
): Promise<Measurement> {
  const times: number[] = [];
  let asked: Measurement["asked"];
  for (let run = 0; run <= runs; run += 1) {
    await before();
    host?.resetCounters();
    const started = performance.now();
    await work();
    if (run > 0) times.push(performance.now() - started);
    asked = host && { connections: host.counters().connections, commands: host.counters().commands };
  }
  return asked === undefined ? { what, times } : { what, times, asked };
}

/** A Markdown table. */
export function table(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ what, times, asked }) => [
    what,
    seconds(median(times)),
    `${seconds(Math.min(...times))} to ${seconds(Math.max(...times))}`,
    asked === undefined ? "" : String(asked.connections),
    asked === undefined ? "" : String(asked.commands),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(["", "median", "fastest to slowest", "connections", "commands"]),
    "| --- | ---: | ---: | ---: | ---: |",
    ...rows.map(line),
  ].join("\n");
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const [low = 0, high = 0] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`;
}
