/** Whoever writes a value of a plan must not be able to write the review. */
import fc from "fast-check";
import { code, cell, fenced, htmlCode, mermaidLabel, visible } from "../../lib/review/text";
import { markdown } from "../../lib/review/markdown";
import { parsePlan } from "../../lib/review/plan";
import { review } from "../../lib/review/review";
import { violations } from "../../lib/review/gate";
import { isObject } from "../../lib/review/views";
import { recorded, recordedText } from "./recorded";
import { foreignIn, shapeOf, wordsOutsideCode } from "./rendered";

const evil = [
  "<img src=x onerror=alert(1)>",
  "</details></summary><script>alert(1)</script>",
  "![x](https://evil.example/x.png)",
  "[click](javascript:alert(1))",
  "https://evil.example",
  "www.evil.example me@evil.example",
  "@everyone #1",
  "`",
  "``` `` `",
  "\n\n# Approved\n\n",
  "\n```\n</details>\n",
  "\r\n- [x] done",
  "a | b \\| c",
  "--> <!-- x",
  'x"]; click h0 "https://evil.example" "x',
  '"\nend\nclick h0 href "javascript:alert(1)"\n',
  "\u202egnp.exe\u2066\u200b",
  "&lt;b&gt; &#60;b&#62;",
  "*bold* _it_ ~~gone~~",
  "$(rm -rf /) ${HOME}",
  "",
  " ",
];

const hostile = fc.oneof(
  fc.constantFrom(...evil),
  fc.array(fc.constantFrom(...evil, "a", " ", "0000:01:00"), { maxLength: 4 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(..."`|\\<>[]()!#*_~-\n\r\t &;\"'@:./xa"), maxLength: 40 }),
);

const limits = { marker: "plan", limit: 1_000_000, rest: null };

/** Every value of a recorded plan that whoever writes plans may choose, replaced. */
function poisoned(name: string, words: (text: string) => string): string {
  const structural = new Set([
    "format_version",
    "type",
    "mode",
    "actions",
    "references",
    "depends_on",
    "hypervisor",
  ]);
  const walk = (value: unknown, key: string): unknown => {
    if (structural.has(key)) return value;
    if (typeof value === "string") return words(value);
    if (Array.isArray(value)) return value.map((inner) => walk(inner, key));
    if (!isObject(value)) return value;
    const keyed = ["files", "functions", "settings", "pci", "devices", "addresses", "iommu_groups"].includes(
      key,
    );
    return Object.fromEntries(
      Object.entries(value).map(([inner, rest]) => [keyed ? words(inner) : inner, walk(rest, inner)]),
    );
  };
  return JSON.stringify(walk(JSON.parse(recordedText(name)), ""));
}

const rules = {
  version: 1 as const,
  maxReboots: 0,
  maxGuestsStopping: 0,
  maxDevicesChangingHands: 0,
  maxDrift: 0,
  forbid: ["siblings", "assumed", "no-event", "host-destroyed"] as const,
};

function comment(content: string): string {
  const found = review([parsePlan("plan.json", content, "stack <b>")], { order: {}, unplanned: ["<b>"] });
  return markdown(found, { ...limits, violations: violations(found, rules) }).markdown;
}

describe("a plan of hostile values", () => {
  test.each(["create", "drift", "destroy", "swap", "offline", "risks", "move", "hostile"])(
    "%s: no tag, link or image of theirs, whatever they write",
    (name) => {
      fc.assert(
        fc.property(hostile, hostile, (one, other) => {
          const content = poisoned(name, (text) => (text.length % 2 === 0 ? one : `${text}${other}`));
          expect(foreignIn(comment(content))).toEqual([]);
        }),
        { numRuns: 40 },
      );
    },
  );

  test("not one letter of theirs stands outside of code", () => {
    const word = "Xenophanes";
    expect(comment(poisoned("risks", (text) => `${text}${word}`))).toContain(word);
    expect(wordsOutsideCode(comment(poisoned("risks", (text) => `${text}${word}`)))).not.toContain(word);
  });

  test("as many headings, entries and cells as with harmless values", () => {
    const shape = (words: string) => shapeOf(comment(poisoned("risks", (text) => `${text}${words}`)));
    // A semicolon parts addresses, which is no injection.
    for (const words of evil.filter((text) => text.trim() !== "" && !text.includes(";")))
      expect(shape(words)).toEqual(shape("x"));
  });

  test("the recorded one, with a host, a device and a resource of hostile names", () => {
    expect(
      foreignIn(markdown(review([recorded("hostile")]), { ...limits, violations: null }).markdown),
    ).toEqual([]);
  });
});

describe("each way to show a value", () => {
  test("code is one code span with all of the value, or the word for an empty one", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const tokens = shapeOf(`a ${code(text)} b`);
        const empty = visible(text).trim() === "";
        expect(tokens).toEqual([
          "paragraph_open",
          "inline",
          "text",
          ...(empty ? [] : ["code_inline", "text"]),
          "paragraph_close",
        ]);
      }),
    );
  });

  test("a cell is one cell", () => {
    fc.assert(
      fc.property(hostile, hostile, (one, other) => {
        const table = `| a | b |\n| --- | --- |\n| ${cell(one)} | ${cell(other)} |`;
        expect(shapeOf(table).filter((type) => type === "td_open")).toHaveLength(2);
        expect(foreignIn(table)).toEqual([]);
      }),
    );
  });

  test("a fence is one fence", () => {
    fc.assert(
      fc.property(
        fc.array(
          hostile.map((line) => ` ${line}`),
          { minLength: 1 },
        ),
        (lines) => {
          expect(shapeOf(`${fenced("diff", lines)}\n\nafter`)).toEqual([
            "fence",
            "paragraph_open",
            "inline",
            "text",
            "paragraph_close",
          ]);
        },
      ),
    );
  });

  test("a summary is one block of our HTML", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const block = `<details><summary>What changes on ${htmlCode(text)}</summary>\n\nx\n\n</details>`;
        expect(foreignIn(block)).toEqual([]);
      }),
    );
  });

  test("a Mermaid label has nothing that ends it or that HTML knows", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(mermaidLabel(text)).toMatch(/^(?:[\p{L}\p{N} .:_/-]|#\d+;)*$/u);
      }),
    );
  });

  test("what nobody sees is shown", () => {
    expect(visible("a\u202eb\u200bc\u0000\nd\te")).toBe("a\\u{202e}b\\u{200b}c\\u{0}\\nd\\te");
  });

  test("a long value is cut between characters", () => {
    expect(code("😀".repeat(300))).toBe(`\`${"😀".repeat(200)}…\``);
  });
});
