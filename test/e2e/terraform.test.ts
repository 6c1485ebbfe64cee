/** The provider in Terraform's own language: installed by the command, deployed by the real terraform, no cdktf. */
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedHost, type EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { passthrough } from "../support/command";
import { Terraform } from "../support/terraform";

jest.setTimeout(240_000);

const example = join(__dirname, "..", "..", "examples", "terraform", "main.tf");
const source = "cdktf-passthrough.local/cdktf/passthrough";
let folder: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "passthrough terraform ")));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const install = (...args: string[]) => passthrough(["install-provider", ...args], { cwd: folder });

describe("install-provider", () => {
  test("says where the provider is and what to write, for people and for programs", async () => {
    const said = await install();
    expect({ code: said.code, stderr: said.stderr }).toEqual({ code: 0, stderr: "" });
    expect(said.stdout).toContain(`passthrough = { source = "${source}" }`);
    const { provider, command, version } = JSON.parse((await install("--json")).stdout) as Record<
      string,
      string
    >;
    expect(
      statSync(join(provider ?? "", "linux_amd64", `terraform-provider-passthrough_v${version}`)).mode &
        0o111,
    ).toBe(0o111);
    expect(statSync(command ?? "").isFile()).toBe(true);
  });

  test("run again it touches nothing, and the lock file keeps what others wrote", async () => {
    const lock = join(folder, ".terraform.lock.hcl");
    const other = 'provider "registry.terraform.io/hashicorp/null" {\n  version = "3.2.4"\n}\n';
    writeFileSync(lock, other + readFileSync(lock, "utf8"));
    const before = { text: readFileSync(lock, "utf8"), names: readdirSync(folder, { recursive: true }) };
    expect((await install()).code).toBe(0);
    expect({ text: readFileSync(lock, "utf8"), names: readdirSync(folder, { recursive: true }) }).toEqual(
      before,
    );
    writeFileSync(lock, before.text.slice(other.length));
  });

  test.each([
    ["a folder that is not there", "nowhere", "ENOENT"],
    ["a file", "main.tf", "it is not a folder"],
  ])("refuses %s", async (_, dir, words) => {
    copyFileSync(example, join(folder, "main.tf"));
    const { code, stdout, stderr } = await install("--dir", dir);
    expect(stderr).toMatch(
      /^passthrough: Unable to install the provider in .*--dir names the folder that terraform/,
    );
    expect(stderr).toContain(words);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });
});

describe("examples/terraform", () => {
  let host: EmbeddedHost;
  let terraform: Terraform;
  beforeAll(async () => {
    host = await startEmbeddedHost({ profile: "proxmox-amd", dir: join(folder, "host") });
    copyFileSync(example, join(folder, "main.tf"));
    const connection = {
      host: host.host,
      port: host.port,
      user: "root",
      identity_file: host.clientKeyFile,
      host_key: host.hostKey,
    };
    terraform = Object.assign(
      new Terraform({ PASSTHROUGH_REBOOT_SETTLE: "2", TF_VAR_connection: JSON.stringify(connection) }),
      { directory: folder },
    );
  });
  afterAll(() => host.stop());

  test("is formatted, and init keeps the lock file that install-provider wrote", async () => {
    await terraform.succeed("fmt", "-check", "main.tf");
    await install();
    await terraform.succeed("init", "-no-color", "-lockfile=readonly");
  });

  test("a plan says which host reboots and why", async () => {
    const { text } = await terraform.plan();
    expect(text).toContain("the running kernel lacks iommu=pt");
    expect(text).toContain("Plan: 4 to add, 0 to change, 0 to destroy.");
  });

  test("an apply configures, reboots once, proves, binds and attaches; then nothing is left to do", async () => {
    host.resetCounters();
    const said = await terraform.apply();
    expect(said).toContain("pve1: proven: iommu=pt running, 2 of 2 functions on vfio-pci");
    expect(host.counters().reboots).toBe(1);
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: 0000:01:00,pcie=1,x-vga=1$/m);
    expect(await terraform.plan()).toMatchObject({ changes: false });
  });

  test("a destroy gives everything back without a reboot", async () => {
    await terraform.succeed("destroy", "-auto-approve", "-no-color");
    expect(host.counters().reboots).toBe(1);
    expect(await sh(host, "qm config 100")).not.toContain("hostpci0");
  });
});
