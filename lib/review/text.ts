/**
 * Words from a plan as Markdown, HTML and Mermaid that can only ever be words. Whoever writes a device's name, a host's
 * file or a variable must not be able to write the review: no tag, link, image, mention or line of theirs.
 */

/** Characters of a value that are shown in one line. */
const longest = 200;

/** What has no shape of its own, or turns what stands around it: control, format, separator, private, surrogate. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** One line, everything in it visible. */
export function visible(text: string): string {
  return text.replace(
    invisible,
    (character) => named[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

export function shortened(text: string, limit = longest): string {
  // By whole characters, and without taking a long text apart for it.
  const characters = [...text.slice(0, 2 * limit + 2)];
  return characters.length > limit ? `${characters.slice(0, limit).join("")}…` : text;
}

/**
 * A code span: nothing in it is Markdown, HTML, a mention or a link. A fence of more backticks than stand in the text
 * cannot be closed by it.
 */
export function code(text: string, limit = longest): string {
  const shown = visible(shortened(text, limit));
  if (shown.trim() === "") return "(empty)";
  const fence = "`".repeat(longestRun(shown) + 1);
  const space = /^[` ]|[` ]$/.test(shown) ? " " : "";
  return `${fence}${space}${shown}${space}${fence}`;
}

/**
 * The same in a cell of a table, where a bar ends the cell even inside of code. It is shown as a broken bar; the JSON
 * has the real one.
 */
export function cell(text: string, limit = longest): string {
  return code(text.replaceAll("|", "¦"), limit);
}

/** For a line of HTML, where Markdown is not read and GitHub looks for mentions everywhere but in code. */
export function htmlCode(text: string): string {
  const shown = visible(shortened(text)).replace(
    /[^\p{L}\p{N} ./:_-]/gu,
    (character) => `&#${character.codePointAt(0) ?? 0};`,
  );
  return `<code>${shown}</code>`;
}

/** A fenced block. Only what somebody wrote on purpose breaks a line of it, so a line is shown as one. */
export function fenced(language: string, lines: readonly string[]): string {
  const shown = lines.map((line) => visible(shortened(line, 500).replaceAll("\t", "    ")));
  const fence = "`".repeat(Math.max(3, longestRun(shown.join("\n")) + 1));
  return [`${fence}${language}`, ...shown, fence].join("\n");
}

/** In Mermaid's quotes; everything that means something to Mermaid or HTML as one of its entity codes. */
export function mermaidLabel(text: string): string {
  return visible(shortened(text, 60)).replace(
    /[^\p{L}\p{N} .:_/-]/gu,
    (character) => `#${character.codePointAt(0) ?? 0};`,
  );
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
}
