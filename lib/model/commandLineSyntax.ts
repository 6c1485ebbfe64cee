/** One parameter of a kernel command line. */
export interface KernelParameter {
  /** As it stands in the line, with its quotes. */
  readonly raw: string;
  /** Where it starts in the line. */
  readonly start: number;
  /** Name as the kernel compares it: `-` and `_` are the same, so `_` throughout. */
  readonly name: string;
  /** Without the quotes that the kernel takes off; null for a flag such as `quiet`. */
  readonly value: string | null;
}

export interface CommandLine {
  /** What the kernel reads: everything before `--`. */
  readonly parameters: readonly KernelParameter[];
  /** Where `--` starts, after which everything is for init; null without one. */
  readonly initStart: number | null;
  /** false: a quote is left open and swallows the rest of the line. */
  readonly balanced: boolean;
}

const space = /[ \t\n\v\f\r]/;

/** Reads a command line by the kernel's rules: a double quote may stand anywhere, and there is no escape. */
export function parseCommandLine(line: string): CommandLine {
  const parameters: KernelParameter[] = [];
  let balanced = true;
  for (let at = 0; at < line.length;) {
    if (space.test(line.charAt(at))) {
      at++;
      continue;
    }
    const start = at;
    let quoted = false;
    while (at < line.length && (quoted || !space.test(line.charAt(at)))) {
      if (line.charAt(at) === '"') quoted = !quoted;
      at++;
    }
    balanced = !quoted;
    const parameter = readParameter(line.slice(start, at), start);
    if (parameter.name === "__" && parameter.value === null)
      return { parameters, initStart: start, balanced };
    parameters.push(parameter);
  }
  return { parameters, initStart: null, balanced };
}

function readParameter(raw: string, start: number): KernelParameter {
  const opening = raw.startsWith('"');
  const body = opening ? raw.slice(1) : raw;
  // An equals sign in the first place belongs to the name.
  const equals = body.indexOf("=", 1);
  if (equals < 0) return { raw, start, name: normaliseName(opening ? chop(body) : body), value: null };
  const value = body.slice(equals + 1);
  return {
    raw,
    start,
    name: normaliseName(body.slice(0, equals)),
    value: value.startsWith('"') ? chop(value.slice(1)) : opening ? chop(value) : value,
  };
}

function chop(text: string): string {
  return text.endsWith('"') ? text.slice(0, -1) : text;
}

function normaliseName(name: string): string {
  return name.replace(/-/g, "_");
}
