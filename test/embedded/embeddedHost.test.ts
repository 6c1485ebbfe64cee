import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "ssh2";
import { type EmbeddedHost, profileNames, startEmbeddedHost } from "../../lib/embedded";
import { generateKeys } from "../../lib/embedded/keys";
import { script, ssh } from "./client";
import { hosts, until } from "./hosts";

const start = hosts();
const file = (root: string, path: string) => readFileSync(join(root, path), "utf8");

describe("a client", () => {
  it("runs a script on a host of files, with the way it came in by", async () => {
    const host = await start();

    const ran = await script(
      host,
      'echo "$SSH_CONNECTION"; echo said >&2; cat "$PASSTHROUGH_ROOT/etc/hostname"; exit 3',
    );

    expect(ran.stdout).toMatch(/^10\.0\.20\.200 \d+ 10\.0\.20\.11 22\npve1\n$/);
    expect(ran.stderr).toBe("said\n");
    expect(ran.code).toBe(3);
  });

  it("may come in with a key of its own", async () => {
    const own = generateKeys("own");
    const host = await start({ authorizedKeys: [own.public] });

    await expect(script(withKey(host, own.private), "echo in")).resolves.toMatchObject({
      stdout: "in\n",
    });
  });

  it("is refused with an unknown key", async () => {
    const host = await start();
    const stranger = generateKeys("own");

    await expect(script(withKey(host, stranger.private), "echo in")).rejects.toThrow(/authentication/i);
  });

  it("finds the key that the host says it has", async () => {
    const host = await start();
    const seen = await new Promise<Buffer>((resolve, reject) => {
      const client = new Client();
      client.on("error", reject);
      client.connect({
        host: host.host,
        port: host.port,
        username: "root",
        privateKey: readFileSync(host.clientKeyFile),
        hostVerifier: (key: Buffer) => {
          resolve(key);
          client.end();
          return true;
        },
      });
    });

    expect(seen.toString("base64")).toBe(host.hostKey.split(" ")[1]);
    expect(file(host.dir, "known_hosts")).toContain(`[127.0.0.1]:${host.port} ${host.hostKey}`);
    expect(statSync(host.clientKeyFile).mode & 0o777).toBe(0o600);
  });

  it("becomes root without a password, and loses the way it came in by", async () => {
    const host = await start();

    const ran = await ssh(
      host,
      "sudo -n -- env A=b sh -s",
      'echo "$A ${SSH_CONNECTION:-none}"; command -v qm',
    );

    expect(ran.stdout).toBe(`b none\n${host.dir}/bin/qm\n`);
  });

  it("reaches nothing of the machine below but plain tools", async () => {
    const host = await start({ profile: "debian-intel" });

    const ran = await script(
      host,
      "for tool in node git qm zpool systemd-run apt-get cat; do command -v $tool >/dev/null && echo $tool; done",
    );

    expect(ran.stdout).toBe("cat\n");
  });
});

describe("a host", () => {
  it.each(profileNames)("of profile %s boots, and is not passed through yet", async (profile) => {
    const host = await start({ profile });

    const ran = await script(
      host,
      'uname -r; ls "$PASSTHROUGH_ROOT/sys/bus/pci/drivers"; cat "$PASSTHROUGH_ROOT/proc/cmdline"',
    );

    expect(ran.stdout).toContain(`${host.profile.kernels[host.profile.kernels.length - 1] ?? "?"}\n`);
    expect(ran.stdout).toContain("nouveau\n");
    expect(ran.stdout).not.toContain("vfio-pci");
    expect(ran.stdout).not.toContain("iommu");
  });

  it("is the same one after a restart of its server", async () => {
    const before = await start();
    await script(before, 'echo kept >"$PASSTHROUGH_ROOT/etc/kept"; modprobe vfio-pci');
    const bootId = file(before.root, "proc/sys/kernel/random/boot_id");
    await before.stop();

    const after = await start({ dir: before.dir });

    expect(after.port).toBe(before.port);
    expect(after.hostKey).toBe(before.hostKey);
    expect(file(after.root, "proc/sys/kernel/random/boot_id")).toBe(bootId);
    const ran = await script(
      after,
      'cat "$PASSTHROUGH_ROOT/etc/kept"; ls "$PASSTHROUGH_ROOT/sys/bus/pci/drivers/vfio-pci"',
    );
    expect(ran.stdout).toMatch(/^kept\nbind\n/);
    expect(after.counters()).toEqual({ connections: 2, commands: 2, reboots: 0 });
  });

  it("counts what was asked of it", async () => {
    const host = await start();
    await script(host, "true");
    await script(host, "true");
    expect(host.counters()).toEqual({ connections: 2, commands: 2, reboots: 0 });

    host.resetCounters();

    expect(host.counters()).toEqual({ connections: 0, commands: 0, reboots: 0 });
  });

  it("is not mistaken for one of another profile", async () => {
    const host = await start();
    await host.stop();

    await expect(startEmbeddedHost({ profile: "debian-intel", dir: host.dir })).rejects.toThrow(
      /holds an embedded host of profile proxmox-amd, not debian-intel/,
    );
    await expect(startEmbeddedHost({ profile: "amiga", dir: host.dir })).rejects.toThrow(
      /There is: proxmox-amd, /,
    );
  });

  it("leaves nothing running behind", async () => {
    const host = await start();
    const left = ssh(
      host,
      'setsid sh -c "echo \\$\\$ >$PASSTHROUGH_ROOT/tmp/pid; while :; do sleep 0.05; done"',
    ).catch(() => undefined);
    const pid = () => Number(pidFile(host.root));
    await until(() => pid() > 0);
    const alive = pid();

    await host.stop();
    await left;

    await until(() => !isAlive(alive));
  });
});

function pidFile(root: string): string {
  try {
    return file(root, "tmp/pid");
  } catch {
    return "0";
  }
}

function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

function withKey(host: EmbeddedHost, key: string): EmbeddedHost {
  const clientKeyFile = join(host.dir, "another_key");
  writeFileSync(clientKeyFile, key, { mode: 0o600 });
  return { ...host, host: host.host, port: host.port, clientKeyFile };
}
