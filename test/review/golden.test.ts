/**
 * The recorded plans as their reviewers get them. `GOLDEN=write npx jest test/review/golden.test.ts` writes the files
 * anew, and the difference is read before it is committed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { markdown, type MarkdownOptions } from "../../lib/review/markdown";
import { review } from "../../lib/review/review";
import schema from "../../lib/review/review.schema.json";
import { cases } from "./cases";
import { recorded, recordedNames } from "./recorded";

const github = 65_536;
const options: MarkdownOptions = { marker: "plan", limit: github, rest: null, violations: null };

function expectGolden(name: string, text: string): void {
  const file = join(__dirname, "golden", `${name}.md`);
  if (process.env["GOLDEN"] === "write") writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, "utf8"));
}

test("every case is recorded, and nothing else", () => {
  expect(recordedNames).toEqual(Object.keys(cases).sort());
});

test.each(recordedNames)("%s", (name) => {
  const { markdown: comment, rest } = markdown(review([recorded(name)]), options);
  expect(rest).toBeNull();
  expectGolden(name, comment);
});

test("too long for a comment: hosts and diffs are left out, the verdict and the reboots never", () => {
  const found = review([recorded("twenty")]);
  const { markdown: comment, rest } = markdown(found, { ...options, limit: 12_000, rest: "rest.md" });
  expect(comment.length).toBeLessThanOrEqual(12_000);
  expectGolden("too-long", comment);
  expectGolden("too-long.rest", rest ?? "");
});

test("several stacks of an app, one of them without a plan", () => {
  const plans = [recorded("reboot", "racks"), recorded("swap", "desktops")];
  const app = { order: { racks: [], desktops: ["racks"] }, unplanned: ["lab"] };
  expectGolden("stacks", markdown(review(plans, app), options).markdown);
});

test.each(recordedNames)("the JSON of %s is as its schema says", (name) => {
  const validate = new Ajv({ allErrors: true }).compile(schema);
  const found: unknown = JSON.parse(JSON.stringify({ ...review([recorded(name)]), approval: null }));
  validate(found);
  expect(validate.errors).toBeNull();
});
