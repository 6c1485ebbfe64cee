import type { Command } from "commander";
import { inspect } from "../inspect";
import { dial, withTarget } from "../options";
import { selectorIn, withSelector, type SelectorOptions } from "../selectorOptions";
import { connectionTo, type Target } from "../target";
import { colorsOf, progressOn } from "../terminal";

export function inspectCommand(program: Command): void {
  withSelector(withTarget(program.command("inspect <host>")))
    .description(
      "show the PCI devices of a host: ids, IOMMU group, driver, VM, and what the host needs itself",
    )
    .option("--json", "print JSON")
    .action(async (target: string, options: Target & SelectorOptions & { json?: boolean }) => {
      const select = selectorIn(options);
      const host = dial(target, connectionTo(target, options));
      const progress = progressOn(process.stderr, { brief: true });
      try {
        progress.doing(`reading ${target}`);
        const facts = await host.probe();
        progress.end();
        process.stdout.write(
          inspect(facts, { json: options.json ?? false, colors: colorsOf(process.stdout), select }),
        );
      } finally {
        progress.end();
        await host.close();
      }
    });
}
