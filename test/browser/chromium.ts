/** Debian's Chromium for the tests of pages. */
import { chromium, type Browser } from "playwright-core";
import { needPrograms } from "../support/debianPackages";

export async function launch(): Promise<Browser> {
  needPrograms({ chromium: ["chromium", "fonts-dejavu-core"] });
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    // Its sandbox refuses to run as root. The pages are our own.
    args: [...(asRoot ? ["--no-sandbox"] : []), "--disable-dev-shm-usage"],
    timeout: 120_000,
  });
}
