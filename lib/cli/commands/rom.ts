import type { Command } from "commander";
import { createHost } from "../../host/host";
import { readRom } from "../../host/rom";
import { createSession } from "../../host/session";
import type { RomImage } from "../../schema/romImage";
import { checkRom, deviceToRead, functionAddress, writeRom } from "../rom";
import { withTarget } from "../options";
import { connectionTo, type Target } from "../target";
import { progressOn } from "../terminal";

interface Options {
  readonly force?: boolean;
  readonly json?: boolean;
}

export function romCommand(program: Command): void {
  withTarget(program.command("rom <host> <address> <file>"))
    .description("save the ROM (VBIOS) of a PCI device of a host to a file here, for a RomFile or a VM")
    .option("--force", "overwrite the file")
    .option("--json", "print what was saved as JSON")
    .action(async (target: string, text: string, file: string, options: Target & Options) => {
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
        const saved = { host: target, address, file, bytes: bytes.length, images };
        process.stdout.write(options.json ? `${JSON.stringify(saved, null, 2)}\n` : inWords(saved));
      } finally {
        progress.end();
        await host.close();
      }
    });
}

function inWords({
  file,
  bytes,
  images,
}: {
  readonly file: string;
  readonly bytes: number;
  readonly images: readonly RomImage[];
}): string {
  return `${file}: ${bytes} bytes, ${images.map(({ id, firmware }) => `${id} ${firmware}`).join(", ")}\n`;
}
