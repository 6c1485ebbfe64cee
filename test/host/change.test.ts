import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { changeTimeout, parseChange, renderChange } from "../../lib/host/change";
import { parseProbe, probeScript } from "../../lib/host/probe";
import { quote } from "../../lib/host/scripts";
import type { Change, ChangeOutcome, Step } from "../../lib/model/change";
import { answerOf, FakeRoot } from "../support/fakeRoot";
import { waitFor } from "../support/waitFor";

const STATE = "/var/lib/cdktf-passthrough";
const GRUB = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";
const HOOK = "/etc/initramfs-tools/hooks/cdktf-passthrough";
const OLD = "/etc/modprobe.d/old.conf";
const MACHINE = "0123456789abcdef0123456789abcdef";

let root: FakeRoot;
beforeEach(() => (root = new FakeRoot()));
afterEach(() => root.remove());

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function changeOf(...steps: Step[]): Change {
  return { purpose: "configure pve1", machineId: MACHINE, steps };
}

async function apply(change: Change, env: Record<string, string> = {}): Promise<ChangeOutcome> {
  return parseChange(await root.run(renderChange(change), env), change);
}

function write(path: string, content: string, before: string | null = null, mode = "0644"): Step {
  return { step: "write", path, content, mode, expect: before === null ? null : sha256(before) };
}

function remove(path: string, before: string | null): Step {
  return { step: "remove", path, expect: before === null ? null : sha256(before) };
}

const run = (...command: string[]): Step => ({ step: "run", command, timeoutSeconds: 60 });
const command = (...words: string[]): Step => ({ step: "command", command: words, timeoutSeconds: 60 });
const bind = (...addresses: string[]): Step => ({
  step: "bind",
  functions: addresses.map((address) => ({ address, id: "10de:2204" })),
});
const release = (address: string, driver: string): Step => ({
  step: "release",
  functions: [{ address, driver }],
});

/** A program that notes its arguments, each in brackets. */
function recorder(name: string, then = ""): void {
  root.program(name, `{ printf '%s' ${name}; printf ' [%s]' "$@"; echo; } >>"$ROOT/calls"\n${then}`);
}

const calls = (): string[] => (root.exists("/calls") ? root.read("/calls").trim().split("\n") : []);
const pending = (): string => (root.exists(`${STATE}/pending`) ? root.read(`${STATE}/pending`) : "");
const modeOf = (path: string): number => statSync(root.at(path)).mode & 0o7777;
const preimages = (): string[] => readdirSync(root.at(`${STATE}/preimages`)).sort();

function expectFailure(outcome: ChangeOutcome): Extract<ChangeOutcome, { ok: false }> {
  if (outcome.ok) throw new Error(`unexpected success: ${outcome.log}`);
  return outcome;
}

