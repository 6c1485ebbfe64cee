/**
 * `npm run demo`: a hypervisor host is configured for PCI passthrough by `cdktf deploy`, drifts, is repaired and is
 * given back. Terraform, the provider, SSH and the shell scripts are real; the host is a machine made of files.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fail, prepare, root } from "./prepare.mjs";

const terraform = prepare();
// Only now: on a fresh clone these are there once the packages are installed.
const { makeProject } = await import("./project.mjs");
const { default: ssh2 } = await import("ssh2");

const started = Date.now();
const folder = mkdtempSync(join(tmpdir(), "passthrough-demo-"));
const project = join(folder, "project");
const machine = join(folder, "host");
const home = join(folder, "home");

const passthrough = join(root, "dist", "passthrough.cjs");
const host = spawn(
  process.execPath,
  [passthrough, "embedded-host", "--profile", "proxmox-amd", "--dir", machine],
  { stdio: ["ignore", "pipe", "inherit"] },
);
process.on("exit", () => {
  host.kill();
  // The host may still be writing its last words.
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));

const printed = {};
for await (const line of createInterface({ input: host.stdout })) {
  const [, name, value] = /^([a-z ]+): +(.*)$/.exec(line) ?? [];
  if (name) printed[name] = value;
  if (line.startsWith("Stop it")) break;
}
if (printed["address"] === undefined) fail("The embedded host did not start.");
const [address, port] = printed["address"].split(":");

// The demo stands on its own: nobody's settings of Terraform, SSH or this package are to change it.
mkdirSync(home);
writeFileSync(join(home, "terraform.rc"), "");
const colors = process.stdout.isTTY && !process.env["NO_COLOR"];
const foreign = /^((TF|TOFU|CDKTF|PASSTHROUGH|npm)_|NO_COLOR$|FORCE_COLOR$)/;
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name))),
  ...(colors ? {} : { FORCE_COLOR: "0" }),
  HOME: home,
  TF_CLI_CONFIG_FILE: join(home, "terraform.rc"),
  TERRAFORM_BINARY_NAME: terraform,
  PVE1_HOST: address,
  PVE1_PORT: port,
  PVE1_IDENTITY_FILE: printed["private key"],
  PVE1_HOST_KEY: printed["host key"],
  CI: "1",
  CHECKPOINT_DISABLE: "1",
};

function title(text) {
  const line = `=== ${text}`;
  console.log(`\n${colors ? `\x1b[1m${line}\x1b[0m` : line}\n`);
}

function cdktf(...args) {
  const program = join(root, "node_modules", ".bin", "cdktf");
  const { status } = spawnSync(program, args, {
    cwd: project,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) fail(`cdktf ${args.join(" ")} exited with ${status}`);
}

/** As somebody logged in to the host would do it. */
function byHand(command) {
  console.log(`root@pve1:~# ${command}`);
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.on("error", reject).on("ready", () => {
      client.exec(command.replaceAll(" /", ' "$PASSTHROUGH_ROOT"/'), (error, stream) => {
        if (error) return reject(error);
        stream.resume().stderr.pipe(process.stderr);
        stream.on("close", (code) => {
          client.end();
          if (code === 0) resolve();
          else reject(new Error(`${command} exited with ${code}`));
        });
      });
    });
    client.connect({
      host: address,
      port: Number(port),
      username: "root",
      privateKey: readFileSync(printed["private key"]),
    });
  });
}

/** Every file of the host that configures it, by content. */
function fingerprint() {
  const files = new Map();
  for (const top of ["etc", "boot"]) walk(join(machine, "root", top), files);
  return files;
}

function walk(path, into) {
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) walk(join(path, name), into);
  else if (stat.isFile()) into.set(path, createHash("sha256").update(readFileSync(path)).digest("hex"));
}

makeProject("one-gpu", project);
const before = fingerprint();

title("The stack");
console.log(readFileSync(join(project, "main.ts"), "utf8"));

title("cdktf diff: the plan, as a reviewer sees it");
cdktf("diff");

title("cdktf deploy: configure, reboot, prove, bind, attach");
cdktf("deploy", "--auto-approve");

title("cdktf diff: nothing left to do");
cdktf("diff");

title("Somebody changes the host by hand");
await byHand("sed -i 's/ iommu=pt//' /etc/default/grub.d/zz-cdktf-passthrough.cfg");
await byHand("echo 0000:01:00.1 | tee /sys/bus/pci/drivers/vfio-pci/unbind");
await byHand("echo | tee /sys/bus/pci/devices/0000:01:00.1/driver_override");
await byHand("echo 0000:01:00.1 | tee /sys/bus/pci/drivers/snd_hda_intel/bind");
await byHand("qm set 100 --hostpci0 0000:01:00,pcie=1");

title("cdktf diff: the drift");
cdktf("diff");

title("cdktf deploy: repaired");
cdktf("deploy", "--auto-approve");

title("cdktf destroy: everything given back");
cdktf("destroy", "--auto-approve");

const after = fingerprint();
const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
  (path) => before.get(path) !== after.get(path),
);
if (changed.length > 0) fail(`Not as before: ${changed.join(", ")}`);

title("What this showed");
console.log(`- the plan of a host that has to reboot: the lines of its files, the drivers that change, the reboot and why
- a deploy that configured the host over SSH, rebooted it once, proved the result and gave VM 100 its card
- an empty plan after it
- a line removed from a file, a function taken back by its driver and a changed hostpci slot, as a diff, and repaired without a reboot
- a destroy after which all ${after.size} files under /etc and /boot are byte for byte what they were
It took ${Math.round((Date.now() - started) / 1000)} s.`);
process.exit();
