/** What keeps a host from coming up is tried once: a power cycle finds what booted before. */
import { machine } from "./bench";
import { TrialJob } from "./trialJob";

describe("a trial boot of a Debian host with GRUB", () => {
  const job = new TrialJob(machine({ name: "trial" }), {
    defaults: "/boot/grub/grub.cfg /boot/initrd.img-* /etc/default/grub.d/* /etc/modprobe.d/*",
    chosen: "grub-editenv list | grep '^next_entry=.' || true",
    trial: "/boot/grub/custom.cfg /boot/cdktf-passthrough /etc/cdktf-passthrough/trial",
  });

  beforeAll(() => job.start());
  afterAll(() => job.end());

  job.hangs();
  job.takesTheRootDisk("power cycle");
  job.proves();
});
