import { modprobeRules } from "./modprobe";
import { parameterRules } from "./parameters";
import { scriptRules } from "./scripts";
import type { Advice, AdviceContext, AdviceRule } from "./types";

export type { Advice, AdviceContext, AdviceRule } from "./types";

/** Every rule about a host; the table of docs/advice.md follows it. */
export const adviceRules: readonly AdviceRule[] = [...parameterRules, ...modprobeRules, ...scriptRules];

/** What of a declaration and of a host's own lines does not do what it was written for. */
export function adviceOn(context: AdviceContext): Advice[] {
  return adviceRules.flatMap(({ name, source, find }) =>
    find(context).map((finding) => ({ ...finding, rule: name, source })),
  );
}

/** What is wrong with it as a heading, and in full. */
export function adviceWords(host: string, { where, text, words, source }: Advice): [string, string] {
  const shown = text.length > 120 ? `${text.slice(0, 117)}...` : text;
  return [`${host}: ${shown}`, `In ${where}. It ${words}. Source: ${source}.`];
}
