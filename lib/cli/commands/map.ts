import type { Command } from "commander";
import { map, type MapOptions } from "../map";
import { dial, withTarget } from "../options";
import { connectionTo, type Target } from "../target";
import { progressOn } from "../terminal";

export function mapCommand(program: Command): void {
  withTarget(program.command("map [hosts...]"))
    .description(
      "draw hosts or a plan: IOMMU groups, devices, who uses them, and what must not be handed out",
    )
    .option("--facts <[name=]file>", "a host as `inspect --json` printed it; may be repeated", append, [])
    .option(
      "--plan <file>",
      "a plan, before and after: what `terraform show -json` printed, a plan file, a `cdktf.out` folder, or `-`",
    )
    .option("--svg <file>", "write a picture")
    .option("--html <file>", "write a page to look around in")
    .action(async (hosts: string[], options: Target & MapOptions) => {
      const progress = progressOn(process.stderr, { brief: true });
      const files = await map(hosts, options, async (target) => {
        const host = dial(target, connectionTo(target, options));
        try {
          progress.doing(`reading ${target}`);
          return await host.probe();
        } finally {
          progress.end();
          await host.close();
        }
      });
      process.stdout.write(files.map((file) => `${file}\n`).join(""));
    });
}

function append(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
