import { createHash } from "node:crypto";
import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname } from "node:path";

/**
 * Makes the folder and those above it.
 * @throws an Error with the system's words where that cannot be.
 */
export function makeFolder(folder: string): void {
  // Not `recursive`: Node.js then tries for ever where a file system takes no folders, such as /proc.
  const missing: string[] = [];
  for (let path = folder; !existsSync(path); path = dirname(path)) missing.unshift(path);
  try {
    // The last one also where it exists already: a file in its place is refused.
    for (const path of missing) mkdirSync(path);
    if (missing.length === 0) mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new Error(
      `Unable to make the folder ${folder}: ${(error as Error).message}. Name one that this user can write to.`,
    );
  }
}

/**
 * Keeps the folder for this process until the returned function is called. The name is bound in the kernel, which
 * frees it when the process ends, however it ends: no lock outlives its holder.
 * @throws an Error naming the process that has the folder.
 */
export async function lockFolder(folder: string): Promise<() => void> {
  const name = createHash("sha256").update(realpathSync(folder)).digest("hex");
  const path = `\0cdktf-passthrough-embedded-host-${name}`;
  const server = createServer((socket) => socket.end(String(process.pid)));
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(true) : reject(error),
    );
    server.listen({ path }, () => resolve(false));
  });
  if (taken) {
    throw new Error(
      `The folder ${folder} is in use by another embedded host${await holder(path)}. Stop that one, or name another folder.`,
    );
  }
  // Alone it is no reason to go on living.
  server.unref();
  return () => void server.close();
}

function holder(path: string): Promise<string> {
  return new Promise((resolve) => {
    let pid = "";
    connect({ path })
      .on("data", (chunk) => (pid += String(chunk)))
      .on("end", () => resolve(` (process ${pid})`))
      .on("error", () => resolve(""));
  });
}
