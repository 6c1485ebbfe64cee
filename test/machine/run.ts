/**
 * `npm run test:machine [jest arguments]`: boots a Debian host under QEMU and runs the scenarios on it. Linux, and root
 * for what makes the image.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join, relative } from "node:path";
import { Machine } from "./machine";

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
};

async function main(): Promise<void> {
  install();
  const image = await builtImage();
  command("npm", ["run", "--silent", "build"]);
  mkdirSync(logs, { recursive: true });
  console.log(`Serial consoles and QEMU's own words: ${logs}`);
  const config = join(here, "jest.config.cjs");
  const { status } = spawnSync("npx", ["jest", "-c", config, "--runInBand", ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, MACHINE_IMAGE: image, MACHINE_KEY: keyFile(), MACHINE_LOGS: logs },
  });
  removeDisks();
  console.log(`Serial consoles and QEMU's own words: ${logs}`);
  process.exitCode = status ?? 1;
}

function install(): void {
  const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
  process.env["PATH"] = path;
  const there = (program: string) => path.split(":").some((folder) => existsSync(join(folder, program)));
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

/** The image for what makes it today; another one is made when any of that changes. */
async function builtImage(): Promise<string> {
  const makers = ["rootfs.sh", "image.sh", "firstBoot.sh", ...filesBelow(join(here, "files"))];
  const hash = createHash("sha256").update(readFileSync(`${keyFile()}.pub`));
  for (const path of makers) hash.update(path).update(readFileSync(join(here, path)));
  const image = join(cache, `debian-12-${hash.digest("hex").slice(0, 12)}.qcow2`);
  if (existsSync(image)) return image;
  if (process.getuid?.() !== 0)
    throw new Error("Making the machine's image needs root. Run this once as root.");

  console.log("Making the machine's image; it is kept for the next runs.");
  const work = join(cache, `making-${process.pid}`);
  const fresh = join(cache, `making-${process.pid}.qcow2`);
  try {
    // Its mounts are in a namespace of their own: they end with it, however it ends, before anything is removed.
    gently("unshare", ["--mount", "sh", join(here, "rootfs.sh"), work, `${keyFile()}.pub`]);
    gently("sh", [join(here, "image.sh"), work, fresh]);
    await firstBoot(fresh);
    for (const part of ["kernel", "initrd", "hostkey"]) renameSync(`${fresh}.${part}`, `${image}.${part}`);
    renameSync(fresh, image);
  } finally {
    rmSync(work, { recursive: true, force: true });
    for (const name of readdirSync(cache))
      if (name.startsWith(`making-${process.pid}`))
        rmSync(join(cache, name), { recursive: true, force: true });
  }
  return image;
}

/** The machine installs its own boot loader, with Debian's tools. */
async function firstBoot(image: string): Promise<void> {
  const machine = new Machine(
    { image, keyFile: keyFile(), logs },
    {
      name: "first-boot",
      intoImage: true,
      directly: "root=LABEL=root ro console=ttyS0 no_timer_check mitigations=off",
    },
  );
  try {
    await machine.start();
    await machine.sh(readFileSync(join(here, "firstBoot.sh"), "utf8"));
    await machine.powerOff();
  } finally {
    await machine.kill();
  }
}

/** What a run wrote is of no use after it, what its consoles said is. */
function removeDisks(): void {
  for (const name of readdirSync(logs)) if (/\.(qcow2|raw)$/.test(name)) rmSync(join(logs, name));
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)))
    .sort();
}

function gently(program: string, args: readonly string[]): void {
  command("nice", ["-n", "19", program, ...args]);
}

function command(program: string, args: readonly string[], env = process.env): void {
  const { status, error } = spawnSync(program, args, { cwd: root, stdio: "inherit", env });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(" ")} exited with ${status}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
