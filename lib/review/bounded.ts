/** A part of a comment. What matters less goes first where there is no room. */
export interface Block {
  /** What it is, for the sentence that says what was left out. */
  readonly what: "approval" | "reboots" | "host" | "picture" | "changes of a host" | "other resources";
  readonly markdown: string;
}

/** What is left out last stands first. */
const importance: readonly Block["what"][] = [
  "approval",
  "reboots",
  "host",
  "picture",
  "changes of a host",
  "other resources",
];

export interface Bounded {
  readonly markdown: string;
  /** What had no room; null where everything had. */
  readonly rest: string | null;
}

/** For the sentence about what was left out. */
const reserve = 400;

/**
 * The head and as many blocks as fit into `limit` characters, in their order.
 * @param where the sentence that says where the rest is, as Markdown
 */
export function bounded(head: string, blocks: readonly Block[], limit: number, where: string): Bounded {
  const all = joined([head, ...blocks.map(({ markdown }) => markdown)]);
  if (all.length <= limit) return { markdown: all, rest: null };
  let room = limit - head.length - reserve;
  const taken = new Set<Block>();
  for (const what of importance) {
    for (const block of blocks) {
      const length = block.markdown.length + separator.length;
      if (block.what !== what || length > room) continue;
      taken.add(block);
      room -= length;
    }
  }
  const left = blocks.filter((block) => !taken.has(block));
  const counts = importance
    .map((what) => [what, left.filter((block) => block.what === what).length] as const)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => (count === 1 ? what : `${count} × ${what}`));
  const note = `**Left out here, for its length:** ${counts.join(", ")}. ${where}`;
  const kept = blocks.filter((block) => taken.has(block)).map(({ markdown }) => markdown);
  return {
    markdown: joined([head, ...kept, note]),
    rest: joined(["# The rest of the review", ...left.map(({ markdown }) => markdown)]),
  };
}

const separator = "\n\n";

function joined(parts: readonly string[]): string {
  return `${parts.join(separator)}\n`;
}
