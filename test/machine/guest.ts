/** A nested guest of a machine: Debian's own kernel with an initramfs of a few files, for a domain of its libvirt. */
import type { Machine } from "./machine";

const images = "/var/lib/libvirt/images";

/**
 * Makes the guest's kernel and initramfs.
 * @param modules what it loads, each with all that it needs
 * @param init the words of its first process, for busybox's shell, where `$b` is busybox
 */
export async function makeGuest(host: Machine, modules: readonly string[], init: string): Promise<void> {
  await host.sh(`set -eu
folder=$(mktemp -d)
mkdir -p "$folder/bin" "$folder/modules" "$folder/proc" "$folder/sys" "$folder/dev"
cp /bin/busybox "$folder/bin/busybox"
number=10
for module in $(for name in ${modules.join(" ")}; do modprobe --show-depends "$name"; done | sed -n 's/^insmod \\([^ ]*\\).*/\\1/p' | awk '!seen[$0]++'); do
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
${init}
$b poweroff -f
END
chmod 755 "$folder/init"
(cd "$folder" && find . | cpio -o -H newc --quiet | gzip -1) >${images}/guest.cpio.gz
cp "/boot/vmlinuz-$(uname -r)" ${images}/guest.vmlinuz
chmod 644 ${images}/guest.*
rm -rf "$folder"`);
}

export interface GuestDomain {
  readonly name: string;
  readonly uuid: string;
  /** The host's file for what the guest says. */
  readonly console: string;
}

/** Gives libvirt a domain that starts what was made. */
export function defineGuest(host: Machine, { name, uuid, console }: GuestDomain): Promise<void> {
  return define(
    host,
    { name, uuid, memory: 256 },
    `  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>${images}/guest.vmlinuz</kernel>
    <initrd>${images}/guest.cpio.gz</initrd>
    <cmdline>console=ttyS0 quiet panic=-1 mitigations=off norandmaps no_timer_check</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
`,
    `    <serial type='file'><source path='${console}' append='on'/></serial>
`,
  );
}

/** One with nothing to boot: QEMU runs and has its devices, and nobody in it hears of anything. */
export function defineEmptyGuest(host: Machine, name: string, uuid: string): Promise<void> {
  return define(
    host,
    { name, uuid, memory: 64 },
    "  <os><type arch='x86_64' machine='q35'>hvm</type></os>\n",
  );
}

interface Domain {
  readonly name: string;
  readonly uuid: string;
  /** In MiB. */
  readonly memory: number;
}

async function define(host: Machine, domain: Domain, system: string, devices = ""): Promise<void> {
  const type = await host.sh("[ -e /dev/kvm ] && echo kvm || echo qemu");
  const definition = `<domain type='${type}'>
  <name>${domain.name.replace(/&/g, "&amp;").replace(/</g, "&lt;")}</name>
  <uuid>${domain.uuid}</uuid>
  <memory unit='MiB'>${domain.memory}</memory>
  <vcpu>1</vcpu>
${system}  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
${devices}    <memballoon model='none'/>
  </devices>
</domain>
`;
  const text = Buffer.from(definition).toString("base64");
  await host.sh(`echo ${text} | base64 -d >/root/guest.xml && virsh -q define /root/guest.xml`);
}
