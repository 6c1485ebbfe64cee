import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";

/** A folder that plays a host's `/`. Paths are the host's, symbolic links are relative so that the folder may move. */
export class Files {
  constructor(readonly folder: string) {}

  at(path: string): string {
    return join(this.folder, path);
  }

  exists(path: string): boolean {
    return existsSync(this.at(path));
  }

  /** The text of a file; null if there is none. */
  read(path: string): string | null {
    try {
      return readFileSync(this.at(path), "utf8");
    } catch {
      return null;
    }
  }

  write(path: string, content: string | Uint8Array, mode?: number): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), content);
    if (mode !== undefined) chmodSync(this.at(path), mode);
  }

  /** As `write`, but nobody ever sees half of it. */
  replace(path: string, content: string): void {
    this.write(`${path}.new`, content);
    renameSync(this.at(`${path}.new`), this.at(path));
  }

  folderAt(path: string): void {
    mkdirSync(this.at(path), { recursive: true });
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    rmSync(this.at(path), { force: true });
    symlinkSync(relative(dirname(path), target) || ".", this.at(path));
  }

  /** Last component of where a symbolic link points; null if there is none. */
  linked(path: string): string | null {
    try {
      return basename(readlinkSync(this.at(path)));
    } catch {
      return null;
    }
  }

  /** Where a symbolic link points, as a path of the host; null if it points nowhere. */
  linkedPath(path: string): string | null {
    try {
      return `/${relative(realpathSync(this.folder), realpathSync(this.at(path)))}`;
    } catch {
      return null;
    }
  }

  remove(path: string): void {
    rmSync(this.at(path), { recursive: true, force: true });
  }

  /** Names in a folder, sorted; empty if there is none. */
  list(path: string): string[] {
    try {
      return readdirSync(this.at(path)).sort();
    } catch {
      return [];
    }
  }

  isExecutable(path: string): boolean {
    try {
      return lstatSync(this.at(path)).isFile() && (lstatSync(this.at(path)).mode & 0o111) !== 0;
    } catch {
      return false;
    }
  }
}
