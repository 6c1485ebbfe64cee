/** Debian's Chromium for the tests of pages; installed where it is missing and the tests run as root. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";

const executable = "/usr/bin/chromium";

export async function launch(): Promise<Browser> {
  if (!existsSync(executable)) install();
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: executable,
    // Its sandbox refuses to run as root. The pages are our own.
    args: [...(asRoot ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
    timeout: 120_000,
  });
}

function install(): void {
  const script = join(__dirname, "..", "..", "scripts", "packages.sh");
  const { status, stderr, error } = spawnSync(script, ["chromium", "fonts-dejavu-core"], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`The tests of pages need Chromium. ${error?.message ?? stderr.trim()}`);
}
