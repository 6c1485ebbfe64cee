/** What holds for every command of `passthrough`, those to come included. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodeLines } from "../../lib/cli/exitCodes";
import { program } from "../../lib/cli/program";
import { passthrough } from "../support/command";

const names = program().commands.map((command) => command.name());
const documentation = readFileSync(join(__dirname, "..", "..", "docs", "command.md"), "utf8");
const escape = "\u001b";

/** What the parser asks for before it looks at anything else. */
function mandatory(name: string): string[] {
  const options = program().commands.find((one) => one.name() === name)?.options ?? [];
  return options
    .filter((option) => option.mandatory)
    .flatMap(({ long, argChoices }) => [long ?? "", argChoices?.[0] ?? "x"]);
}

describe.each(names)("passthrough %s", (name) => {
  test("--help is on stdout, in one style, without colours in a pipe", async () => {
    const { code, stdout, stderr } = await passthrough([name, "--help"], { env: { FORCE_COLOR: "1" } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^Usage: passthrough ${name} `));
    expect(stdout).toMatch(/^\n?[a-z]/m);
    expect(stdout).toContain(
      exitCodeLines()
        .map((line) => `  ${line}\n`)
        .join(""),
    );
    expect(stdout).not.toContain(escape);
  });

  test("an option that it does not know is a usage error on stderr that says where to look", async () => {
    const { code, stdout, stderr } = await passthrough([name, ...mandatory(name), "--no-such-option"]);
    expect(stderr).toMatch(
      /^passthrough: unknown option '--no-such-option'\n(?:\(Did you mean .*\n)?`passthrough [a-z-]+ --help` shows what can be said\.\n$/,
    );
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test("has a line in docs/command.md for itself and for each of its options", () => {
    const command = program().commands.find((one) => one.name() === name);
    const section = documentation.split(/^## /m).find((part) => part.startsWith(`\`${name}\``)) ?? "";
    const undocumented = (command?.options ?? [])
      .map(({ long }) => long ?? "")
      .filter((option) => !section.includes(`\`${option}`));
    expect({ section: section !== "", undocumented }).toEqual({ section: true, undocumented: [] });
  });
});

test("descriptions are one clause in lower case, without a full stop", () => {
  const all = program().commands.flatMap((command) => [
    command.description(),
    ...command.options.map(({ description }) => description),
  ]);
  expect(all.filter((text) => !/^[a-z(]|^(TCP|SSH|JSON)\b/.test(text) || text.endsWith("."))).toEqual([]);
});

test("docs/command.md has every exit code", () => {
  for (const line of exitCodeLines()) {
    const [, code = "", meaning = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    expect(documentation).toContain(`| ${code} | ${meaning} |`);
  }
});

test.each([
  [["--version"], 0],
  [["help", "inspect"], 0],
  [["help"], 0],
  [["nix"], 2],
  [[], 2],
])("passthrough %j ends with %d", async (args, expected) => {
  const { code, stdout, stderr } = await passthrough(args);
  expect(code).toBe(expected);
  expect(expected === 0 ? stderr : stdout).toBe("");
});