describe("files", () => {
  test("new files get their mode, and folders are made", async () => {
    expect(await apply(changeOf(write(HOOK, "#!/bin/sh\n", null, "0755")))).toMatchObject({ ok: true });
    expect(root.read(HOOK)).toBe("#!/bin/sh\n");
    expect(modeOf(HOOK)).toBe(0o755);
  });

  test("a replaced file keeps its mode and what stood there is kept", async () => {
    root.write(OLD, "before\n", 0o640);
    expect(await apply(changeOf(write(OLD, "after\n", "before\n")))).toMatchObject({ ok: true });
    expect(root.read(OLD)).toBe("after\n");
    expect(modeOf(OLD)).toBe(0o640);
    const [id = ""] = preimages();
    expect(root.read(`${STATE}/preimages/${id}${OLD}`)).toBe("before\n");
    expect(readdirSync(root.at("/etc/modprobe.d"))).toEqual(["old.conf"]);
  });

  test("a symbolic link stays one, its file is replaced", async () => {
    root.write("/etc/real.conf", "before\n");
    root.link(OLD, "/etc/real.conf");
    expect(await apply(changeOf(write(OLD, "after\n", "before\n")))).toMatchObject({ ok: true });
    expect(root.read("/etc/real.conf")).toBe("after\n");
    expect(readdirSync(root.at("/etc/modprobe.d"), { withFileTypes: true })[0]?.isSymbolicLink()).toBe(true);
  });

  test("a script of ours that lost its mode is made executable again", async () => {
    root.write(HOOK, "#!/bin/sh\n", 0o644);
    expect(await apply(changeOf(write(HOOK, "#!/bin/sh\n", "#!/bin/sh\n", "0755")))).toMatchObject({
      ok: true,
    });
    expect(modeOf(HOOK)).toBe(0o755);
  });

  test("our folder goes with the last of our files, others' stay", async () => {
    const table = "/etc/cdktf-passthrough/devices";
    root.write(table, "ours\n");
    root.write(OLD, "ours\n");
    const emptied = changeOf(remove(table, "ours\n"), remove(OLD, "ours\n"));
    expect(await apply(emptied)).toMatchObject({ ok: true });
    expect(root.exists("/etc/cdktf-passthrough")).toBe(false);
    expect(root.exists("/etc/modprobe.d")).toBe(true);

    root.write(table, "ours\n");
    root.write("/etc/cdktf-passthrough/notes", "theirs\n");
    expect(await apply(changeOf(remove(table, "ours\n")))).toMatchObject({ ok: true });
    expect(root.read("/etc/cdktf-passthrough/notes")).toBe("theirs\n");
  });

  test.each<[string, string | null, Step, RegExp]>([
    ["changed", "theirs\n", write(OLD, "after\n", "before\n"), /old\.conf has changed since the plan/],
    ["gone", null, write(OLD, "after\n", "before\n"), /old\.conf is gone since the plan/],
    ["appeared", "theirs\n", write(OLD, "after\n"), /old\.conf has appeared since the plan/],
    [
      "changed before its removal",
      "theirs\n",
      remove(OLD, "before\n"),
      /old\.conf has changed since the plan/,
    ],
  ])("a file that has %s stops the change before the first write", async (_case, now, step, words) => {
    if (now !== null) root.write(OLD, now);
    const outcome = expectFailure(await apply(changeOf(write(GRUB, "ours\n"), step, run("update-grub"))));
    expect(outcome).toMatchObject({
      reason: "changed",
      failedStep: -1,
      message: expect.stringMatching(words),
    });
    expect(root.exists(GRUB)).toBe(false);
    expect(root.exists(OLD) ? root.read(OLD) : null).toBe(now);
    expect(pending()).toBe("");
  });

  test("what already stands as wanted passes, whatever the plan expected", async () => {
    root.write(OLD, "after\n");
    expect(await apply(changeOf(write(OLD, "after\n", "before\n"), remove("/etc/gone", "x")))).toMatchObject({
      ok: true,
    });
    expect(root.exists(`${STATE}/preimages`)).toBe(false);
  });

  test("one file may be written twice, and the whole may run again", async () => {
    root.write(OLD, "a\n");
    const change = changeOf(write(OLD, "b\n", "a\n"), write(OLD, "c\n", "b\n"));
    for (let run = 1; run <= 2; run++) {
      expect(await apply(change)).toMatchObject({ ok: true });
      expect(root.read(OLD)).toBe("c\n");
    }
  });

  test("a file edited while a command runs is not overwritten", async () => {
    root.write(OLD, "before\n");
    root.program("update-grub", `echo theirs >"$ROOT${OLD}"`);
    const outcome = expectFailure(
      await apply(changeOf(run("update-grub"), write(OLD, "after\n", "before\n"))),
    );
    expect(outcome).toMatchObject({ reason: "changed", failedStep: 1 });
    expect(root.read(OLD)).toBe("theirs\n");
  });

  test.each([
    ["mv", "mv: cannot move: Read-only file system"],
    ["mkdir", "mkdir: cannot create directory: Read-only file system"],
    ["cp", "cp: cannot create regular file: No space left on device"],
  ])("a failing %s leaves the file as it was and says why", async (program, words) => {
    root.write(OLD, "before\n");
    root.program(
      program,
      `case "$*" in */pending*|*/preimages) exec /bin/${program} "$@" ;; *modprobe.d*) echo '${words}' >&2; exit 1 ;; esac\nexec /bin/${program} "$@"`,
    );
    const outcome = expectFailure(await apply(changeOf(write(OLD, "after\n", "before\n"))));
    expect(outcome).toMatchObject({
      reason: "failed",
      failedStep: 0,
      message: expect.stringContaining(words),
    });
    expect(root.read(OLD)).toBe("before\n");
    expect(readdirSync(root.at("/etc/modprobe.d"))).toEqual(["old.conf"]);
  });

  test("a full disk is told before anything is written", async () => {
    root.program("df", `printf 'Filesystem 1024-blocks Used Available\\n/dev/sda1 100 97 3 97%% /boot\\n'`);
    const outcome = expectFailure(
      await apply(changeOf(write(GRUB, "ours\n"), run("update-initramfs", "-u"))),
    );
    expect(outcome).toMatchObject({
      reason: "failed",
      failedStep: -1,
      message: expect.stringMatching(/Only .* free for a new initramfs/),
    });
    expect(root.exists(GRUB)).toBe(false);
  });

  test("the pre-images of the last 20 changes are kept", async () => {
    for (let at = 0; at < 25; at++)
      mkdirSync(root.at(`${STATE}/preimages/20200101T0000${10 + at}-1`), { recursive: true });
    await apply(changeOf(write(OLD, "x\n")));
    expect(preimages()).toHaveLength(20);
    expect(preimages()[0]).toBe("20200101T000016-1");
  });
});

