/** The programs of the other families do what the real ones do, also where they refuse. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { script } from "./client";
import { hosts } from "./hosts";

jest.setTimeout(60_000);

const start = hosts();
const reads = (host: EmbeddedHost, path: string) => readFileSync(join(host.root, path), "utf8");

describe("Rocky Linux 9", () => {
  let host: EmbeddedHost;
  const release = "5.14.0-503.15.1.el9_5.x86_64";
  const image = `/boot/initramfs-${release}.img`;
  beforeAll(async () => (host = await start({ profile: "rocky9-bls" })));

  test.each([
    [`dracut ${image} ${release}`, /Will not override existing initramfs .* without --force/],
    ["dracut --force --kver 9.9", /Cannot find module directory \/lib\/modules\/9\.9/],
    ["dracut --frobnicate", /unrecognized option/],
    ["grub2-mkconfig -o /boot/nowhere/grub.cfg", /No such file or directory/],
    ["grub2-mkconfig --frobnicate", /Unrecognized option/],
    ["grubby --update-kernel=/boot/vmlinuz-9.9 --args=quiet", /incorrect/],
    ["lsinitrd /boot/none.img", /does not exist/],
  ])("%s is refused", async (command, words) => {
    const { code, stderr } = await script(host, command);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
  });

  test("dracut joins what its files add: without blanks inside the quotes two names become one", async () => {
    const conf = '"$PASSTHROUGH_ROOT"/etc/dracut.conf.d';
    await script(
      host,
      `printf 'add_drivers+="vfio"\\n' >${conf}/a.conf; printf 'add_drivers+="vfio_pci"\\n' >${conf}/b.conf`,
    );
    expect((await script(host, `dracut --force ${image} ${release}`)).stderr).toContain(
      "Failed to find module 'vfiovfio_pci'",
    );
    await script(host, `rm ${conf}/a.conf ${conf}/b.conf`);
  });

  test("grubby replaces what stands there under the same name", async () => {
    await script(host, "grubby --update-kernel=ALL --args=crashkernel=1M");
    const { stdout } = await script(host, "grubby --info=ALL");
    expect(stdout).toMatch(/args=".*crashkernel=1M"/);
    expect(stdout).not.toContain("1G-4G:192M");
  });

  test("GRUB starts the saved entry, and what the menu says counts for nothing", async () => {
    const folder = '"$PASSTHROUGH_ROOT"/boot';
    await script(
      host,
      `id=$(cat "$PASSTHROUGH_ROOT"/etc/machine-id); sed -i "2i saved_entry=$id-5.14.0-427.42.1.el9_4.x86_64" ${folder}/grub2/grubenv; : >${folder}/grub2/grub.cfg`,
    );
    await host.reboot();
    expect(reads(host, "proc/sys/kernel/osrelease")).toBe("5.14.0-427.42.1.el9_4.x86_64\n");
  });
});

describe("Arch Linux", () => {
  let host: EmbeddedHost;
  beforeAll(async () => (host = await start({ profile: "arch-grub" })));

  test("an unknown hook and an unknown preset are refused, and the image stays", async () => {
    const image = reads(host, "boot/initramfs-linux.img");
    await script(host, `printf 'HOOKS+=(nonsense)\\n' >"$PASSTHROUGH_ROOT"/etc/mkinitcpio.conf.d/own.conf`);
    expect((await script(host, "mkinitcpio -p linux")).stderr).toContain("Hook 'nonsense' cannot be found");
    expect((await script(host, "mkinitcpio -p none")).stderr).toContain("Failed to load preset");
    expect(reads(host, "boot/initramfs-linux.img")).toBe(image);
  });
});

test("kernel-install makes an entry of /etc/kernel/cmdline, without it of what runs, and wants a kernel", async () => {
  const host = await start({ profile: "debian-systemd-boot" });
  const release = "6.12.12+deb13-amd64";
  const machineId = reads(host, "etc/machine-id").trim();
  const entry = () => reads(host, `boot/efi/loader/entries/${machineId}-${release}.conf`);
  const add = `kernel-install add ${release} /boot/vmlinuz-${release}`;
  await script(
    host,
    `echo "root=/dev/mapper/vg0-root ro iommu=pt" >"$PASSTHROUGH_ROOT"/etc/kernel/cmdline; ${add}`,
  );
  expect(entry()).toContain(
    `options    root=/dev/mapper/vg0-root ro iommu=pt systemd.machine_id=${machineId}\n`,
  );
  expect(entry()).toContain(`initrd     /${machineId}/${release}/initrd.img-${release}\n`);
  await script(host, `rm "$PASSTHROUGH_ROOT"/etc/kernel/cmdline; ${add}`);
  expect(entry()).toContain(
    `options    root=/dev/mapper/vg0-root ro quiet systemd.machine_id=${machineId}\n`,
  );
  expect((await script(host, `kernel-install add ${release} /boot/none`)).stderr).toContain("not found");
});
