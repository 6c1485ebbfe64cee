/** Debian's Chromium for the tests of pages; installed where it is missing and the tests run as root. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
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

/** Tests of one browser at a time ask for it, so nobody else installs meanwhile. */
function install(): void {
  const unable = (why: string): never => {
    throw new Error(
      `Unable to install the Chromium that the tests of pages need: ${why}. Install it by hand: apt-get install chromium.`,
    );
  };
  if (process.getuid?.() !== 0) unable("this is not root");
  const apt = (...args: string[]) =>
    spawnSync("apt-get", ["-qq", "-o", "DPkg::Lock::Timeout=300", ...args], {
      encoding: "utf8",
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  for (const args of [
    ["update"],
    ["install", "-y", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
  ]) {
    const { status, stderr, error } = apt(...args);
    if (status !== 0) unable(error?.message ?? `apt-get ${args.join(" ")} said: ${stderr.trim()}`);
  }
}
