/** A guest that works with a card: bound, given to a domain of the real libvirt, used by a nested guest, given back. */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { TerraformStack } from "cdktf";
import { IommuHost, Libvirt, PassthroughVm, VfioBinding } from "../../lib";
import { Rig } from "../support/rig";
import { machine } from "./bench";
import { driverOf } from "./host";

const nvme = "0000:01:00.0";
const twin = "0000:02:00.0";
const name = `guest 1; it's "ours" & <more>`;
const uuid = "0c5c1a5e-6d1b-4d7e-9a53-2f8f5d1c7e01";
const console_ = "/var/log/libvirt/qemu/console.log";

const rootPort = / *<controller type='pci' index='\d+' model='pcie-root-port'>[^]*?<\/controller>\n/g;

/** An initramfs with Debian's own kernel modules for NVMe: says what it sees, reads and writes one sector, powers off. */
const makeGuest = `set -eu
folder=$(mktemp -d)
mkdir -p "$folder/bin" "$folder/modules" "$folder/proc" "$folder/sys" "$folder/dev"
cp /bin/busybox "$folder/bin/busybox"
number=10
for module in $(modprobe --show-depends nvme | sed -n 's/^insmod \\([^ ]*\\).*/\\1/p'); do
  cp "$module" "$folder/modules/$number.ko"
  number=$((number + 1))
done
cat >"$folder/init" <<'END'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do $b insmod $module; done
until [ -b /dev/nvme0n1 ]; do $b sleep 1; done
echo "guest: device $($b cat /sys/class/nvme/nvme0/device/vendor):$($b cat /sys/class/nvme/nvme0/device/device)"
echo "guest: serial $($b cat /sys/class/nvme/nvme0/serial)"
echo "guest: reads $($b head -c 19 /dev/nvme0n1)"
echo written-by-the-guest | $b dd of=/dev/nvme0n1 bs=512 seek=8 conv=sync,fsync 2>/dev/null
echo "guest: end"
$b poweroff -f
END
chmod 755 "$folder/init"
(cd "$folder" && find . | cpio -o -H newc --quiet | gzip -1) >/var/lib/libvirt/images/guest.cpio.gz
cp "/boot/vmlinuz-$(uname -r)" /var/lib/libvirt/images/guest.vmlinuz
chmod 644 /var/lib/libvirt/images/guest.*
rm -rf "$folder"`;

const definition = (type: string) => `<domain type='${type}'>
  <name>${name.replace(/&/g, "&amp;").replace(/</g, "&lt;")}</name>
  <uuid>${uuid}</uuid>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>/var/lib/libvirt/images/guest.vmlinuz</kernel>
    <initrd>/var/lib/libvirt/images/guest.cpio.gz</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 mitigations=off norandmaps no_timer_check</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <serial type='file'><source path='${console_}'/></serial>
    <memballoon model='none'/>
  </devices>
</domain>
`;

describe("a Debian host with libvirt", () => {
  const host = machine({ name: "libvirt", extra: ["-m", "2048"] });
  const rig = new Rig();
  let before = "";

  const declared = (stack: TerraformStack) => {
    const server = new IommuHost(stack, "server", { connection: host.connection });
    const storage = new VfioBinding(stack, "storage", {
      host: server,
      devices: { scratch: { address: nvme } },
    });
    new PassthroughVm(stack, "guest", {
      on: Libvirt.domain(server, name),
      pci: { scratch: { device: storage.device("scratch") } },
    });
  };
  const onDisk = (length: number, position: number): string => {
    const disk = openSync(host.disk("twin-a"), "r");
    const bytes = Buffer.alloc(length);
    readSync(disk, bytes, 0, length, position);
    closeSync(disk);
    return bytes.toString("latin1");
  };

  beforeAll(async () => {
    const disk = openSync(host.disk("twin-a"), "r+");
    writeSync(disk, "written-from-outside", 0);
    closeSync(disk);
    await host.start();
    await host.sh("systemctl -q enable --now libvirtd");
    await host.sh(makeGuest);
    const type = await host.sh("[ -e /dev/kvm ] && echo kvm || echo qemu");
    const text = Buffer.from(definition(type)).toString("base64");
    await host.sh(`echo ${text} | base64 -d >/root/guest.xml && virsh -q define /root/guest.xml`);
    before = await host.sh(`virsh dumpxml --inactive ${uuid}`);
  });
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("the deploy binds the card and gives it to the domain, whatever its name holds", async () => {
    await rig.stack(declared);
    await rig.apply();
    expect(await driverOf(host, nvme)).toBe("vfio-pci");
    expect(await driverOf(host, twin)).toBe("nvme");
    expect(await host.sh(`virsh dumpxml --inactive ${uuid}`)).toContain("<alias name='ua-cdktf-scratch_0'/>");
    expect((await rig.tf.resources())["passthrough_vm.guest"]?.values).toMatchObject({
      id: `server/${name}`,
      settings: { scratch: `pci ${nvme} managed=yes` },
      restart_pending: false,
    });
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("the guest sees it, reads what was written outside, and writes what is seen outside", async () => {
    await host.sh(`virsh -q start ${uuid}`);
    const end = Date.now() + 900_000;
    // The guest takes all that the machine has; whoever logs in meanwhile may have to wait too long.
    const state = () => host.sh(`virsh -q domstate ${uuid}`).catch(() => "");
    while ((await state()) !== "shut off") {
      if (Date.now() > end) throw new Error("The guest does not end.");
      await wait(2000);
    }
    const said = await host.sh(`cat ${console_}`);
    expect(said).toContain("guest: device 0x1b36:0x0010");
    expect(said).toMatch(/guest: serial twin-a\s/);
    expect(said).toContain("guest: reads written-from-outsid");
    expect(said).toContain("guest: end");
    expect(onDisk(20, 4096)).toBe("written-by-the-guest");
  });

  test("after the guest has ended the card is still held for it", async () => {
    expect(await driverOf(host, nvme)).toBe("vfio-pci");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("destroy gives the card back to the host, and the domain as it was", async () => {
    await rig.destroy();
    expect(await driverOf(host, nvme)).toBe("nvme");
    const disk = await host.sh(`basename $(ls -d /sys/bus/pci/devices/${nvme}/nvme/nvme*/nvme*n1)`);
    expect(await host.sh(`dd if=/dev/${disk} bs=4096 skip=1 count=1 status=none | head -c 20`)).toBe(
      "written-by-the-guest",
    );
    // libvirt added root ports for the card, and keeps them.
    const after = await host.sh(`virsh dumpxml --inactive ${uuid}`);
    expect(after.replace(rootPort, "")).toBe(before.replace(rootPort, ""));
  });
});