describe("commands", () => {
  test("are owed from before the first write until they succeeded", async () => {
    root.program("update-grub", `cp "$ROOT${STATE}/pending" "$ROOT/seen"; echo generating`);
    root.program("update-initramfs", "echo 'No space left on device' >&2; exit 1");
    const change = changeOf(
      write(GRUB, "ours\n"),
      run("update-grub"),
      run("update-initramfs", "-u", "-k", "all"),
    );
    const outcome = expectFailure(await apply(change));
    expect(outcome).toMatchObject({ reason: "failed", failedStep: 2 });
    expect(outcome.message).toBe("update-initramfs -u -k all exited with 1: No space left on device");
    expect(outcome.log).toContain("generating");
    expect(root.read("/seen")).toBe("update-grub\nupdate-initramfs -u -k all\n");
    expect(pending()).toBe("update-initramfs -u -k all\n");

    recorder("update-initramfs");
    expect(await apply(change)).toMatchObject({ ok: true });
    expect(pending()).toBe("");
  });

  test("what an earlier change owes stays owed", async () => {
    root.write(`${STATE}/pending`, "update-initramfs -u\n");
    recorder("update-grub");
    await apply(changeOf(run("update-grub")));
    expect(pending()).toBe("update-initramfs -u\n");
  });

  test("a command that takes too long is stopped", async () => {
    root.program("update-grub", "sleep 60");
    const outcome = expectFailure(
      await apply(changeOf({ step: "run", command: ["update-grub"], timeoutSeconds: 1 })),
    );
    expect(outcome.message).toMatch(/^update-grub took longer than 1 s/);
  });

  test("a missing program is said", async () => {
    const outcome = expectFailure(await apply(changeOf(command("no-such-program"))));
    expect(outcome.message).toMatch(/no-such-program exited with 127: .*No such file/);
  });

  test("proxmox-boot-tool is not believed when it skips an ESP", async () => {
    root.write("/etc/kernel/proxmox-boot-uuids", "AAAA-0001\nBBBB-0002\n");
    root.program(
      "proxmox-boot-tool",
      `case $1 in refresh) echo "WARN: /dev/disk/by-uuid/BBBB-0002 does not exist - skipping" ;; esac`,
    );
    const outcome = expectFailure(await apply(changeOf(run("proxmox-boot-tool", "refresh"))));
    expect(outcome.message).toContain("BBBB-0002 does not exist");
    expect(pending()).toBe("proxmox-boot-tool refresh\n");
  });

  test("proxmox-boot-tool is not believed when its status lacks an ESP", async () => {
    root.write("/etc/kernel/proxmox-boot-uuids", "AAAA-0001\nBBBB-0002\n");
    const status = (uuids: string[]) =>
      root.program(
        "proxmox-boot-tool",
        `[ $1 != status ] || printf '%s is configured with: uefi (versions: 6.8)\\n' ${uuids.join(" ")}`,
      );
    status(["AAAA-0001"]);
    expect(expectFailure(await apply(changeOf(run("proxmox-boot-tool", "refresh")))).message).toContain(
      "BBBB-0002",
    );
    status(["AAAA-0001", "BBBB-0002"]);
    expect(await apply(changeOf(run("proxmox-boot-tool", "refresh")))).toMatchObject({ ok: true });
  });

  test("what a command leaves running does not hold the lock", async () => {
    root.program("qm", `sleep 30 </dev/null >/dev/null 2>&1 & echo $! >"$ROOT/pid"`);
    expect(await apply(changeOf(command("qm", "start", "100")))).toMatchObject({ ok: true });
    expect(await apply(changeOf(), { PASSTHROUGH_LOCK_WAIT: "0" })).toMatchObject({ ok: true });
    process.kill(Number(root.read("/pid")));
  });

  test("the client's end does not end the change", async () => {
    root.program(
      "update-grub",
      `touch "$ROOT/started"; while [ ! -e "$ROOT/go" ]; do sleep 0.05; done; echo done >"$ROOT/finished"`,
    );
    recorder("qm");
    const child = root.start(renderChange(changeOf(run("update-grub"), command("qm", "set"))));
    await waitFor(() => root.exists("/started"));
    child.stdout?.destroy();
    child.stderr?.destroy();
    for (const signal of ["SIGHUP", "SIGPIPE", "SIGINT", "SIGTERM"] as const) child.kill(signal);
    root.write("/go", "");
    await waitFor(() => calls().length > 0);
    expect(root.exists("/finished")).toBe(true);
    await waitFor(() => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
  });
});

describe("hostile values", () => {
  const HOSTILE = [
    "it's",
    '"$(touch /tmp/owned)"',
    "`id`",
    "-rf",
    "--",
    "a\nb",
    "\\n",
    "*",
    "$HOME",
    "é ☃",
    "",
  ];

  test("arrive as they are, as arguments and as content", async () => {
    recorder("qm");
    const content = HOSTILE.join("\n") + "\r\n\t'";
    const change: Change = {
      ...changeOf(command("qm", ...HOSTILE), write("/etc/it's a $(file)", content)),
      purpose: "'; exit 7 #",
    };
    expect(await apply(change)).toMatchObject({ ok: true });
    expect(root.read("/calls")).toBe(`qm${HOSTILE.map((word) => ` [${word}]`).join("")}\n`);
    expect(root.read("/etc/it's a $(file)")).toBe(content);
  });

  test("no text but NUL escapes its quotes", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: "binary" }).filter((text) => !text.includes("\0")),
          { minLength: 1, maxLength: 20 },
        ),
        (words) => {
          const script = `printf '%s\\0' ${words.map(quote).join(" ")}`;
          const { stdout } = spawnSync("sh", ["-s"], { input: script });
          expect(stdout.toString("utf8").split("\0").slice(0, -1)).toEqual(
            words.map((word) => Buffer.from(word).toString("utf8")),
          );
        },
      ),
      { numRuns: 25 },
    );
    expect(() => quote("a\0b")).toThrow(/NUL/);
  });

  test.each<[string, Step]>([
    ["a relative path", write("etc/x", "")],
    ["a way up", write("/etc/../x", "")],
    ["a folder", write("/etc/", "")],
    ["no command", run()],
    ["a command of two lines", run("a\nb")],
    ["a file outside of /sys", { step: "sysfs", path: "/etc/passwd", value: "" }],
  ])("%s is refused before anything is sent", (_case, step) => {
    expect(() => renderChange(changeOf(step))).toThrow();
  });
});

