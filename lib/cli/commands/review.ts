import { readFileSync, writeFileSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import { violations, type Rules, type Violation } from "../../review/gate";
import { markdown } from "../../review/markdown";
import { review } from "../../review/review";
import { parseRules } from "../../review/rules";
import { CliError, usageError } from "../errors";
import { exitCodes } from "../exitCodes";
import { readSources } from "../reviewSources";

interface Options {
  readonly json?: boolean;
  readonly limit: number;
  readonly rest?: string;
  readonly gate?: string;
  readonly marker: string;
}

/** What GitHub takes as the body of a comment, in characters. */
const githubLimit = 65_536;
/** Less has no room for the verdict and the sentence about what was left out. */
const smallestLimit = 2_000;

export function reviewCommand(program: Command): void {
  program
    .command("review [plan...]")
    .description("write what plans do to hosts, guests and devices as a pull request comment; dials no host")
    .addHelpText(
      "after",
      "\nA plan is what `terraform show -json` printed, a plan file, or a `cdktf.out` folder with plans; `-` or none reads stdin.",
    )
    .option("--json", "print JSON for policy tools")
    .option("--gate <file>", `rules; exits with ${exitCodes.approval} where a plan needs approval`)
    .option("--limit <characters>", "the most that a comment may have", characters, githubLimit)
    .option("--rest <file>", "where to write what the limit leaves out")
    .option("--marker <name>", "tells several comments of one pull request apart", markerName, "plan")
    .action(run);
}

async function run(names: readonly string[], options: Options): Promise<void> {
  const rules = options.gate === undefined ? null : await rulesIn(options.gate);
  if (names.length === 0 && process.stdin.isTTY) throw usageError("Which plan? Name one, or pipe it in.");
  const { plans, app } = await readSources(names.length > 0 ? names : ["-"]);
  const found = review(plans, app);
  const broken = rules === null ? null : violations(found, rules);
  if (options.json === true) {
    const approval = broken === null ? null : { required: broken.length > 0, violations: broken };
    process.stdout.write(`${JSON.stringify({ ...found, approval }, null, 2)}\n`);
  } else {
    const { limit, marker } = options;
    const written = markdown(found, { limit, marker, rest: options.rest ?? null, violations: broken });
    if (options.rest !== undefined) writeFileSync(options.rest, written.rest ?? "Nothing was left out.\n");
    process.stdout.write(written.markdown);
  }
  if (broken !== null && broken.length > 0) throw new CliError(approvalWords(broken), exitCodes.approval);
}

async function rulesIn(file: string): Promise<Rules> {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(`Unable to read the rules: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseRules(file, content);
}

function approvalWords(broken: readonly Violation[]): string {
  return `this plan needs approval: ${broken.map(({ rule, words }) => `${rule}: ${words}`).join("; ")}`;
}

function characters(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < smallestLimit)
    throw new InvalidArgumentError(`Expected a whole number of characters, ${smallestLimit} or more.`);
  return value;
}

/** It stands in an HTML comment. */
function markerName(text: string): string {
  if (!/^[A-Za-z0-9._]+(-[A-Za-z0-9._]+)*$/.test(text) || text.length > 64)
    throw new InvalidArgumentError(
      "Expected at most 64 letters, digits, dots, underscores and single hyphens.",
    );
  return text;
}
