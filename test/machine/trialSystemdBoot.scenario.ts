/** A trial boot where UEFI starts systemd-boot: an entry on the ESP, chosen once by a variable of the firmware. */
import { machine } from "./bench";
import { TrialJob } from "./trialJob";

const oneShot = "/sys/firmware/efi/efivars/LoaderEntryOneShot-*";

describe("a trial boot of a Debian host with systemd-boot", () => {
  const host = machine({ name: "trial-systemd-boot", boots: "systemd-boot" });
  const job = new TrialJob(host, {
    defaults:
      "/boot/efi/loader/loader.conf /boot/efi/loader/entries/*-amd64.conf /boot/efi/*/*/initrd* /boot/efi/*/*/linux " +
      "/boot/initrd.img-* /etc/kernel/cmdline /etc/modprobe.d/*",
    chosen: `cat ${oneShot} 2>/dev/null | tail -c +5 | tr -d '\\000'`,
    trial: `/boot/efi/loader/entries/*trial* /boot/efi/cdktf-passthrough /etc/cdktf-passthrough/trial ${oneShot}`,
  });

  beforeAll(async () => {
    await job.start();
    // As it is, boot would stop without the ESP, so that nobody could allow the controller of its disk.
    await host.sh("sed -i 's/umask=0077/&,nofail/' /etc/fstab");
  });
  afterAll(() => job.end());

  job.hangs();
  job.takesTheRootDisk("by itself");
  job.proves();
});
