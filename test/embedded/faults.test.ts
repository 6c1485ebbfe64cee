import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { script } from "./client";
import { hosts, until } from "./hosts";

const start = hosts();
const reads = (host: EmbeddedHost, path: string) => readFileSync(join(host.root, path), "utf8").trim();

describe("a program that fails", () => {
  it("says what it is told to, as often as it is told to", async () => {
    const host = await start();
    host.setFaults({
      programs: [
        {
          program: "mv",
          arguments: "/etc/",
          after: 1,
          effect: { kind: "fail", message: "mv: Read-only file system", code: 4 },
        },
      ],
    });

    const ran = await script(
      host,
      'cd "$PASSTHROUGH_ROOT"; touch a b tmp/c; mv a etc/a; mv tmp/c tmp/d; mv b "$PASSTHROUGH_ROOT/etc/1"; mv b "$PASSTHROUGH_ROOT/etc/2"; echo $?; touch b; mv b "$PASSTHROUGH_ROOT/etc/3"; echo $?',
    );

    expect(ran.stderr).toBe("mv: Read-only file system\n");
    expect(ran.stdout).toBe("4\n0\n");
    expect(["a", "1", "2", "3"].filter((name) => existsSync(join(host.root, "etc", name)))).toEqual([
      "a",
      "1",
      "3",
    ]);
  });

  it("may be one of the host's own, and keeps its fault over a restart", async () => {
    const host = await start();
    host.setFaults({
      programs: [
        { program: "update-grub", times: 9, effect: { kind: "fail", message: "no space left on device" } },
      ],
    });
    await host.stop();

    const again = await start({ dir: host.dir });

    expect(await script(again, "update-grub")).toMatchObject({
      code: 1,
      stderr: "no space left on device\n",
    });
    again.clearFaults();
    expect(await script(again, "update-grub")).toMatchObject({ code: 0 });
  });

  it("leaves what it reads to the program itself", async () => {
    const host = await start();
    host.setFaults({
      programs: [{ program: "cat", arguments: "nothing", effect: { kind: "fail", message: "no" } }],
    });

    expect((await script(host, "printf 'as it is' | cat")).stdout).toBe("as it is");
  });
});

describe("a connection that drops", () => {
  it("leaves the script running to its end", async () => {
    const host = await start();
    host.setFaults({ programs: [{ program: "sync", effect: { kind: "disconnect" } }] });

    const ran = await script(
      host,
      'echo before; sync; sleep 0.2; echo done >"$PASSTHROUGH_ROOT/tmp/done"',
    ).catch(() => null);

    expect(ran?.code ?? null).toBeNull();
    await until(() => existsSync(join(host.root, "tmp/done")));
    expect((await script(host, "echo back")).stdout).toBe("back\n");
  });

  it("may be cut by what the script has said", async () => {
    const host = await start();
    host.setFaults({ outputs: [{ pattern: "step 2", effect: { kind: "kill" } }] });

    const ran = await script(
      host,
      'echo step 1; echo step 2; sleep 0.5; echo x >"$PASSTHROUGH_ROOT/tmp/step3"; echo step 3',
    ).catch(() => null);

    expect(ran?.code ?? null).toBeNull();
    expect((await script(host, "sleep 1; echo back")).stdout).toBe("back\n");
    expect(existsSync(join(host.root, "tmp/step3"))).toBe(false);
  });
});

describe("a power cut", () => {
  it("kills the script where it stands, and the host boots again", async () => {
    const host = await start();
    const bootId = reads(host, "proc/sys/kernel/random/boot_id");
    host.setFaults({ programs: [{ program: "mv", effect: { kind: "powerCut" } }] });

    const ran = await script(
      host,
      'touch "$PASSTHROUGH_ROOT/tmp/a"; mv "$PASSTHROUGH_ROOT/tmp/a" "$PASSTHROUGH_ROOT/tmp/b"; echo survived',
    ).catch(() => null);

    expect(ran?.stdout ?? "").not.toContain("survived");
    await until(() => host.isUp() && reads(host, "proc/sys/kernel/random/boot_id") !== bootId);
    expect(existsSync(join(host.root, "tmp/b"))).toBe(false);
    expect(host.counters().reboots).toBe(1);
  });
});

describe("the next boot", () => {
  it("may never come", async () => {
    const host = await start();

    await expect(host.reboot({ never: true })).rejects.toThrow(/does not come back/);

    expect(host.isUp()).toBe(false);
    await expect(script(host, "true")).rejects.toThrow(/ECONNREFUSED/);
  });

  it("may lose a parameter once", async () => {
    const host = await start();

    await host.reboot({ ignoredParameters: ["quiet"] });
    expect(reads(host, "proc/cmdline")).not.toMatch(/quiet/);
    await host.reboot();

    expect(reads(host, "proc/cmdline")).toMatch(/quiet/);
  });

  it("may be another kernel, or another machine", async () => {
    const host = await start();

    await host.reboot({ kernel: "6.8.4-2-pve", machineId: "0123456789abcdef0123456789abcdef" });

    expect((await script(host, "uname -r")).stdout).toBe("6.8.4-2-pve\n");
    expect(reads(host, "etc/machine-id")).toBe("0123456789abcdef0123456789abcdef");
  });

  it("may take longer", async () => {
    const host = await start();
    const begun = Date.now();

    await host.reboot({ delay: 1 });

    expect(Date.now() - begun).toBeGreaterThan(1000);
  });

  it("that takes long does not keep its server from stopping", async () => {
    const host = await start();
    const booting = host.reboot({ delay: 3600 });

    await host.stop();

    await booting;
    expect(host.isUp()).toBe(false);
  });

  it("finds no IOMMU where the firmware has it off, whatever the kernel is told", async () => {
    const host = await start();
    await script(
      host,
      `echo 'GRUB_CMDLINE_LINUX="amd_iommu=on iommu=pt"' >"$PASSTHROUGH_ROOT/etc/default/grub.d/t.cfg"; update-grub`,
    );
    host.setFaults({ iommuOffInFirmware: true });
    await host.reboot();
    expect(reads(host, "proc/cmdline")).toContain("iommu=pt");
    expect(existsSync(join(host.root, "sys/kernel/iommu_groups/14"))).toBe(false);
    expect(existsSync(join(host.root, "sys/firmware/acpi/tables/IVRS"))).toBe(false);

    host.clearFaults();
    await host.reboot();

    expect(existsSync(join(host.root, "sys/kernel/iommu_groups/14"))).toBe(true);
  });
});
