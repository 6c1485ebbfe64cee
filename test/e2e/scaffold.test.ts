/** `passthrough scaffold`: whatever host it looks at, deploying what it wrote imports and changes nothing. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { profileNames, startEmbeddedHost, type EmbeddedHost } from "../../lib/embedded";
import type { PciDevice } from "../../lib/model/facts";
import { slotOf } from "../../lib/model/pciAddress";
import { passthrough, target } from "../support/command";
import { giveByHand, setUpByHand, type ByHand } from "../support/passthroughByHand";
import { filesOf, type ResourceChange } from "../support/rig";
import { Terraform } from "../support/terraform";

jest.setTimeout(300_000);

const root = join(__dirname, "..", "..");
const bin = (path: string) => join(root, "node_modules", path);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "passthrough scaffold "));
  // What `npm install` would bring, for every project below.
  mkdirSync(join(folder, "node_modules"));
  for (const name of ["cdktf", "constructs", "@cdktf", "tsx"])
    symlinkSync(bin(name), join(folder, "node_modules", name));
  symlinkSync(root, join(folder, "node_modules", "cdktf-passthrough"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Inspected {
  readonly devices: readonly (PciDevice & {
    readonly critical: readonly unknown[];
    readonly vms: readonly unknown[];
  })[];
}

/** A card that the host does not need, and no other card of its kind beside it. */
async function spareCard(host: EmbeddedHost): Promise<ByHand> {
  const { stdout } = await passthrough(["inspect", ...target(host), "--json"]);
  const { devices } = JSON.parse(stdout) as Inspected;
  const functions = devices.filter(({ bridge }) => !bridge);
  const slots = [...new Set(functions.map(({ address }) => slotOf(address)))];
  for (const slot of slots) {
    const inSlot = functions.filter(({ address }) => slotOf(address) === slot);
    const driven = inSlot.filter(({ driver }) => driver !== null);
    const spare = inSlot.every(
      (found) =>
        /^(0[1-4]|0c)/.test(found.class) &&
        found.critical.length + found.vms.length === 0 &&
        found.reservedRegions.every((region) => region === "msi"),
    );
    const ids = inSlot.map(({ vendor, device }) => `${vendor}:${device}`);
    const twins = functions.some(
      (other) => slotOf(other.address) !== slot && ids.includes(`${other.vendor}:${other.device}`),
    );
    if (driven.length > 0 && spare && !twins) {
      return { address: slot, ids, drivers: [...new Set(driven.map(({ driver }) => driver ?? ""))] };
    }
  }
  throw new Error(
    `No spare card:\n${devices.map(({ address, driver }) => `${address} ${driver ?? ""}`).join("\n")}`,
  );
}

