import { existsSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { proxmoxAmd } from "../../lib/embedded/profiles/proxmoxAmd";
import hook from "../../lib/model/scripts/initramfsHook.sh";
import { initTopScript as initTop } from "../../lib/model/earlyBinding";
import { waitFor } from "../support/waitFor";
import { script } from "./client";
import { hosts } from "./hosts";

const start = hosts();
const reads = (host: EmbeddedHost, path: string) => readFileSync(join(host.root, path), "utf8");
const groups = (host: EmbeddedHost) =>
  existsSync(join(host.root, "sys/bus/pci/devices/0000:01:00.0/iommu_group"));

function driverOf(host: EmbeddedHost, address: string): string | null {
  try {
    return basename(readlinkSync(join(host.root, "sys/bus/pci/devices", address, "driver")));
  } catch {
    return null;
  }
}

/** Writes a file on the host by a script, as everything reaches it. */
const put = (path: string, text: string, mode = "644") =>
  `mkdir -p "$(dirname "$PASSTHROUGH_ROOT${path}")"; printf %s '${Buffer.from(text).toString("base64")}' | base64 -d >"$PASSTHROUGH_ROOT${path}"; chmod ${mode} "$PASSTHROUGH_ROOT${path}"`;

const grubParameter = put(
  "/etc/default/grub.d/test.cfg",
  'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX iommu=pt"\n',
);

describe("a reboot", () => {
  it("that nothing was changed for is another boot of the same host", async () => {
    const host = await start();
    const bootId = reads(host, "proc/sys/kernel/random/boot_id");
    const machineId = reads(host, "etc/machine-id");
    await script(
      host,
      'modprobe vfio-pci; echo gone >"$PASSTHROUGH_ROOT/run/gone"; echo kept >"$PASSTHROUGH_ROOT/etc/kept"',
    );

    await host.reboot();

    expect(reads(host, "proc/sys/kernel/random/boot_id")).not.toBe(bootId);
    expect(reads(host, "etc/machine-id")).toBe(machineId);
    expect(reads(host, "etc/kept")).toBe("kept\n");
    expect(existsSync(join(host.root, "run/gone"))).toBe(false);
    expect(existsSync(join(host.root, "sys/module/vfio_pci"))).toBe(false);
    expect(host.counters().reboots).toBe(1);
  });

  it("asked for over SSH is answered, then drops the line, and comes back at the same port", async () => {
    // Away long enough to be met away, however slow this machine is.
    const host = await start({ bootSeconds: 5 });
    const { port } = host;
    const held = script(host, "echo on; while :; do sleep 1; done");

    const asked = await script(host, "systemctl reboot; echo asked");

    expect(asked).toMatchObject({ stdout: "asked\n", code: 0 });
    expect((await held).code).toBeNull();
    await expect(script(host, "true")).rejects.toThrow(/ECONNREFUSED/);
    await waitFor(() => host.isUp());
    expect(host.port).toBe(port);
    expect((await script(host, "uname -r")).code).toBe(0);
    expect(host.counters().reboots).toBe(1);
  });

  it("boots what the boot loader was told, not what its sources say", async () => {
    const host = await start();
    await script(host, grubParameter);
    await host.reboot();
    expect(reads(host, "proc/cmdline")).not.toContain("iommu=pt");
    expect(groups(host)).toBe(false);

    const ran = await script(host, "update-grub");
    await host.reboot();

    expect(ran.stderr).toContain("Found linux image: /boot/vmlinuz-6.8.12-4-pve\n");
    expect(reads(host, "proc/cmdline")).toMatch(/ boot=zfs iommu=pt quiet\n$/);
    expect(groups(host)).toBe(true);
  });

  it("boots the newest kernel's recovery entry with less", async () => {
    const host = await start();
    await script(host, `${grubParameter}; update-grub`);

    const menu = reads(host, "boot/grub/grub.cfg");

    expect(menu.match(/^menuentry .*recovery mode/gm)).toHaveLength(2);
    expect(menu).toMatch(/single root=ZFS=rpool\/ROOT\/pve-1 boot=zfs iommu=pt\n/);
  });

  it("shows a syntax error in a grub file and keeps the menu", async () => {
    const host = await start();
    const menu = reads(host, "boot/grub/grub.cfg");

    const ran = await script(
      host,
      `${put("/etc/default/grub.d/test.cfg", 'GRUB_CMDLINE_LINUX="open\n')}; update-grub`,
    );

    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toMatch(/Unterminated quoted string/);
    expect(reads(host, "boot/grub/grub.cfg")).toBe(menu);
  });
});

describe("systemd-boot", () => {
  it("boots what proxmox-boot-tool copied to the ESPs", async () => {
    const host = await start({ profile: "proxmox-intel-systemd-boot" });
    await script(host, put("/etc/kernel/cmdline", "root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n"));
    await host.reboot();
    expect(reads(host, "proc/cmdline")).not.toContain("intel_iommu");

    await script(host, "proxmox-boot-tool refresh");
    await host.reboot();

    expect(reads(host, "proc/cmdline")).toBe(
      "initrd=\\EFI\\proxmox\\6.5.13-6-pve\\initrd.img-6.5.13-6-pve root=ZFS=rpool/ROOT/pve-1 boot=zfs intel_iommu=on\n",
    );
    expect(readlinkSync(join(host.root, "sys/class/iommu/dmar0"))).toContain("virtual/iommu/dmar0");
  });

  it("refresh succeeds with an ESP missing, and says so", async () => {
    const host = await start({ profile: "proxmox-intel-systemd-boot" });
    rmSync(join(host.dir, "esp", "4A3D-7B22"), { recursive: true });

    const refreshed = await script(host, "proxmox-boot-tool refresh");
    const status = await script(host, "proxmox-boot-tool status");

    expect(refreshed.code).toBe(0);
    expect(refreshed.stdout).toContain("WARN: /dev/disk/by-uuid/4A3D-7B22 does not exist");
    expect(status.stdout).toContain(
      "4A3C-11F0 is configured with: uefi (versions: 6.5.11-8-pve, 6.5.13-6-pve)\n",
    );
    expect(status.stdout).not.toContain("4A3D-7B22 is configured");
  });

  it("takes a new initramfs to the ESPs", async () => {
    const host = await start({ profile: "proxmox-intel-systemd-boot" });

    const ran = await script(host, "update-initramfs -u");

    expect(ran.stdout).toContain("Copying kernel and creating boot-entry for 6.5.13-6-pve");
  });
});

describe("the initramfs", () => {
  const table = put(
    "/etc/cdktf-passthrough/devices",
    "0000:00/01.1/00.0 10de:2204 1043:87d3\n0000:00/01.1/00.1 10de:1aef 1043:87d3\n",
  );
  const ours = [
    table,
    put("/etc/initramfs-tools/hooks/cdktf-passthrough", hook, "755"),
    put("/etc/initramfs-tools/scripts/init-top/00-cdktf-passthrough", initTop, "755"),
    grubParameter,
  ].join("\n");

  it("runs our early script before any driver is near, and holds one of two alike cards", async () => {
    const host = await start();
    const ran = await script(host, `${ours}\nupdate-grub && update-initramfs -u -k all`);
    expect(ran.code).toBe(0);

    await host.reboot();

    expect(
      ["0000:01:00.0", "0000:01:00.1", "0000:02:00.0"].map((address) => driverOf(host, address)),
    ).toEqual(["vfio-pci", "vfio-pci", "nouveau"]);
    expect(host.console()).toContain("0000:01:00.0 is held by vfio-pci");
  });

  it("has what was packed, not what was written since", async () => {
    const host = await start();
    await script(host, `${ours}\nupdate-grub && update-initramfs -u -k all`);
    await script(host, put("/etc/cdktf-passthrough/devices", ""));

    await host.reboot();
    expect(driverOf(host, "0000:01:00.0")).toBe("vfio-pci");
    await script(host, "update-initramfs -u -k all");
    await host.reboot();

    expect(driverOf(host, "0000:01:00.0")).toBe("nouveau");
  });

  it("finds the card by its way from the root when a new one has shifted its bus number", async () => {
    const host = await start();
    await script(host, `${ours}\nupdate-grub && update-initramfs -u -k all`);
    await host.stop();
    const shifted = {
      ...proxmoxAmd,
      devices: proxmoxAmd.devices.map((device) => ({
        ...device,
        address: device.address.replace(":01:00.", ":21:00."),
      })),
    };

    const grown = await start({ profile: shifted, dir: host.dir });
    await grown.reboot();

    expect(driverOf(grown, "0000:21:00.0")).toBe("vfio-pci");
    expect(driverOf(grown, "0000:02:00.0")).toBe("nouveau");
  });

  it("without early binding loses the race against the card's own driver", async () => {
    const host = await start();
    const ids = put("/etc/modprobe.d/test.conf", "options vfio-pci ids=10de:2204\n");
    await script(
      host,
      [ids, put("/etc/modules-load.d/test.conf", "vfio-pci\n"), grubParameter, "update-grub"].join("\n"),
    );

    await host.reboot();

    expect(driverOf(host, "0000:01:00.0")).toBe("nouveau");
  });

  it.each([
    ["a soft dependency", "softdep nouveau pre: vfio-pci\n", ""],
    ["a blacklist", "blacklist nouveau\n", ""],
    ["the module list of the initramfs", "", "vfio-pci\n"],
  ])("with %s vfio-pci is there first", async (_what, line, modules) => {
    const host = await start();
    const commands = [
      put("/etc/modprobe.d/test.conf", `options vfio-pci ids=10de:2204\n${line}`),
      put("/etc/initramfs-tools/modules", modules),
      put("/etc/modules-load.d/test.conf", "vfio-pci\n"),
      grubParameter,
      "update-grub && update-initramfs -u -k all",
    ];
    await script(host, commands.join("\n"));

    await host.reboot();

    expect(driverOf(host, "0000:01:00.0")).toBe("vfio-pci");
    expect(driverOf(host, "0000:02:00.0")).toBe("vfio-pci");
  });

  it("stays as it was when a hook fails", async () => {
    const host = await start();
    const image = reads(host, "boot/initrd.img-6.8.12-4-pve");

    const ran = await script(
      host,
      `${put("/etc/initramfs-tools/hooks/broken", "#!/bin/sh\necho no room >&2\nexit 1\n", "755")}\nupdate-initramfs -u`,
    );

    expect(ran.code).toBe(1);
    expect(ran.stderr).toMatch(/no room\nE: .*hooks\/broken failed with return 1/);
    expect(reads(host, "boot/initrd.img-6.8.12-4-pve")).toBe(image);
  });

  it("is made for the kernels that are asked for", async () => {
    const host = await start();

    expect((await script(host, "update-initramfs -u")).stdout).toMatch(
      /^update-initramfs: Generating \/boot\/initrd.img-6.8.12-4-pve\n(?!update)/,
    );
    expect((await script(host, "update-initramfs -u -k all")).stdout).toContain("initrd.img-6.8.4-2-pve");
    expect((await script(host, "update-initramfs -u -k 9.9")).code).toBe(1);
  });
});

describe("a host that gave away what it lives on", () => {
  it.each([
    [
      "its root disk",
      "0000:00/01.2/00.0 144d:a808 144d:a801\n",
      "the root file system is on 0000:03:00.0, held by vfio-pci",
    ],
    [
      "its network",
      "0000:00/02.1/00.0 8086:1521 15d9:1521\n",
      "the network is on 0000:05:00.0, held by vfio-pci",
    ],
  ])("does not come back: %s", async (_what, table, words) => {
    const host = await start();
    const commands = [
      put("/etc/cdktf-passthrough/devices", table),
      put("/etc/initramfs-tools/hooks/cdktf-passthrough", hook, "755"),
      put("/etc/initramfs-tools/scripts/init-top/00-cdktf-passthrough", initTop, "755"),
      grubParameter,
      "update-grub && update-initramfs -u -k all",
    ];
    await script(host, commands.join("\n"));

    await expect(host.reboot()).rejects.toThrow(words);

    expect(host.isUp()).toBe(false);
    expect(host.console()).toContain(words);
  });
});

describe("Debian's kernel", () => {
  it("leaves the processor's graphics out of the IOMMU until it is told", async () => {
    const host = await start({ profile: "debian-intel" });
    const inGroup = (address: string) =>
      existsSync(join(host.root, "sys/bus/pci/devices", address, "iommu_group"));
    expect([inGroup("0000:00:02.0"), inGroup("0000:01:00.0")]).toEqual([false, true]);

    await script(
      host,
      `${put("/etc/default/grub.d/test.cfg", 'GRUB_CMDLINE_LINUX="intel_iommu=on"\n')}; update-grub`,
    );
    await host.reboot();

    expect(inGroup("0000:00:02.0")).toBe(true);
  });
});
