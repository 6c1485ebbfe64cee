/**
 * `npm run test:machine [jest arguments]`: boots Debian hosts under QEMU and runs the scenarios on them. Linux, and root
 * for what makes the images. Without arguments all but those that scenarios.json has on request; with `--all` those
 * too. The last line says how many cases passed and failed; with exit code 2 none was tried, as the bench cannot be
 * set up here.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { builtImages, keyFile } from "./images";
import { firmware, type ImageKind } from "./machine";
import { command, here, logs, NotHere, root } from "./places";
import inventory from "./scenarios.json";

/** Debian's package for each program that is needed. */
const packages = {
  debootstrap: "debootstrap",
  "qemu-system-x86_64": "qemu-system-x86",
  "qemu-img": "qemu-utils",
  "mkfs.ext4": "e2fsprogs",
  sfdisk: "fdisk",
  ssh: "openssh-client",
  setpriv: "util-linux",
  [firmware.code]: "ovmf",
};

const kinds: readonly ImageKind[] = ["grub", "dracut", "systemd-boot"];

const jest = ["jest", "-c", join(here, "jest.config.cjs")];
const all = listed([]);
const patterns = chosen(process.argv.slice(2));

async function main(): Promise<void> {
  install();
  const scenarios = listed(patterns);
  if (scenarios.length === 0) throw new Error(`No scenario fits ${patterns.join(" ")}.`);
  const images = await builtImages(kindsOf(scenarios));
  command("npm", ["run", "--silent", "build"]);
  mkdirSync(logs, { recursive: true });
  console.log(`Serial consoles and QEMU's own words: ${logs}`);
  const started = Date.now();
  const report = join(logs, "report.json");
  const atOnce = process.env["MACHINES"] ?? "2";
  spawnSync("npx", [...jest, `--maxWorkers=${atOnce}`, "--json", `--outputFile=${report}`, ...patterns], {
    cwd: root,
    // The report goes to the file; what a person reads goes to stderr.
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, MACHINE_IMAGES: images, MACHINE_KEY: keyFile(), MACHINE_LOGS: logs },
  });
  removeDisks();
  sayCost((Date.now() - started) / 1000);
  const rest = all.filter((path) => !scenarios.includes(path));
  console.log(
    `Scenarios: ${names(scenarios)}${rest.length === 0 ? "" : `. Not in this run: ${names(rest)}`}`,
  );
  console.log(`Serial consoles and QEMU's own words: ${logs}`);
  if (!existsSync(report)) throw new Error("Jest ended without a report.");
  sayCounts(JSON.parse(readFileSync(report, "utf8")) as Counts);
}

/** Of Jest's report. */
interface Counts {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/** A scenario that does not load is a failure, and so is a test that was left out. */
function sayCounts(counts: Counts): void {
  const failed = counts.numFailedTests + counts.numRuntimeErrorTestSuites + counts.numPendingTests;
  console.log(`${counts.numPassedTests} passed, ${failed} failed`);
  process.exitCode = counts.success && failed === 0 ? 0 : 1;
}

/** The scenarios that fit Jest's arguments. */
function listed(patterns: readonly string[]): string[] {
  const { stdout } = spawnSync("npx", [...jest, "--listTests", ...patterns], { cwd: root, encoding: "utf8" });
  return stdout.split("\n").filter((line) => line.endsWith(".scenario.ts"));
}

/** Jest's patterns for the arguments. */
function chosen(given: readonly string[]): readonly string[] {
  if (given[0] === "--all") return [];
  if (given.length > 0) return given;
  const kept = all.map(nameOf).filter((name) => !inventory.onRequest.includes(name));
  return kept.map((name) => `/${name}.scenario`);
}

function nameOf(path: string): string {
  return basename(path, ".scenario.ts");
}

function names(scenarios: readonly string[]): string {
  return scenarios.map(nameOf).join(", ");
}

/** The images that they boot, as each says itself. */
function kindsOf(scenarios: readonly string[]): ImageKind[] {
  const named = scenarios.map((path) => /\bboots: "(.*)"/.exec(readFileSync(path, "utf8"))?.[1] ?? "grub");
  return kinds.filter((kind) => named.includes(kind));
}

function install(): void {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  process.env["PATH"] = path;
  const there = (program: string) =>
    path.split(":").some((folder) => existsSync(program.startsWith("/") ? program : join(folder, program)));
  const missing = Object.entries(packages).flatMap(([program, name]) => (there(program) ? [] : [name]));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !there("apt-get"))
    throw new NotHere(
      `Programs are missing. Install these packages, then run this again: ${missing.join(" ")}`,
    );
  console.log(`Installing ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    command("apt-get", ["-q", "update"], env);
    command("apt-get", ["-qy", "--no-install-recommends", "install", ...missing], env);
  } catch (error) {
    throw new NotHere(`The packages cannot be installed: ${String(error)}`);
  }
}

/** Processor time: how long a run takes on an idle machine, whatever else ran there. */
function sayCost(seconds: number): void {
  const spent = readdirSync(logs).flatMap((name) =>
    name.endsWith(".seconds")
      ? [{ name: name.slice(0, -".seconds".length), spent: Number(readFileSync(join(logs, name), "utf8")) }]
      : [],
  );
  const total = spent.reduce((sum, { spent }) => sum + spent, 0);
  const each = spent.map(({ name, spent }) => `${name} ${spent} s`).join(", ");
  console.log(`Processor time of the machines: ${total} s (${each}); ${Math.round(seconds)} s by the clock`);
}

/** What a run wrote is of no use after it, what its consoles said is. */
function removeDisks(): void {
  for (const name of readdirSync(logs)) if (/\.(qcow2|raw|vars)$/.test(name)) rmSync(join(logs, name));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof NotHere ? 2 : 1;
});
