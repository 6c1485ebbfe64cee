/**
 * `npm run test:machine [jest arguments]`: boots a Debian host under QEMU and runs the scenarios on it. Linux, and root
 * for what makes the image.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { firmware, imagePath, Machine, niceness, type ImageKind } from "./machine";

const here = __dirname;
const root = join(here, "../..");
const cache = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "cdktf-passthrough",
  "machine",
);
const logs = join(cache, "logs", new Date().toISOString().replace(/[:.]/g, "-"));

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

async function main(): Promise<void> {
  install();
  const images = await builtImages();
  command("npm", ["run", "--silent", "build"]);
  mkdirSync(logs, { recursive: true });
  console.log(`Serial consoles and QEMU's own words: ${logs}`);
  const config = join(here, "jest.config.cjs");
  const started = Date.now();
  // Two machines at a time.
  const { status } = spawnSync("npx", ["jest", "-c", config, "--maxWorkers=2", ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, MACHINE_IMAGES: images, MACHINE_KEY: keyFile(), MACHINE_LOGS: logs },
  });
  removeDisks();
  sayCost((Date.now() - started) / 1000);
  console.log(`Serial consoles and QEMU's own words: ${logs}`);
  process.exitCode = status ?? 1;
}

function install(): void {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  process.env["PATH"] = path;
  const there = (program: string) =>
    path.split(":").some((folder) => existsSync(program.startsWith("/") ? program : join(folder, program)));
  const missing = Object.entries(packages).flatMap(([program, name]) => (there(program) ? [] : [name]));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !there("apt-get"))
    throw new Error(
      `Programs are missing. Install these packages, then run this again: ${missing.join(" ")}`,
    );
  console.log(`Installing ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  command("apt-get", ["-q", "update"], env);
  command("apt-get", ["-qy", "--no-install-recommends", "install", ...missing], env);
}

function keyFile(): string {
  const key = join(cache, "id_ed25519");
  mkdirSync(cache, { recursive: true });
  if (!existsSync(key)) command("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", key]);
  return key;
}

/**
 * Where the images for what makes them today stand: the beginning of their names. Others are made when any of that
 * changes.
 */
async function builtImages(): Promise<string> {
  const makers = ["rootfs.sh", "image.sh", "firstBoot.sh", ...filesBelow(join(here, "files"))];
  const hash = createHash("sha256").update(readFileSync(`${keyFile()}.pub`));
  for (const path of makers) hash.update(path).update(readFileSync(join(here, path)));
  const images = join(cache, `debian-12-${hash.digest("hex").slice(0, 12)}`);
  const missing = kinds.filter((kind) => !existsSync(imagePath(images, kind)));
  if (missing.length === 0) return images;
  if (process.getuid?.() !== 0)
    throw new Error("Making the machines' images needs root. Run this once as root.");

  console.log(`Making the machines' images (${missing.join(", ")}); they are kept for the next runs.`);
  const work = join(cache, `making-${process.pid}`);
  try {
    const base = join(work, "base");
    mkdirSync(work);
    await makeFileSystem(base, "base", `${keyFile()}.pub`);
    // One boots while the next one is made.
    let booted: Promise<unknown> = Promise.resolve();
    for (const kind of missing) {
      const disk = imagePath(join(work, "disk"), kind);
      const made = makeDisk(work, kind, disk);
      await Promise.all([booted, made]);
      booted = firstBoot(work, kind).then(() => {
        for (const part of [".kernel", ".initrd", ".hostkey", ".vars", ""])
          renameSync(disk + part, imagePath(images, kind) + part);
      });
    }
    await booted;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return images;
}

async function makeDisk(work: string, kind: ImageKind, disk: string): Promise<void> {
  const [base, folder] = [join(work, "base"), join(work, kind)];
  await gently("cp", ["-a", base, folder]);
  await makeFileSystem(folder, kind);
  await gently("sh", [join(here, "image.sh"), folder, disk, base]);
  copyFileSync(firmware.variables, `${disk}.vars`);
}

/** Its mounts are in a namespace of their own: they end with it, however it ends, before anything is removed. */
async function makeFileSystem(folder: string, ...what: readonly string[]): Promise<void> {
  await gently("unshare", ["--mount", "sh", join(here, "rootfs.sh"), folder, ...what]);
}

/** The machine installs its own boot loader, with Debian's tools. */
async function firstBoot(folder: string, kind: ImageKind): Promise<void> {
  const machine = new Machine(
    { image: (each) => imagePath(join(folder, "disk"), each), keyFile: keyFile(), logs },
    {
      name: `first-boot-${kind}`,
      boots: kind,
      intoImage: true,
      directly: "root=LABEL=root ro console=ttyS0 no_timer_check mitigations=off",
    },
  );
  try {
    await machine.start();
    await machine.sh(readFileSync(join(here, "firstBoot.sh"), "utf8"), 900);
    await machine.powerOff();
  } finally {
    await machine.kill();
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

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)))
    .sort();
}

function gently(program: string, args: readonly string[]): Promise<void> {
  const child = spawn("nice", ["-n", niceness, program, ...args], { cwd: root, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ${args.join(" ")} exited with ${code}`)),
    );
  });
}

function command(program: string, args: readonly string[], env = process.env): void {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit", env });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(" ")} exited with ${status}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
