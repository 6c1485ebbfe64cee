/** What a reader's browser gets of a comment, and what in it is not ours. */
import MarkdownIt from "markdown-it";

interface Token {
  readonly type: string;
  readonly content: string;
  readonly info: string;
  readonly children: readonly Token[] | null;
}

/** HTML on, links in words found, as GitHub and GitLab have it. */
const renderer = new MarkdownIt({ html: true, linkify: true });

function flat(tokens: readonly Token[]): Token[] {
  return tokens.flatMap((token) => [token, ...flat(token.children ?? [])]);
}

/** The HTML that the review writes; what stands in a summary's code is letters, marks and numeric entities. */
const ownHtml = [
  /^<!-- cdktf-passthrough review: [\w.-]+ -->\n?$/,
  /^<details><summary>(Other resources|What changes on <code>(?:[\p{L}\p{N} ./:_…-]|&#\d+;)*<\/code>)<\/summary>\n?$/u,
  /^<\/details>\n?$/,
];

const structure: ReadonlySet<string> = new Set(
  [
    "paragraph heading strong bullet_list list_item table thead tbody tr th td"
      .split(" ")
      .flatMap((name) => [`${name}_open`, `${name}_close`]),
    ["inline", "text", "softbreak", "code_inline", "fence", "html_block"],
  ].flat(),
);

/** Everything in a comment that only somebody else's words could have brought there. */
export function foreignIn(comment: string): string[] {
  const tokens = flat(renderer.parse(comment, {}) as unknown as Token[]);
  return tokens.flatMap(({ type, content, info }) => {
    if (!structure.has(type)) return [`${type} ${content}`];
    if (type === "html_block" && !ownHtml.some((own) => own.test(content))) return [`html ${content}`];
    if (type === "fence" && !["diff", "mermaid"].includes(info)) return [`fence ${info}`];
    return [];
  });
}

/** Headings, list entries and cells: what a value that breaks out of its place would add to. */
export function shapeOf(comment: string): string[] {
  return flat(renderer.parse(comment, {}) as unknown as Token[]).map(({ type }) => type);
}

/** The words outside of code: all of them are the review's own. */
export function wordsOutsideCode(comment: string): string {
  const tokens = flat(renderer.parse(comment, {}) as unknown as Token[]);
  return tokens
    .filter(({ type }) => type === "text")
    .map(({ content }) => content)
    .join("\n");
}
