import { deviceNodes, qemuConfPath } from "../../model/qemuConf";
import type { Files } from "../files";
import type { Machine } from "../machine";

/** As a package has it: every setting a comment, with what libvirt goes by itself. */
const qemuConf = `# Settings of libvirt's driver for QEMU.

# The user that guests run as.
#user = "libvirt-qemu"

# Nodes that every guest may open, besides those of its own disks and devices.
#cgroup_device_acl = [
#    "/dev/null", "/dev/full", "/dev/zero",
#    "/dev/random", "/dev/urandom",
#    "/dev/ptmx", "/dev/kvm", "/dev/userfaultfd"
#]
#

#save_image_format = "raw"
`;

export function installLibvirt(files: Files): void {
  files.write(qemuConfPath, qemuConf, 0o600);
  files.write(
    "/lib/systemd/system/libvirtd.service",
    "[Service]\nExecStart=/usr/sbin/libvirtd\nKillMode=process\n",
  );
}

/**
 * What libvirtd does at its start: reads its settings, and says on the console which nodes guests may open from now on.
 * @throws where it cannot read them, and does not start
 */
export function startLibvirt(machine: Machine): void {
  const nodes = deviceNodes(machine.files.read(qemuConfPath) ?? "");
  machine.log(`libvirtd: device nodes: ${nodes?.join(" ") ?? "its own"}`);
}