describe("the host's lock", () => {
  test("a second change waits, and gives up naming the first", async () => {
    root.program("update-grub", `touch "$ROOT/started"; while [ ! -e "$ROOT/go" ]; do sleep 0.05; done`);
    recorder("qm");
    const first = apply({ ...changeOf(run("update-grub")), purpose: "first of two" });
    await waitFor(() => root.exists("/started"));

    const refused = expectFailure(await apply(changeOf(command("qm")), { PASSTHROUGH_LOCK_WAIT: "0" }));
    expect(refused).toMatchObject({ reason: "locked", failedStep: -1 });
    expect(refused.message).toMatch(/first of two \(process \d+, since \d{4}-/);
    const waiting = apply(changeOf(command("qm")));
    expect(calls()).toEqual([]);

    root.write("/go", "");
    expect(await first).toMatchObject({ ok: true });
    expect(await waiting).toMatchObject({ ok: true });
    expect(calls()).toEqual(["qm []"]);
  });

  test("another machine is left alone, an unknown one is not", async () => {
    const step = write(OLD, "x\n");
    const other = expectFailure(await apply({ ...changeOf(step), machineId: "f".repeat(32) }));
    expect(other).toMatchObject({
      reason: "machine",
      failedStep: -1,
      message: expect.stringContaining(MACHINE),
    });
    expect(root.exists(OLD)).toBe(false);
    expect(await apply({ ...changeOf(step), machineId: null })).toMatchObject({ ok: true });
  });
});

describe("a change that is cut off", () => {
  function prepared(): Change {
    root.write(GRUB, "before\n");
    root.write(OLD, "old\n");
    root.write("/sys/module/vfio/parameters/x", "N\n");
    recorder("update-grub");
    recorder("qm");
    root.driver("vfio-pci");
    root.pci("0000:01:00.0", { id: "10de:2204", driver: "nouveau", group: 7 });
    return changeOf(
      { step: "guard", addresses: ["0000:01:00.0"], allow: [] },
      write(GRUB, "after\n", "before\n"),
      write(HOOK, "#!/bin/sh\n", null, "0755"),
      remove(OLD, "old\n"),
      run("update-grub"),
      bind("0000:01:00.0"),
      { step: "sysfs", path: "/sys/module/vfio/parameters/x", value: "Y" },
      command("qm", "set"),
    );
  }

  test.each([0, 1, 2, 3, 4, 5, 6, 7])(
    "in step %i shows what it owes, and ends in the same place when repeated",
    async (step) => {
      const change = prepared();
      const child = root.start(renderChange(change));
      child.stdout?.on("data", (chunk) => {
        if (String(chunk).includes(`::step ${step}\n`)) child.kill("SIGKILL");
      });
      const cut = await answerOf(child);
      // Too late for the kill, and done: nothing was cut.
      if (!cut.stdout.includes("::ok")) {
        expect(expectFailure(parseChange(cut, change)).message).toMatch(/was cut off in step \d of 8/);
        if (root.read(GRUB) === "after\n" && calls().length === 0) expect(pending()).toBe("update-grub\n");
        expect(["before\n", "after\n"]).toContain(root.read(GRUB));
      }

      expect(await apply(change)).toMatchObject({ ok: true });
      expect(root.read(GRUB)).toBe("after\n");
      expect(root.read(HOOK)).toBe("#!/bin/sh\n");
      expect(root.exists(OLD)).toBe(false);
      expect(root.driverOf("0000:01:00.0")).toBe("vfio-pci");
      expect(root.read("/sys/module/vfio/parameters/x")).toBe("Y");
      expect(calls()).toContain("update-grub []");
      expect(pending()).toBe("");
    },
  );

  /** Kills the script at the nth program that it starts of those that a write is made of. */
  async function cutAt(nth: number, change: Change): Promise<number> {
    for (const program of ["mv", "sync", "cp", "rm", "install", "sha256sum", "base64", "touch", "mkdir"])
      root.program(
        program,
        `while [ ! -e "$ROOT/pid" ]; do sleep 0.01; done
        echo x >>"$ROOT/started"
        if [ "$(wc -l <"$ROOT/started")" = ${nth} ]; then kill -9 "$(cat "$ROOT/pid")"; exit 1; fi
        PATH=\${PATH#*:} exec ${program} "$@"`,
      );
    const child = root.start(renderChange(change));
    const answer = answerOf(child);
    root.write("/pid", String(child.pid));
    await answer;
    return root.read("/started").trim().split("\n").length;
  }

  test("at any program it starts, owes what it owes and ends in the same place when repeated", async () => {
    const all = await cutAt(0, prepared());
    expect(all).toBeGreaterThan(30);
    for (let nth = 1; nth <= all; nth += 3) {
      root.remove();
      root = new FakeRoot();
      const change = prepared();
      await cutAt(nth, change);
      expect(["before\n", "after\n"]).toContain(root.read(GRUB));
      if (root.read(GRUB) === "after\n" && calls().length === 0) expect(pending()).toBe("update-grub\n");
      for (const program of readdirSync(root.bin))
        if (!/^(tee|ip|update-grub|qm)$/.test(program)) rmSync(`${root.bin}/${program}`);
      expect([nth, await apply(change)]).toMatchObject([nth, { ok: true }]);
      expect(root.read(GRUB)).toBe("after\n");
      expect(root.exists(OLD)).toBe(false);
      expect(root.driverOf("0000:01:00.0")).toBe("vfio-pci");
      expect(pending()).toBe("");
      expect(readdirSync(root.at("/etc/default/grub.d"))).toEqual(["zz-cdktf-passthrough.cfg"]);
    }
  }, 120_000);

  test.each([["dash"], ["bash"], ["busybox sh"]])("is no matter of the shell: %s", async (shell) => {
    root.shell = shell.split(" ");
    const change = prepared();
    const outcome = await apply(change).catch(() => null);
    // Not every system has every shell.
    if (outcome === null) return;
    expect(outcome).toMatchObject({ ok: true });
    expect(root.driverOf("0000:01:00.0")).toBe("vfio-pci");
    expect(root.read(GRUB)).toBe("after\n");
  });

  test("a script that did not arrive whole runs nothing", async () => {
    const script = renderChange(prepared());
    for (const share of [0.3, 0.7, 0.95, 0.999])
      await root.run(script.slice(0, Math.floor(script.length * share)));
    expect(root.exists(STATE)).toBe(false);
    expect(root.read(GRUB)).toBe("before\n");
  });

  test("what is owed is visible to the probe", async () => {
    root.program("update-grub", "exit 1");
    await apply(changeOf(write(GRUB, "x\n"), run("update-grub")));
    const { stdout } = await root.run(probeScript);
    expect(parseProbe(stdout, "pve1").pending).toEqual(["update-grub"]);
  });
});

describe("guard", () => {
  beforeEach(() => {
    root.pci("0000:01:00.0", { class: "030000", group: 4 });
    const disk = `${root.pci("0000:01:00.1", { class: "010802", group: 4 })}/nvme/nvme0/nvme0n1`;
    root.block("nvme0n1", "259:0", disk);
    root.mounts("27 1 259:0 / / rw - ext4 /dev/nvme0n1 rw");
  });
  const guard = (addresses: string[], allow: string[] = []): Step => ({ step: "guard", addresses, allow });

  test.each<[string, string[], string[], string | null]>([
    ["the function itself", ["0000:01:00.1"], [], "0000:01:00.1 carries / (/dev/nvme0n1)"],
    [
      "a sibling in the group",
      ["0000:01:00.0"],
      [],
      "0000:01:00.0 shares its IOMMU group with 0000:01:00.1, which carries / (/dev/nvme0n1)",
    ],
    ["the function, allowed", ["0000:01:00.1"], ["0000:01:00.1"], null],
    ["its slot, allowed", ["0000:01:00.0", "0000:01:00.1"], ["0000:01:00"], null],
    ["an allowance for another", ["0000:01:00.1"], ["0000:02:00"], "0000:01:00.1 carries / (/dev/nvme0n1)"],
    ["a device that is not there", ["0000:09:00.0"], [], null],
  ])("%s", async (_case, addresses, allow, refusal) => {
    const outcome = await apply(changeOf(guard(addresses, allow), write(OLD, "x\n")));
    expect(outcome).toMatchObject(
      refusal === null ? { ok: true } : { ok: false, reason: "critical", failedStep: 0, message: refusal },
    );
    expect(root.exists(OLD)).toBe(refusal === null);
  });

  test("a bridge of the group only passes on what is allowed below it", async () => {
    root.pci("0000:00:1c.0", { bridge: true, group: 5 });
    const card = root.pci("0000:03:00.0", { parent: "0000:00:1c.0", class: "030000", group: 5 });
    root.write(`${card}/boot_vga`, "1\n");
    expect(expectFailure(await apply(changeOf(guard(["0000:03:00.0"])))).message).toContain("boot VGA");
    expect(await apply(changeOf(guard(["0000:03:00.0"], ["0000:03:00"])))).toMatchObject({ ok: true });
  });

  test("what the next boot would stop without is refused although it is allowed", async () => {
    const disk = `${root.pci("0000:02:00.0", { class: "010802" })}/nvme/nvme1/nvme1n1`;
    root.block("nvme1n1", "259:10", disk);
    root.write("/etc/fstab", "/dev/nvme1n1 /srv ext4 defaults 0 2\n");
    const outcome = await apply(changeOf(guard(["0000:02:00.0"], ["0000:02:00.0"]), write(OLD, "x\n")));
    expect(expectFailure(outcome)).toMatchObject({
      reason: "critical",
      message: "0000:02:00.0 is in /etc/fstab as /srv without nofail: without it boot stops (/dev/nvme1n1)",
    });
    root.write("/etc/fstab", "/dev/nvme1n1 /srv ext4 nofail 0 2\n");
    expect(await apply(changeOf(guard(["0000:02:00.0"], ["0000:02:00.0"])))).toMatchObject({ ok: true });
  });

  test("a disk controller is refused while something is unresolved, a graphics card is not", async () => {
    root.mounts("27 1 259:7 / / rw - ext4 /dev/gone rw");
    expect(expectFailure(await apply(changeOf(guard(["0000:01:00.1"])))).message).toMatch(
      /may carry what could not be traced/,
    );
    expect(await apply(changeOf(guard(["0000:01:00.0"])))).toMatchObject({ ok: true });
  });
});

describe("bind and release", () => {
  beforeEach(() => {
    root.pci("0000:01:00.0", { id: "10de:2204", driver: "nouveau", group: 7 });
    root.pci("0000:01:00.1", { id: "10de:2204", driver: "snd_hda_intel", group: 7 });
    root.program("modprobe", `mkdir -p "$ROOT/sys/bus/pci/drivers/$1"; echo "$@" >>"$ROOT/loaded"`);
  });
  const drivers = () => ["0000:01:00.0", "0000:01:00.1"].map((address) => root.driverOf(address));
  const overrides = () =>
    ["0000:01:00.0", "0000:01:00.1"].map((address) =>
      root.read(`/sys/bus/pci/devices/${address}/driver_override`).trim(),
    );

  test("functions go to vfio-pci together, and back by name", async () => {
    expect(await apply(changeOf(bind("0000:01:00.0", "0000:01:00.1")))).toMatchObject({ ok: true });
    expect(drivers()).toEqual(["vfio-pci", "vfio-pci"]);
    expect(root.read("/loaded")).toBe("vfio-pci\n");
    expect(await apply(changeOf(bind("0000:01:00.0", "0000:01:00.1")))).toMatchObject({ ok: true });

    const back = changeOf(release("0000:01:00.0", "nouveau"), release("0000:01:00.1", "snd_hda_intel"));
    expect(await apply(back)).toMatchObject({ ok: true });
    expect(drivers()).toEqual(["nouveau", "snd_hda_intel"]);
    expect(overrides()).toEqual(["(null)", "(null)"]);
    expect(await apply(back)).toMatchObject({ ok: true });
  });

  test.each<[string, string, string, RegExp]>([
    [
      "another device stands there",
      "0000:01:00.0",
      "10de:9999",
      /Another device stands at 0000:01:00\.0: 10de:2204/,
    ],
    ["none stands there", "0000:07:00.0", "10de:2204", /no device at 0000:07:00\.0/],
  ])("%s: nothing is touched", async (_case, address, id, words) => {
    const step: Step = {
      step: "bind",
      functions: [
        { address: "0000:01:00.1", id: "10de:2204" },
        { address, id },
      ],
    };
    const outcome = expectFailure(await apply(changeOf(step)));
    expect(outcome).toMatchObject({ reason: "moved", failedStep: 0, message: expect.stringMatching(words) });
    expect(drivers()).toEqual(["nouveau", "snd_hda_intel"]);
  });

  test("a driver that hangs is not waited for, and all functions are put back", async () => {
    root.write("/hangs-snd_hda_intel", "");
    const outcome = expectFailure(
      await apply(changeOf(bind("0000:01:00.0", "0000:01:00.1")), { PASSTHROUGH_UNBIND_WAIT: "1" }),
    );
    expect(outcome.message).toMatch(
      /0000:01:00\.1 to vfio-pci: snd_hda_intel does not let go of it within 1 s/,
    );
    expect(outcome.message).toContain(
      "Put back: 0000:01:00.0 is on nouveau, 0000:01:00.1 is on snd_hda_intel.",
    );
    expect(drivers()).toEqual(["nouveau", "snd_hda_intel"]);
    expect(overrides()).toEqual(["(null)", "(null)"]);
    // Nor does it hold the lock.
    expect(await apply(changeOf(), { PASSTHROUGH_LOCK_WAIT: "0" })).toMatchObject({ ok: true });
  });

  test("without an IOMMU group nothing is taken from its driver", async () => {
    root.pci("0000:02:00.0", { id: "10de:2204", driver: "nvme" });
    const outcome = expectFailure(await apply(changeOf(bind("0000:01:00.0", "0000:02:00.0"))));
    expect(outcome).toMatchObject({
      reason: "failed",
      message: expect.stringMatching(/^0000:02:00\.0 has no IOMMU group/),
    });
    expect(root.driverOf("0000:02:00.0")).toBe("nvme");
    expect(drivers()[0]).toBe("nouveau");
  });

  test("without vfio-pci nothing changes", async () => {
    root.program("modprobe", "echo 'modprobe: FATAL: Module vfio-pci not found' >&2; exit 1");
    const outcome = expectFailure(await apply(changeOf(bind("0000:01:00.0"))));
    expect(outcome.message).toContain("Module vfio-pci not found");
    expect(drivers()[0]).toBe("nouveau");
  });

  test("a driver that refuses comes back at the next boot, and the others now", async () => {
    await apply(changeOf(bind("0000:01:00.0", "0000:01:00.1")));
    root.write("/refuses-nouveau", "");
    const both: Step = {
      step: "release",
      functions: [
        { address: "0000:01:00.0", driver: "nouveau" },
        { address: "0000:01:00.1", driver: "snd_hda_intel" },
      ],
    };
    const outcome = expectFailure(await apply(changeOf(both)));
    expect(outcome.message).toMatch(
      /^0000:01:00\.0 does not go back to nouveau now: .*Invalid argument.*returns at the next boot/,
    );
    expect(drivers()).toEqual([null, "snd_hda_intel"]);
  });

  test("no driver to give it back to: it is left without one; a device that is gone needs nothing", async () => {
    await apply(changeOf(bind("0000:01:00.0")));
    rmSync(root.at(`${STATE}/drivers`));
    expect(await apply(changeOf(release("0000:01:00.0", ""), release("0000:09:00.0", "nvme")))).toMatchObject(
      { ok: true },
    );
    expect(drivers()[0]).toBeNull();
    expect(overrides()[0]).toBe("(null)");
  });

  test("who gives it back without knowing its driver has the one that was noted when it was bound", async () => {
    await apply(changeOf(bind("0000:01:00.0", "0000:01:00.1")));
    await apply(changeOf(bind("0000:01:00.0", "0000:01:00.1")));
    await apply(changeOf(release("0000:01:00.0", ""), release("0000:01:00.1", "")));
    expect(drivers()).toEqual(["nouveau", "snd_hda_intel"]);
    expect(root.read(`${STATE}/drivers`)).toBe("");
  });
});

describe("sysfs and reboot", () => {
  test("a value that the kernel refuses is said", async () => {
    const step: Step = { step: "sysfs", path: "/sys/no/such/file", value: "Y" };
    expect(expectFailure(await apply(changeOf(step))).message).toMatch(
      /Unable to write Y to \/sys\/no\/such\/file: .*/,
    );
  });

  test("the host reboots after it has answered, and only out of the boot that was meant", async () => {
    root.program("systemctl", `echo "$@" >"$ROOT/rebooted"`);
    const reboot = (expectBootId: string) => apply(changeOf({ step: "reboot", expectBootId }));
    const stale = expectFailure(await reboot("another"));
    expect(stale).toMatchObject({ reason: "changed", failedStep: 0 });
    expect(await reboot("11111111-2222-3333-4444-555555555555")).toMatchObject({ ok: true });
    expect(root.exists("/rebooted")).toBe(false);
    await waitFor(() => root.exists("/rebooted"));
    expect(root.read("/rebooted")).toBe("reboot\n");
  });
});

test("the log stays small, and a change answers with its own part of it", async () => {
  root.write(`${STATE}/journal.log`, "x".repeat(2_000_000));
  const { log } = await apply(changeOf(command("echo", "hello")));
  expect(log).toMatch(/begin: configure pve1\n.*step 0: command echo hello\nhello\n.*done\n$/);
  expect(statSync(root.at(`${STATE}/journal.log`)).size).toBeLessThan(400_000);
});

test("a change may take as long as its commands together", () => {
  expect(changeTimeout(changeOf(run("a"), run("b")))).toBeGreaterThan(120);
});

test("on a real host ROOT is empty: a script that insists on it would end there", () => {
  const lib = join(__dirname, "..", "..", "lib");
  const scripts = readdirSync(lib, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".sh"),
  );
  expect(scripts).toContain(join("host", "scripts", "trial.sh"));
  const insisting = scripts.filter((path) => /\$\{ROOT:?\?/.test(readFileSync(join(lib, path), "utf8")));
  expect(insisting).toEqual([]);
});
