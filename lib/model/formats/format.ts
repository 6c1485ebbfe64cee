import { sha256 } from "../digest";
import type { Observation } from "../observation";

/**
 * One kind of file: how our lines are told from others', and how they are put in, changed and taken out again
 * while everything foreign stays byte for byte. `ours` are the lines as we last wrote them (the base of the merge).
 */
export interface Format {
  readonly mode: string;
  /** What of ours stands in the file now: `ours` itself where only the writing differs; null for nothing. */
  observe(ours: string, now: string | null): string | null;
  /** The file with `declared` in the place of `ours`; null: there is to be no file. */
  merge(ours: string | null, declared: string | null, now: string | null): string | null;
  /** Lines that are in one of the two. */
  either(one: string, other: string): string;
  /** The files on a host that hold these lines, where it is not one of this very name. */
  files?(observation: Observation): readonly string[];
}

/** A place that kernel parameters stand in, every one complete by itself. */
export interface ParameterPlace {
  /** How a plan names it: a path, or a pattern of paths. */
  readonly key: string;
  /** Our lines for parameters of ours. */
  print(parameters: readonly string[]): string;
  /** The parameters in lines of ours. */
  parse(ours: string): readonly string[];
  /** The command lines that it makes, without what is ours. */
  foreign(observation: Observation, ours: string): readonly string[];
  /** Where others' parameters stand, in words. */
  readonly source: string;
}

export const header = "# Written by cdktf-passthrough. A change by hand shows up as drift in the next plan.";

export const eitherLine = (one: string, other: string): string =>
  textOf([...new Set([...linesOf(one), ...linesOf(other)])]);

/** For lines that are told by their form. */
export const theOther = (_one: string, other: string): string => other;

export function programWords(script: string): string {
  return `(program of cdktf-passthrough, ${digestWords(script)})`;
}

export function digestWords(text: string): string {
  return `sha256 ${sha256(text).slice(0, 16)}`;
}

export function normal(line: string): string {
  return line.trim().replace(/\s+/g, " ");
}

export function rawLines(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

export function linesOf(text: string): string[] {
  return rawLines(text)
    .map(normal)
    .filter((line) => line !== "" && !line.startsWith("#"));
}

export function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