/** Runs the command; the project's folder. */
async function scaffolded(host: EmbeddedHost, name: string): Promise<string> {
  const project = join(folder, name);
  const { code, stderr, stdout } = await passthrough(["scaffold", ...target(host), "--dir", project]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(`${project}: main.ts, package.json, cdktf.json, tsconfig.json, .gitignore\n`);
  return project;
}

/** As cdktf does it: runs the app, then Terraform in the stack's folder. */
async function planned(project: string) {
  const app = spawnSync(process.execPath, ["--import", "tsx", "main.ts"], { cwd: project, encoding: "utf8" });
  expect({ code: app.status, stderr: app.stderr }).toEqual({ code: 0, stderr: "" });
  const { stacks } = JSON.parse(readFileSync(join(project, "cdktf.out", "manifest.json"), "utf8")) as {
    stacks: Record<string, { workingDirectory: string }>;
  };
  const [stack] = Object.values(stacks);
  const terraform = Object.assign(new Terraform({ PASSTHROUGH_REBOOT_SETTLE: "2" }), {
    directory: join(project, "cdktf.out", stack?.workingDirectory ?? ""),
  });
  await terraform.init();
  await terraform.succeed("plan", "-no-color", "-out=plan");
  const shown = JSON.parse(await terraform.succeed("show", "-json", "plan")) as {
    resource_changes: ResourceChange[];
  };
  const actions = shown.resource_changes.map(({ type, change }) => [
    type,
    ...change.actions,
    ...(change.importing === undefined ? [] : ["import"]),
  ]);
  return { terraform, actions };
}

const adopted = (type: string) => [type, "no-op", "import"];
const event = ["terraform_data", "create"];

/** Is left alone by us, and so by the scaffold. */
const refused: readonly string[] = ["ovirt-node"];
const described = profileNames.filter((name) => !refused.includes(name));
/** Where what an administrator does with grubby is forgotten by the next kernel's entry. */
const byGrubby: readonly string[] = ["rocky9-bls", "alma8-kernelopts", "fedora"];
/** A deploy of one of each hypervisor and initramfs; a plan says as much of the others. */
const deployed: readonly string[] = ["proxmox-amd", "debian-libvirt", "rocky9-bls", "arch-systemd-boot"];
/** VMs and templates that have devices as installed. */
const vmsInstalled: Readonly<Record<string, number>> = { "opennebula-frontend": 2 };

test.each(refused)("%s is refused in words", async (profile) => {
  const host = await startEmbeddedHost({ profile, dir: join(folder, `host-${profile}`) });
  const { code, stdout, stderr } = await passthrough(["scaffold", ...target(host), "--stdout"]);
  await host.stop();
  expect(stderr).toMatch(/^passthrough: ovirt-node .* is an oVirt Node/);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
});

describe.each(described)("%s", (profile) => {
  let host: EmbeddedHost;
  beforeAll(async () => {
    host = await startEmbeddedHost({ profile, dir: join(folder, `host-${profile}`) });
  });
  afterAll(() => host.stop());

  const vms = Array.from({ length: vmsInstalled[profile] ?? 0 }, () => adopted("passthrough_vm"));

  test("as it was installed: a plan imports what is there and nothing else", async () => {
    const { actions } = await planned(await scaffolded(host, `${profile}-installed`));
    expect(actions).toEqual([adopted("passthrough_iommu_host"), ...vms, event]);
  });

  test("set up by hand: a deploy imports host, card and VM, writes nothing, reboots nothing, and leaves nothing to do", async () => {
    const card = await spareCard(host);
    await setUpByHand(host, card);
    const vm = await giveByHand(host, card);
    const before = filesOf(host);
    host.resetCounters();

    const project = await scaffolded(host, `${profile}-by-hand`);
    const { terraform, actions } = await planned(project);
    expect(actions).toEqual([
      adopted("passthrough_iommu_host"),
      adopted("passthrough_vfio_binding"),
      ...(vm === null ? vms : [adopted("passthrough_vm")]),
      event,
    ]);
    if (deployed.includes(profile)) {
      await terraform.succeed("apply", "-no-color", "plan");
      expect(await terraform.plan()).toMatchObject({ changes: false });
    }

    expect(filesOf(host)).toEqual(before);
    expect(host.counters().reboots).toBe(0);
    const source = readFileSync(join(project, "main.ts"), "utf8");
    expect(source).toContain(`: { address: "${card.address}`);
    const unsaid = source.split("// Not described:\n")[1]?.match(/^\/\/ .*/gm) ?? [];
    expect(unsaid).toEqual(
      byGrubby.includes(profile)
        ? ["intel_iommu=on", "iommu=pt"].map(
            (parameter) =>
              `// - the kernel parameter ${parameter}, which the kernel runs with but will not always boot with again`,
          )
        : [],
    );
    if (vm !== null) {
      expect(source).toContain(`on: ${vm},`);
      // A card of which the boot keeps a part for the host is not bound as a whole.
      expect(source).toMatch(
        /(hostpci3|gpu|storage): \{ device: ((gpu|storage)\.device\("card"\)|\{ address: ".*" \})(, pcie: true)? \},/,
      );
    }
  });
});

test("every project compiles under strict TypeScript and is as Prettier has it", () => {
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "ES2022",
        module: "node16",
        moduleResolution: "node16",
        strict: true,
        noUncheckedIndexedAccess: true,
        noUnusedLocals: true,
        skipLibCheck: true,
        noEmit: true,
        types: [],
      },
      include: ["*/main.ts"],
    }),
  );
  execFileSync(process.execPath, [bin("typescript/bin/tsc"), "-p", folder], { stdio: "pipe" });
  const projects = readdirSync(folder).filter((name) => existsSync(join(folder, name, "main.ts")));
  const files = projects.flatMap((name) =>
    ["main.ts", "package.json", "cdktf.json", "tsconfig.json"].map((file) => join(folder, name, file)),
  );
  const prettier = [bin("prettier/bin/prettier.cjs"), "--check", ...files];
  const { status, stderr } = spawnSync(process.execPath, prettier, { cwd: folder, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});
