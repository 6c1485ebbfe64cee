import { Command, CommanderError } from "commander";
import { version } from "../../package.json";
import { embeddedHostCommand } from "./commands/embeddedHost";
import { inspectCommand } from "./commands/inspect";
import { mapCommand } from "./commands/map";
import { installProviderCommand } from "./commands/installProvider";
import { rebootCommand } from "./commands/reboot";
import { reviewCommand } from "./commands/review";
import { romCommand } from "./commands/rom";
import { scaffoldCommand } from "./commands/scaffold";
import { CliError, errorText } from "./errors";
import { exitCodeLines, exitCodes } from "./exitCodes";
import { colorsOf } from "./terminal";

/** Every command, in the order of the help; each adds itself. */
const commands: readonly ((program: Command) => void)[] = [
  inspectCommand,
  scaffoldCommand,
  mapCommand,
  romCommand,
  installProviderCommand,
  rebootCommand,
  reviewCommand,
  embeddedHostCommand,
];

/** The `passthrough` command. */
export function program(): Command {
  const passthrough = new Command("passthrough")
    .description("PCI passthrough as code: the commands beside `cdktf diff` and `cdktf deploy`")
    .helpOption("-h, --help", "show this help")
    .helpCommand("help [command]", "show the help of a command")
    .version(version, "-V, --version", "show the version")
    .exitOverride()
    .configureHelp({ styleTitle: (title) => colorsOf(process.stdout).bold(title) })
    // The parser's own words begin with "error:".
    .configureOutput({ outputError: (text, write) => write(errorText(text.replace(/^error: /, ""))) });
  for (const add of commands) add(passthrough);
  for (const command of [passthrough, ...passthrough.commands]) {
    const name = command === passthrough ? "passthrough" : `passthrough ${command.name()}`;
    command.showHelpAfterError(`\`${name} --help\` shows what can be said.`);
    command.addHelpText("after", () =>
      ["", "Exit codes:", ...exitCodeLines().map((line) => `  ${line}`)].join("\n"),
    );
  }
  return passthrough;
}

/** Runs one command line; the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: "user" });
    return exitCodes.done;
  } catch (error) {
    // The parser has said its words already; help and version are no errors.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    process.stderr.write(errorText(error instanceof Error ? error.message : String(error)));
    return error instanceof CliError ? error.exitCode : exitCodes.failed;
  }
}
