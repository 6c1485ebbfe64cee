/** The lock file of the repository, which `npm ci` refuses where it is not complete. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(__dirname, "..", "..", "package-lock.json"), "utf8")) as {
  packages: Readonly<Record<string, Locked>>;
};

/** As Node looks for it: beside the package, then in every folder above. */
function isLocked(name: string, from: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    if (`${folder}/node_modules/${name}`.replace(/^\//, "") in packages) return true;
    if (folder === "") return false;
  }
}

test("it holds what every platform needs, not only the one it was made on", () => {
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !isLocked(name, path))
      .map((name) => `${path || "this package"} needs ${name}`),
  );

  expect(missing).toEqual([]);
});

test("it names no registry, so that each user's own is asked", () => {
  expect(Object.entries(packages).filter(([, locked]) => "resolved" in locked)).toEqual([]);
});
