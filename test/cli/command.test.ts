/** `passthrough` as somebody types it: its output, its errors, its exit codes. */
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { command, passthrough, startPassthrough, target } from "../support/command";
import { connect, fileOf, Rig } from "../support/rig";
import { finished } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(240_000);

const rig = new Rig();
let host: EmbeddedHost;
let folder: string;
beforeAll(async () => {
  host = await rig.host("proxmox-amd");
  folder = realpathSync(mkdtempSync(join(tmpdir(), "passthrough command ")));
});
afterAll(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("what cannot be understood is said in one form, and nothing else", () => {
  test.each([
    [["nix"], "unknown command 'nix'"],
    [["inspect"], "missing required argument 'host'"],
    [["inspect", "root@"], '"root@" is no host. Expected user@host or host.'],
    [["inspect", "@pve1"], '"@pve1" is no host. Expected user@host or host.'],
    [["inspect", "pve1", "--port", "ssh"], "Expected a TCP port, 1 to 65535."],
    [["inspect", "pve1", "--port", "0"], "Expected a TCP port, 1 to 65535."],
    [["inspect", "pve1", "--name", "("], '"(" is not a regular expression'],
    [["inspect", "pve1", "--vendor", ""], "The vendor of a device is empty."],
    [["inspect", "pve1", "--nth", "one", "--vendor", "10de"], "nth = NaN counts no card"],
    [["inspect", "pve1", "--whole"], "none is given"],
    [["inspect", "pve1", "--identity", "/not/there"], "identity file /not/there: ENOENT"],
    [["reboot"], "Which host? Give user@host."],
    [["reboot", "pve1", "--timeout", "soon"], "Expected a number of seconds."],
    [["reboot", "pve1", "--settle", "-1"], "Expected a number of seconds."],
    [["embedded-host", "--profile", "proxmox-amd"], "required option '--dir <folder>' not specified"],
    [
      ["embedded-host", "--dir", "x", "--profile", "toaster"],
      "Allowed choices are proxmox-amd, proxmox-intel",
    ],
  ])("%j", async (args, words) => {
    const { code, stdout, stderr } = await passthrough(args);
    expect(stderr).toMatch(/^passthrough: /);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(stdout).toBe("");
    expect(code).toBe(words.startsWith("identity") ? 1 : 2);
  });

  test.each([
    [{ PASSTHROUGH_HOST: "pve1" }, "Which host?"],
    [{ PASSTHROUGH_HOST: "pve1", PASSTHROUGH_CONNECTION: "pve1" }, "PASSTHROUGH_CONNECTION is not the JSON"],
    [{ PASSTHROUGH_HOST: "pve1", PASSTHROUGH_CONNECTION: "[]" }, "PASSTHROUGH_CONNECTION is not the JSON"],
    [
      { PASSTHROUGH_HOST: "a", PASSTHROUGH_CONNECTION: "{}", PASSTHROUGH_REBOOT_TIMEOUT: "long" },
      'PASSTHROUGH_REBOOT_TIMEOUT is "long"; expected a number of seconds.',
    ],
  ])("the event's environment: %j", async (env, words) => {
    const { code, stderr } = await passthrough(["reboot"], { env });
    expect(stderr).toMatch(/^passthrough: /);
    expect(stderr).toContain(words);
    expect(code).toBe(2);
  });
});

describe("inspect", () => {
  test("a table of the host as it is, without colours where nobody looks", async () => {
    const { code, stdout, stderr } = await passthrough(["inspect", ...target(host)]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toMatch(
      /^pve1 {2}Debian GNU\/Linux 12 \(bookworm\), Linux \S+-pve, IOMMU off \(the firmware offers it\)$/m,
    );
    expect(stdout).toMatch(
      /^0000:01:00\.0 +10de:2204:0300 +- +nouveau +- +- +NVIDIA Corporation GA102 \[GeForce RTX 3090\]$/m,
    );
    expect(stdout).toMatch(/^0000:03:00\.0 .* nvme +- +esp disk +Samsung/m);
    expect(stdout).toContain("The host itself needs:");
  });

  test("only what is selected, in the words that a stack selects with", async () => {
    const one = await passthrough(["inspect", ...target(host), "--mac", "ac:1f:6b:00:10:02"]);
    expect(one.code).toBe(0);
    expect(one.stdout).toMatch(/^0000:05:00\.1 .* ac-1f-6b-ff-ff-00-10-01, ac:1f:6b:00:10:02$/m);
    expect(one.stdout).not.toMatch(/^0000:05:00\.0/m);
    const none = await passthrough(["inspect", ...target(host), "--class", "03", "--count", "7"]);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(
      /^passthrough: The selector says 7, and it matches \d cards? of class 03: \n {2}0000:/,
    );
  });

  test("--json is JSON", async () => {
    const { stdout } = await passthrough(["inspect", ...target(host), "--json"]);
    const { hostname, devices } = JSON.parse(stdout) as { hostname: string; devices: { address: string }[] };
    expect(hostname).toBe("pve1");
    expect(devices).toContainEqual(expect.objectContaining({ address: "0000:01:00.0", driver: "nouveau" }));
  });

  test("changes nothing and asks once", async () => {
    host.resetCounters();
    await passthrough(["inspect", ...target(host)]);
    expect(host.counters()).toEqual({ connections: 1, commands: 1, reboots: 0 });
  });

  test("a reader that has enough is not an error", async () => {
    const child = startPassthrough(["inspect", ...target(host), "--json"]);
    child.stdout?.destroy();
    let said = "";
    child.stderr?.on("data", (chunk) => (said += String(chunk)));
    const code = await new Promise((resolve) => child.on("exit", resolve));
    expect({ code, said }).toEqual({ code: 0, said: "" });
  });

  test("a host that does not answer is an error on stderr", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await waitFor(() => server.listening);
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const args = ["inspect", "root@127.0.0.1", "--port", String(port), "--identity", host.clientKeyFile];
    const { code, stdout, stderr } = await passthrough(args);
    expect(stderr).toMatch(/^passthrough: Unable to connect to root@127\.0\.0\.1 .*ECONNREFUSED/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("another host key than the pinned one is an error that shows both", async () => {
    const args = target(host).map((word) => (word === host.hostKey ? `SHA256:${"A".repeat(43)}` : word));
    const { code, stderr } = await passthrough(["inspect", ...args]);
    expect(stderr).toContain(host.fingerprint);
    expect(stderr).toContain(`SHA256:${"A".repeat(43)}`);
    expect(code).toBe(1);
  });
});

describe("scaffold", () => {
  const scaffold = (...flags: string[]) =>
    passthrough(["scaffold", ...target(host), ...flags], { cwd: folder });

  test("--stdout prints main.ts and writes nothing", async () => {
    const before = readdirSync(folder);
    const { code, stdout, stderr } = await scaffold("--stdout");
    expect(stdout).toMatch(/^import .*\n[^]*\napp\.synth\(\);\n$/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(folder)).toEqual(before);
  });

  test("what is there is never overwritten, unless --force asks for it; a link is replaced, not followed", async () => {
    const project = join(folder, "pve1");
    const outside = join(folder, "outside");
    writeFileSync(outside, "mine");
    mkdirSync(project);
    symlinkSync(outside, join(project, "main.ts"));
    const refused = await scaffold();
    expect(refused.stderr).toBe(
      `passthrough: main.ts is in ${project} already. Nothing was written. Name another folder with --dir, or overwrite with --force.\n`,
    );
    expect({ code: refused.code, files: readdirSync(project) }).toEqual({ code: 1, files: ["main.ts"] });

    const json = await scaffold("--force", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      folder: expect.stringContaining(folder) as string,
      files: expect.arrayContaining(["main.ts"]) as string[],
      leftOut: expect.any(Array) as string[],
    });
    const printed = await scaffold("--stdout", "--json");
    expect((JSON.parse(printed.stdout) as { source: string }).source).toContain("new IommuHost(");
    const forced = await scaffold("--force");
    expect({ code: forced.code, stderr: forced.stderr }).toEqual({ code: 0, stderr: "" });
    expect(readdirSync(project).sort()).toEqual([
      ".gitignore",
      "cdktf.json",
      "main.ts",
      "package.json",
      "tsconfig.json",
    ]);
    expect(readFileSync(join(project, "main.ts"), "utf8")).toContain("new IommuHost(");
    expect(readFileSync(outside, "utf8")).toBe("mine");
  });

  test("a folder that cannot be made is an error", async () => {
    for (const dir of [join(folder, "outside", "x"), "/proc/x"]) {
      const { code, stderr } = await scaffold("--dir", dir);
      expect(stderr).toMatch(/^passthrough: Unable to make the folder .*: E[A-Z]+: .*\. Name one that/);
      expect(code).toBe(1);
    }
  });
});

describe("embedded-host", () => {
  const start = (...args: string[]) =>
    startPassthrough(["embedded-host", "--profile", "debian-intel", "--dir", "a host", ...args], {
      cwd: folder,
    });

  async function introduction(child: ReturnType<typeof start>): Promise<string> {
    let said = "";
    child.stdout?.on("data", (chunk) => (said += String(chunk)));
    await waitFor(() => said.includes("Stop it"));
    return said;
  }

  test.each(["SIGINT", "SIGTERM"] as const)(
    "starts, says how to reach it from anywhere, and ends at %s",
    async (signal) => {
      const child = start();
      const end = finished(child);
      const said = await introduction(child);
      expect(said).toContain(`private key: ${join(folder, "a host", "client_key")}\n`);
      expect(said).toContain(`its state stays in ${join(folder, "a host")}.`);
      const line = /^Look at it: +npx passthrough (.*)$/m.exec(said)?.[1];
      const looked = spawnSync("sh", ["-c", `exec '${process.execPath}' '${command}' ${line}`], {
        cwd: "/",
        encoding: "utf8",
      });
      expect(looked.stderr).toBe("");
      expect(looked.stdout).toContain("DRIVER");
      child.kill(signal);
      expect(await end).toMatchObject({ code: 0, stderr: "" });
    },
  );

  test("comes back at the port of its last start", async () => {
    const ports = [];
    for (let times = 0; times < 2; times += 1) {
      const child = start();
      const end = finished(child);
      ports.push(/^address: +127\.0\.0\.1:(\d+)$/m.exec(await introduction(child))?.[1]);
      child.kill();
      await end;
    }
    expect(ports[0]).toMatch(/^\d+$/);
    expect(ports[1]).toBe(ports[0]);
  });

  test("says so when its port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await waitFor(() => server.listening);
    const { port } = server.address() as AddressInfo;
    const { code, stdout, stderr } = await finished(start("--port", String(port)));
    server.close();
    expect(stderr).toMatch(new RegExp(`^passthrough: .*${port}`));
    expect(stderr).not.toMatch(/^ +at /m);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("--json says how to reach it, for programs", async () => {
    const child = start("--json");
    const end = finished(child);
    let said = "";
    child.stdout?.on("data", (chunk) => (said += String(chunk)));
    await waitFor(() => said.endsWith("}\n"));
    child.kill();
    await end;
    expect(JSON.parse(said)).toMatchObject({
      host: "127.0.0.1",
      port: expect.any(Number),
      user: "root",
      identityFile: join(folder, "a host", "client_key"),
      hostKey: expect.stringMatching(/^ssh-ed25519 /),
    });
  });

  test("refuses a folder that another one uses, by whatever name, and leaves that one alone", async () => {
    const first = start();
    const end = finished(first);
    const said = await introduction(first);
    symlinkSync(join(folder, "a host"), join(folder, "link"));
    const second = await passthrough(["embedded-host", "--profile", "debian-intel", "--dir", "link"], {
      cwd: folder,
    });
    expect(second.stderr).toBe(
      `passthrough: The folder ${join(folder, "link")} is in use by another embedded host (process ${first.pid}). ` +
        "Stop that one, or name another folder.\n",
    );
    expect({ code: second.code, stdout: second.stdout }).toEqual({ code: 1, stdout: "" });
    const line = /^Look at it: +npx passthrough (.*)$/m.exec(said)?.[1];
    const looked = spawnSync("sh", ["-c", `exec '${process.execPath}' '${command}' ${line}`]);
    expect(looked.status).toBe(0);
    first.kill("SIGKILL");
    await end;
    // Nothing of the lock outlives its holder.
    const third = start();
    const thirdEnd = finished(third);
    await introduction(third);
    third.kill();
    await thirdEnd;
  });

  test("says so when its folder cannot be one, or holds another machine", async () => {
    writeFileSync(join(folder, "file"), "");
    const run = (dir: string) =>
      passthrough(["embedded-host", "--profile", "proxmox-amd", "--dir", dir], { cwd: folder });
    for (const dir of ["file", "file/below", "/proc/x", "/proc/x/y"]) {
      const { code, stderr } = await run(dir);
      expect(stderr).toMatch(/^passthrough: Unable to make the folder \/.*: E[A-Z]+: .*\. Name one that/);
      expect(code).toBe(1);
    }
    expect((await run("a host")).stderr).toMatch(
      /^passthrough: The folder .* holds an embedded host of profile debian-intel/,
    );
  });
});

describe("reboot by hand", () => {
  const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";
  const reboot = (...flags: string[]) => passthrough(["reboot", ...target(host), "--settle", "1", ...flags]);
  let written: string;

  beforeAll(async () => {
    await rig.stack((stack: TerraformStack) => {
      const pve1 = new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["iommu=pt"],
      });
      new VfioBinding(stack, "gpu", { host: pve1, devices: { card: { address: "0000:01:00" } } });
    });
  });
  beforeEach(() => host.resetCounters());

  test("a host that nothing was deployed to is left alone", async () => {
    const { code, stdout } = await reboot();
    expect(stdout).toContain("nothing of ours is recorded on the host");
    expect({ code, reboots: host.counters().reboots }).toEqual({ code: 0, reboots: 0 });
  });

  test("a host that runs what is declared is proven, not rebooted", async () => {
    await rig.apply();
    written = fileOf(host, dropIn) ?? "";
    host.resetCounters();
    const { code, stdout } = await reboot();
    expect(stdout).toContain("proven: no reboot needed, iommu=pt running, 2 of 2 functions on vfio-pci");
    expect({ code, reboots: host.counters().reboots }).toEqual({ code: 0, reboots: 0 });
  });

  test("where the reboot does not help, the error says what is missing", async () => {
    await sh(host, `rm ${dropIn} && update-grub`);
    await host.reboot();
    host.resetCounters();
    const { code, stderr } = await reboot();
    expect(stderr).toContain("a reboot is due: the running kernel lacks iommu=pt");
    expect(stderr).toMatch(
      /^passthrough: root@127\.0\.0\.1 rebooted, but does not run what is declared:\n {2}- the running kernel lacks iommu=pt\n/m,
    );
    expect({ code, reboots: host.counters().reboots }).toEqual({ code: 1, reboots: 1 });
  });

  test("and it is not tried again", async () => {
    const { code, stderr } = await reboot();
    expect(stderr).toContain(
      "is not rebooted: blocked: still so after the reboot for it: the running kernel lacks",
    );
    expect({ code, reboots: host.counters().reboots }).toEqual({ code: 1, reboots: 0 });
  });

  test("unless it is forced, once the cause is mended", async () => {
    writeFileSync(join(host.root, dropIn), written);
    await sh(host, "update-grub");
    const { code, stdout, stderr } = await reboot("--force");
    expect(stderr).toContain("a reboot is forced");
    expect(stdout).toContain("proven: iommu=pt running, 2 of 2 functions on vfio-pci");
    expect({ code, reboots: host.counters().reboots }).toEqual({ code: 0, reboots: 1 });
  });

  test("Ctrl-C while it is waited for: the host goes on, and the next run proves it", async () => {
    await sh(host, `rm ${dropIn} && update-grub`);
    await host.reboot();
    writeFileSync(join(host.root, dropIn), written);
    await sh(host, "update-grub");
    const child = startPassthrough(["reboot", ...target(host), "--settle", "1"]);
    const end = finished(child);
    child.stderr?.on("data", (chunk) => {
      if (String(chunk).includes("reboot issued")) child.kill("SIGINT");
    });
    const { code, stderr } = await end;
    expect(stderr).toMatch(
      /^passthrough: Stopped waiting for root@127\.0\.0\.1, which is rebooting\. The next deploy proves it\. Its guests start then, /m,
    );
    expect(code).toBe(130);
    await waitFor(() => host.isUp() && (fileOf(host, "/proc/cmdline") ?? "").includes("iommu=pt"));
    host.resetCounters();
    expect((await reboot()).stdout).toContain("proven: no reboot needed");
    expect(host.counters().reboots).toBe(0);
  });
});
