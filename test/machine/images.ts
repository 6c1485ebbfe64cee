/** The images that the machines boot: made once, kept by a digest of what makes them. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { firmware, imagePath, Machine, niceness, type ImageKind } from "./machine";
import { cache, command, here, logs, NotHere, root } from "./places";

export function keyFile(): string {
  const key = join(cache, "id_ed25519");
  mkdirSync(cache, { recursive: true });
  if (!existsSync(key)) command("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", key]);
  return key;
}

/**
 * Where the images for what makes them today stand: the beginning of their names. What is missing of those that are
 * wanted is made, and all anew when any of what makes them changes.
 */
export async function builtImages(wanted: readonly ImageKind[]): Promise<string> {
  const makers = ["rootfs.sh", "image.sh", "firstBoot.sh", ...filesBelow(join(here, "files"))];
  const hash = createHash("sha256").update(readFileSync(`${keyFile()}.pub`));
  for (const path of makers) hash.update(path).update(readFileSync(join(here, path)));
  const images = join(cache, `debian-12-${hash.digest("hex").slice(0, 12)}`);
  const missing = wanted.filter((kind) => !existsSync(imagePath(images, kind)));
  if (missing.length === 0) return images;
  if (process.getuid?.() !== 0)
    throw new NotHere("Making the machines' images needs root. Run this once as root.");

  console.log(`Making the machines' images (${missing.join(", ")}); they are kept for the next runs.`);
  const work = join(cache, `making-${process.pid}`);
  try {
    // Its lists tell the mirror, and a fresh system has none.
    await gently("apt-get", ["-q", "update"]);
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
      directly: "",
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
      code === 0 ? resolve() : reject(new NotHere(`${program} ${args.join(" ")} exited with ${code}`)),
    );
  });
}
