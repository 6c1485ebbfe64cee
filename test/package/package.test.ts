/** The package as npm would publish it, and a project that has installed nothing else. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Terraform } from "../support/terraform";

const root = join(__dirname, "..", "..");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

let folder: string;
let project: string;
let installed: string;

function node(cwd: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} exited with ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** A checkout of its own: what is built here is not what others may be using meanwhile. */
function copySources(from: string, to: string): string {
  const names = [
    "lib",
    "scripts",
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "LICENSE",
    "README.md",
  ];
  for (const name of names.filter((name) => existsSync(join(from, name))))
    cpSync(join(from, name), join(to, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(to, "node_modules"));
  return to;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "package "));
  const sources = copySources(root, join(folder, "sources"));
  node(sources, "scripts/build.mjs");
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
      cwd: sources,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ) as [{ filename: string }];
  project = join(folder, "project");
  installed = join(project, "node_modules", "cdktf-passthrough");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, packed.filename), "--strip-components=1", "-C", installed]);
  // The peers, and what is in `dependencies`.
  for (const name of ["cdktf", "constructs", "@cdktf"]) {
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name));
  }
  writeFileSync(join(project, "cdktf.json"), JSON.stringify({ projectId: "consumer" }));
  writeFileSync(join(project, "main.ts"), main);
  const compilerOptions = {
    strict: true,
    module: "node16",
    moduleResolution: "node16",
    target: "es2022",
    types: [],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const main = `
import { App, TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding, type Connection } from "cdktf-passthrough";

const connection: Connection = { host: "10.0.0.11" };
const app = new App({ outdir: "cdktf.out" });
const stack = new TerraformStack(app, "workstation");
const pve1 = new IommuHost(stack, "pve1", { connection });
const gpu = new VfioBinding(stack, "gpu", { host: pve1, devices: { card: { address: "0000:01:00" } } });
new PassthroughVm(stack, "vm", { on: Proxmox.vm(pve1, 100), pci: { hostpci0: { device: gpu.device("card") } } });
app.synth();
`;

const filesOf = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(path, name)).isFile(),
  );

test("the package holds the library, the two bundles, the schemas, the licences, and nothing else", () => {
  const files = filesOf(installed);

  expect(files).toEqual(
    expect.arrayContaining([
      "package.json",
      "LICENSE",
      "dist/THIRD-PARTY-LICENSES",
      "dist/gate.schema.json",
      "dist/index.d.ts",
      "dist/index.js",
      "dist/passthrough.cjs",
      "dist/provider.cjs",
      "dist/review.schema.json",
    ]),
  );
  const expected =
    /^(package\.json|LICENSE|README\.md|dist\/THIRD-PARTY-LICENSES|dist\/(provider|passthrough)\.cjs|dist\/(gate|review)\.schema\.json|dist\/(index|(constructs|schema|placement)\/\w+)\.(js|d\.ts))$/;
  expect(files.filter((name) => !expected.test(name))).toEqual([]);
});

test("no file names a place of the machine it was built on", () => {
  const telltale = filesOf(installed).filter((name) => {
    const text = readFileSync(join(installed, name), "utf8");
    return text.includes(root) || text.includes(folder);
  });

  expect(telltale).toEqual([]);
});

test("what a bundle holds of others comes with its licence", () => {
  const notices = readFileSync(join(installed, "dist", "THIRD-PARTY-LICENSES"), "utf8");

  for (const name of ["@grpc/grpc-js", "@msgpack/msgpack", "@peculiar/x509", "commander", "ssh2"]) {
    expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\([A-Za-z]`, "m"));
  }
  expect(notices).not.toContain("undefined");
});

test("the command runs with nothing installed", () => {
  const alone = join(folder, "alone.cjs");
  cpSync(join(installed, "dist", "passthrough.cjs"), alone);

  expect(node(folder, alone, "--help")).toContain("passthrough");
  expect(statSync(join(installed, "dist", "passthrough.cjs")).mode & 0o111).toBe(0o111);
});

test("a project compiles against it, synthesizes, and Terraform finds the provider with no network", async () => {
  node(project, tsc);
  node(project, "main.js");

  const terraform = new Terraform();
  cpSync(join(project, "cdktf.out", "stacks", "workstation"), terraform.directory, { recursive: true });
  try {
    await terraform.init();
    await terraform.succeed("validate");
  } finally {
    terraform.remove();
  }
  const stack = readFileSync(join(project, "cdktf.out", "stacks", "workstation", "cdk.tf.json"), "utf8");
  expect(stack).toContain('"owner": "consumer/workstation/pve1"');
});

test("the same sources give the same bytes in another folder", () => {
  const copy = copySources(join(folder, "sources"), join(folder, "further down", "other sources"));
  node(copy, "scripts/build.mjs");

  const built = filesOf(join(copy, "dist"));
  expect(built.length).toBeGreaterThan(10);
  const differing = built.filter(
    (name) => !readFileSync(join(copy, "dist", name)).equals(readFileSync(join(installed, "dist", name))),
  );
  expect(differing).toEqual([]);
}, 120_000);
