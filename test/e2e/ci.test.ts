/** What examples/ci does, done: plan.sh and apply.sh in a project, and the plan's way from one machine to another. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { startEmbeddedHost, type EmbeddedHost } from "../../lib/embedded";
import { fileOf } from "../support/rig";
import { Account, hostVariables, Project } from "../support/project";
import { finished, type Run } from "../support/terraform";

jest.setTimeout(300_000);

const root = join(__dirname, "..", "..");
const examples = join(root, "examples", "ci");
let folder: string;
let host: EmbeddedHost;
let project: Project;
let path: string;

/** Stands in for npx alone, which would ask a registry for what is not installed as a package. */
const npx = `#!/bin/sh
case $1 in
  cdktf) shift; exec node '${join(root, "node_modules/cdktf-cli/bundle/bin/cdktf")}' "$@" ;;
  passthrough) shift; exec node '${join(root, "dist/passthrough.cjs")}' "$@" ;;
esac
exit 127
`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "passthrough-ci-"));
  host = await startEmbeddedHost({ profile: "proxmox-amd", dir: join(folder, "host") });
  project = new Project("one-gpu", join(folder, "project"), new Account(join(folder, "home")));
  for (const name of ["plan.sh", "apply.sh", "rules.json"])
    copyFileSync(join(examples, name), join(project.folder, name));
  path = join(folder, "bin");
  mkdirSync(path);
  writeFileSync(join(path, "npx"), npx);
  chmodSync(join(path, "npx"), 0o755);
});
afterAll(async () => {
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
});

function sh(command: string, cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Run> {
  const all = { ...project.account.env, ...hostVariables("PVE1", host), ...env };
  return finished(
    spawn("sh", ["-c", command], {
      cwd,
      env: { ...all, PATH: `${path}:${process.env["PATH"] ?? ""}` },
      stdio: ["ignore", "pipe", "pipe"],
    }),
  );
}

/** The lines of the pipeline that pack and unpack the plan. */
function tarLines(): string[] {
  const { plan, deploy } = parse(readFileSync(join(examples, "gitlab-with-route.yml"), "utf8")) as Record<
    string,
    { script: string[] }
  >;
  return [...(plan?.script ?? []), ...(deploy?.script ?? [])].filter((line) => line.startsWith("tar "));
}

const review = () => readFileSync(join(project.folder, "review.md"), "utf8");

test("without a route: the review says so, and the rules count what may come", async () => {
  host.resetCounters();
  const rules = join(project.folder, "rules.json");
  const allowed = readFileSync(rules);
  writeFileSync(rules, JSON.stringify({ version: 1, maxReboots: 0 }));
  const { code, stderr } = await sh("./plan.sh", project.folder, { PASSTHROUGH_OFFLINE: "1" });
  writeFileSync(rules, allowed);
  expect([code, stderr]).toEqual([
    3,
    expect.stringContaining("maxReboots: 1 hosts reboot or may reboot, 0 may"),
  ]);
  expect(review()).toContain("1 host may reboot: only the apply knows");
  expect(review()).toContain("planned without 1 of the 1 host");
  expect(review()).toContain("### Needs approval");
  expect(host.counters().connections).toBe(0);
});

test("the plan that was reviewed is applied in another folder, with the provider as it was placed", async () => {
  const planned = await sh("./plan.sh", project.folder);
  expect([planned.code, planned.stderr]).toEqual([0, expect.any(String)]);
  expect(review()).toContain("1 host reboots; 1 guest stops; 1 device changes hands");

  const [pack = "", unpack = ""] = tarLines();
  expect(await sh(pack, project.folder)).toMatchObject({ code: 0 });
  const elsewhere = join(folder, "elsewhere");
  mkdirSync(elsewhere);
  for (const name of ["cdktf.out.tar", "apply.sh"])
    copyFileSync(join(project.folder, name), join(elsewhere, name));
  // The machine that planned is gone.
  rmSync(join(project.folder, "cdktf.out"), { recursive: true });
  expect(await sh(unpack, elsewhere)).toMatchObject({ code: 0 });
  const placed = readdirSync(elsewhere, { recursive: true, encoding: "utf8" }).filter((name) =>
    /terraform-provider-passthrough_v[^/]*$/.test(name),
  );
  expect(placed.length).toBeGreaterThan(0);
  for (const name of placed) expect(statSync(join(elsewhere, name)).mode & 0o111).toBe(0o111);

  const applied = await sh("./apply.sh workstation", elsewhere);
  expect([applied.code, applied.stderr]).toEqual([0, expect.any(String)]);
  expect(applied.stdout).toContain("Apply complete!");
  expect(fileOf(host, "/proc/cmdline")).toContain("iommu=pt");
  expect(host.counters().reboots).toBe(1);

  // Once more: it is no plan any more, and nothing else is done in its place.
  const again = await sh("./apply.sh workstation", elsewhere);
  expect(again.code).not.toBe(0);
  expect(again.stderr).toContain("stale");
  expect(host.counters().reboots).toBe(1);
});

test("no stack named: nothing is applied", async () => {
  expect(await sh("./apply.sh", project.folder)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Which stacks?") as string,
  });
});
