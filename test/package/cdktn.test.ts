/** The same package under cdktn, the fork of cdktf that is maintained: installed as a user of it installs it. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Terraform } from "../support/terraform";

const root = join(__dirname, "..", "..");
const { devDependencies, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
  version: string;
};

/** As the README has it. */
const manifest = (tarball: string) => ({
  private: true,
  dependencies: {
    cdktf: "npm:cdktn@0.24.0",
    "cdktf-passthrough": `file:${tarball}`,
    constructs: devDependencies["constructs"],
  },
  overrides: { "@cdktf/provider-null": { cdktf: "$cdktf" } },
});

const main = `
const { App, TerraformStack } = require("cdktf");
const { IommuHost, PassthroughProvider, PassthroughVm, Proxmox, VfioBinding } = require("cdktf-passthrough");
const app = new App({ outdir: "cdktf.out" });
const stack = new TerraformStack(app, "workstation");
new PassthroughProvider(stack, "passthrough");
const host = new IommuHost(stack, "pve1", { connection: { host: "10.0.0.11" } });
const gpu = new VfioBinding(stack, "gpu", { host, devices: { card: { address: "0000:01:00" } } });
new PassthroughVm(stack, "vm", { on: Proxmox.vm(host, 100), pci: { hostpci0: { device: gpu.device("card") } } });
app.synth();
`;

let folder: string;
let project: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cdktn-"));
  project = join(folder, "project");
  mkdirSync(project);
  const pack = ["pack", "--ignore-scripts", "--pack-destination", folder];
  execFileSync("npm", pack, { cwd: root, stdio: "pipe" });
  const tarball = join(folder, `cdktf-passthrough-${version}.tgz`);
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest(tarball)));
  writeFileSync(join(project, "main.js"), main);
  const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
  execFileSync("npm", install, { cwd: project, stdio: "pipe" });
}, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("one framework is installed, and it is cdktn", () => {
  const { packages } = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8")) as {
    packages: Record<string, { name?: string; version?: string }>;
  };
  const frameworks = Object.entries(packages).filter(([path]) => /node_modules\/(cdktf|cdktn)$/.test(path));
  expect(frameworks).toEqual([
    ["node_modules/cdktf", expect.objectContaining({ name: "cdktn", version: "0.24.0" })],
  ]);
});

test("a stack is synthesized, and Terraform finds it valid with no network", async () => {
  execFileSync(process.execPath, ["main.js"], { cwd: project, stdio: "pipe" });
  const terraform = new Terraform();
  cpSync(join(project, "cdktf.out", "stacks", "workstation"), terraform.directory, { recursive: true });
  try {
    await terraform.init();
    await terraform.succeed("validate");
  } finally {
    terraform.remove();
  }
}, 60_000);

test("the constructs' own tests pass on it, and so does a deploy from beginning to end", () => {
  const configuration = join(project, "jest.config.cjs");
  const library = createRequire(join(project, "node_modules", "cdktf-passthrough", "package.json"));
  const places = ["cdktf", "constructs", "@cdktf/provider-null"].map((name) => [
    `^${name}(/.*)?$`,
    `${dirname(library.resolve(`${name}/package.json`))}$1`,
  ]);
  const settings = { rootDir: root, moduleNameMapper: Object.fromEntries(places) };
  writeFileSync(
    configuration,
    `module.exports = { ...require(${JSON.stringify(join(root, "jest.config.js"))}), ...${JSON.stringify(settings)} };`,
  );
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const args = [
    "--ci",
    "--runInBand",
    "--config",
    configuration,
    "test/constructs",
    "test/e2e/counters.test.ts",
  ];
  const { status, stderr } = spawnSync(process.execPath, [jest, ...args], { cwd: root, encoding: "utf8" });
  const failures = stderr.split("\n").filter((line) => /^(FAIL|  ● |Tests:)/.test(line));
  expect({ status, failures }).toEqual({
    status: 0,
    failures: [expect.stringMatching(/^Tests: +\d+ passed, \d+ total$/)],
  });
}, 600_000);
