/**
 * Makes dist/: the library, compiled, and two self-contained files that a stack's folder gets: the provider and the
 * command. The same sources give the same bytes in any folder, because the provider's version is made from them.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const bundles = [
  { entry: "lib/provider/main.ts", file: "provider.cjs" },
  { entry: "lib/cli/main.ts", file: "passthrough.cjs" },
];

/** ssh2's native parts only make it faster; what is bundled must not depend on what happens to be installed. */
const withoutNativeParts = {
  name: "without-native-parts",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.node$|^cpu-features$/ }, ({ path }) => ({ path, namespace: "native" }));
    onLoad({ filter: /.*/, namespace: "native" }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not bundled`)});`,
    }));
  },
};

async function bundle({ entry, file }) {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(dist, file),
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    // Also leaves out the paths of the sources, which differ from folder to folder; keeps the names in stack traces.
    minify: true,
    keepNames: true,
    legalComments: "none",
    charset: "utf8",
    banner: { js: "#!/usr/bin/env node" },
    loader: { ".sh": "text", ".proto": "text", ".css": "text", ".browser.js": "text" },
    plugins: [withoutNativeParts],
    logLevel: "warning",
  });
  replace(join(dist, file), result.outputFiles[0].contents, 0o755);
  return Object.keys(result.metafile.inputs);
}

/** In one step: a stack may be synthesized while this runs. */
function replace(path, content, mode) {
  mkdirSync(dirname(path), { recursive: true });
  const next = `${path}.new`;
  writeFileSync(next, content);
  chmodSync(next, mode);
  renameSync(next, path);
}

/** Through a folder of its own, so that nothing of an older build stays and no reader meets half a file. */
async function compile() {
  const staging = mkdtempSync(join(dist, ".compiled-"));
  try {
    await typescript(staging);
    const compiled = filesBelow(staging);
    for (const file of compiled) replace(join(dist, file), readFileSync(join(staging, file)), 0o644);
    for (const file of filesBelow(dist)) {
      if (/\.(js|d\.ts)$/.test(file) && !file.startsWith(".") && !compiled.includes(file))
        rmSync(join(dist, file));
    }
  } finally {
    rmSync(staging, { recursive: true });
  }
}

function typescript(outDir) {
  const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const args = [tsc, "-p", "tsconfig.build.json", "--outDir", outDir];
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`tsc exited with ${code}`))));
  });
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
}

/** Every package whose code is in a bundle, with its licence. */
function notices(inputs) {
  const packages = new Set(
    inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []),
  );
  return [...packages]
    .map((folder) => {
      const path = join(root, folder);
      const { name, version, license, licenses } = JSON.parse(
        readFileSync(join(path, "package.json"), "utf8"),
      );
      const kinds = license ?? licenses.map(({ type }) => type).join(" or ");
      const files = readdirSync(path)
        .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
        .sort();
      if (files.length === 0) console.error(`${name} comes without the text of its licence (${kinds})`);
      const texts = files.map((file) => readFileSync(join(path, file), "utf8").trim());
      return { title: `${name} ${version} (${kinds})`, text: texts.join("\n\n") };
    })
    .filter(({ title }, index, all) => all.findIndex((other) => other.title === title) === index)
    .sort((one, other) => (one.title < other.title ? -1 : 1))
    .map(({ title, text }) => `${title}\n${"-".repeat(title.length)}\n${text}\n`)
    .join("\n\n");
}

mkdirSync(dist, { recursive: true });
const [inputs] = await Promise.all([Promise.all(bundles.map(bundle)), compile()]);
for (const schema of ["review.schema.json", "gate.schema.json"])
  replace(join(dist, schema), readFileSync(join(root, "lib/review", schema)), 0o644);
replace(join(dist, "THIRD-PARTY-LICENSES"), notices(inputs.flat()), 0o644);
