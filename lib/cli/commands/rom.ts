import type { Command } from "commander";
import { createHost } from "../../host/host";
import { readRom } from "../../host/rom";
import { createSession } from "../../host/session";
import { checkRom, deviceToRead, functionAddress, writeRom } from "../rom";
import { withTarget } from "../options";
import { connectionTo, type Target } from "../target";
import { progressOn } from "../terminal";

export function romCommand(program: Command): void {
  withTarget(program.command("rom <host> <address> <file>"))
    .description("save the ROM (VBIOS) of a PCI device of a host to a file here, for a RomFile or a VM")
    .option("--force", "overwrite the file")
    .action(async (target: string, text: string, file: string, options: Target & { force?: boolean }) => {
      const address = functionAddress(text);
      const session = createSession(target, connectionTo(target, options));
      const host = createHost(target, session);
      const progress = progressOn(process.stderr, { brief: true });
      try {
        progress.doing(`reading ${target}`);
        const device = deviceToRead(await host.probe(), address);
        progress.doing(`reading the ROM of ${address}`);
        const bytes = await readRom(session, address);
        const images = checkRom(bytes, device);
        writeRom(file, bytes, options.force ?? false);
        progress.end();
        process.stdout.write(`${file}: ${bytes.length} bytes, ${images}\n`);
      } finally {
        progress.end();
        await host.close();
      }
    });
}
