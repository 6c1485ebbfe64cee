/** What a user meets: the real `cdktf`, in a project that has installed the package, on a machine of their own. */
import { spawn, spawnSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { Account, hostVariables, Project } from "../support/project";
import { fileOf, Rig } from "../support/rig";
import { finished } from "../support/terraform";

jest.setTimeout(300_000);

const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";
const mirror = "terraform.d/plugins/cdktf-passthrough.local/cdktf/passthrough";

/** The whole path of a program; null where it is not installed. */
function installed(program: string): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const paths = folders.map((folder) => join(folder, program));
  return paths.find((path) => spawnSync(path, ["version"], { stdio: "ignore" }).status === 0) ?? null;
}

const binaries = ["terraform", "tofu"].flatMap((name) => {
  const path = installed(name);
  return path === null ? [] : [{ name, path }];
});

test("there is a Terraform to test with", () => {
  expect(binaries.map(({ name }) => name)).toContain("terraform");
});

const rig = new Rig();
afterAll(() => rig.close());

describe.each(binaries)("a project, deployed with $name", ({ name, path }) => {
  let host: EmbeddedHost;
  let project: Project;
  let env: Record<string, string>;

  const deploy = () => project.cdktf(["deploy", "--auto-approve"], env);
  const versions = () => readdirSync(join(project.stack("workstation"), mirror));
  const lock = () => readFileSync(join(project.stack("workstation"), ".terraform.lock.hcl"), "utf8");

  beforeAll(async () => {
    host = await rig.host("proxmox-amd", `${name} host`);
    // A space in a name, and a package of ES modules above.
    const above = join(rig.folder, `${name} projects`);
    mkdirSync(above);
    writeFileSync(join(above, "package.json"), '{ "type": "module" }');
    project = new Project("one-gpu", join(above, "one gpu"), new Account(join(above, "home")));
    env = { ...hostVariables("PVE1", host), TERRAFORM_BINARY_NAME: name };
  });

  test("the first deploy needs nothing but the package, and no network", async () => {
    const { stdout, stderr } = await deploy();
    expect(stderr).toBe("");
    expect(stdout).not.toMatch(/error/i);
    expect(stdout).toContain("pve1: proven: iommu=pt running, 2 of 2 functions on vfio-pci");
    expect(stdout).toContain("4 added, 0 changed, 0 destroyed");
    expect(host.counters().reboots).toBe(1);
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: 0000:01:00,pcie=1,x-vga=1$/m);
  });

  test("the second has nothing to do", async () => {
    host.resetCounters();
    expect((await deploy()).stdout).toContain("0 added, 0 changed, 0 destroyed");
    expect(host.counters().reboots).toBe(0);
  });

  test("another release of the package takes over: its provider replaces the old one, the state goes on", async () => {
    const before = versions();
    project.update("another release");
    host.resetCounters();

    const { stdout, stderr } = await deploy();

    expect(stderr).toBe("");
    expect(stdout).toContain("0 added, 0 changed, 0 destroyed");
    expect(host.counters().reboots).toBe(0);
    const after = versions();
    expect([before.length, after.length]).toEqual([1, 1]);
    expect(after).not.toEqual(before);
    expect(lock()).toContain(`version     = "${after[0]}"`);
    expect(lock()).not.toContain(before[0]);
  });

  test("the synthesized stack is complete: another machine applies it with nothing installed", async () => {
    await sh(host, `rm ${dropIn} && update-grub`);
    await host.reboot();
    host.resetCounters();
    // The project is gone, and with it what the CLI's plugin cache points to. The state comes along, as from a backend.
    const machine = join(rig.folder, `${name} machine`);
    mkdirSync(join(machine, "bin"), { recursive: true });
    symlinkSync(process.execPath, join(machine, "bin", "node"));
    symlinkSync(path, join(machine, "bin", name));
    renameSync(join(project.folder, "cdktf.out"), join(machine, "cdktf.out"));
    renameSync(join(project.folder, "terraform.workstation.tfstate"), join(machine, "tfstate"));
    rmSync(project.folder, { recursive: true });
    rmSync(project.account.home, { recursive: true });
    const cliConfig = join(machine, "terraform.rc");
    writeFileSync(cliConfig, "");
    const terraform = async (...args: string[]) => {
      const child = spawn(path, [...args, "-no-color", "-input=false"], {
        cwd: join(machine, "cdktf.out", "stacks", "workstation"),
        env: {
          PATH: join(machine, "bin"),
          // Nobody writes there, root neither.
          HOME: "/proc",
          CHECKPOINT_DISABLE: "1",
          TF_CLI_CONFIG_FILE: cliConfig,
          PASSTHROUGH_REBOOT_SETTLE: "2",
        },
      });
      const { code, stdout, stderr } = await finished(child);
      if (code !== 0) throw new Error(`${name} ${args.join(" ")} exited with ${code}\n${stdout}\n${stderr}`);
      return stdout;
    };

    await terraform("init", "-reconfigure", `-backend-config=path=${join(machine, "tfstate")}`);
    const output = await terraform("apply", "-auto-approve");

    expect(output).toContain("pve1: proven: iommu=pt running, 2 of 2 functions on vfio-pci");
    expect(output).toContain("1 added, 2 changed, 1 destroyed");
    expect(host.counters().reboots).toBe(1);
    expect(fileOf(host, "proc/cmdline")).toContain("iommu=pt");
  });
});

describe("two projects of one account share the CLI's plugin cache", () => {
  let env: Record<string, string>;
  let one: Project;
  let other: Project;

  beforeAll(async () => {
    env = hostVariables("PVE1", await rig.host("proxmox-amd", "shared"));
    const account = new Account(join(rig.folder, "account"));
    one = new Project("one-gpu", join(rig.folder, "one"), account);
    other = new Project("one-gpu", join(rig.folder, "other"), account);
  });

  const diff = async (project: Project) => {
    const { stdout, stderr } = await project.cdktf(["diff"], env);
    expect(stderr).toBe("");
    return stdout;
  };

  test("with the same release", async () => {
    expect(await diff(one)).toContain("4 to add");
    expect(await diff(other)).toContain("4 to add");
    const cache = join(one.account.home, ".terraform.d", "plugin-cache");
    expect(readdirSync(cache, { recursive: true })).toContainEqual(
      expect.stringMatching(/\d+\/linux_|\d+\/darwin_/),
    );
  });

  test("with another release in the one whose folder the cache points to", async () => {
    one.update("another release");
    expect(await diff(one)).toContain("4 to add");
    expect(await diff(other)).toContain("4 to add");
  });
});
