import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedHost, type EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";

const folder = mkdtempSync(join(tmpdir(), "passthrough-virsh-"));
let host: EmbeddedHost;

beforeAll(async () => {
  host = await startEmbeddedHost({ profile: "debian-libvirt", dir: join(folder, "host") });
}, 60_000);
afterAll(async () => {
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
});

const hostdev = (bus: string, more = "", attributes = "type='pci' managed='yes'") =>
  `<hostdev mode='subsystem' ${attributes}><source><address domain='0x0000' bus='0x${bus}' slot='0x00' function='0x0'/></source>${more}</hostdev>`;
const attach = (domain: string, xml: string, flags = "--config") =>
  sh(host, `printf %s "${xml}" > /root/device.xml; virsh attach-device ${domain} /root/device.xml ${flags}`);

describe("virsh of the embedded host", () => {
  test("lists, and prints without passwords", async () => {
    expect(await sh(host, "virsh list --all --name")).toBe("mail & web\nstorage\nworkstation");
    expect(await sh(host, `virsh -q -r "list --uuid; echo ' done '"`)).toMatch(/e03\n done$/);
    expect(await sh(host, "virsh dumpxml storage")).not.toContain("passwd");
    expect(await sh(host, "virsh dumpxml storage --security-info")).toContain("passwd='secret-of-5b7c'");
    expect(await sh(host, "virsh domstate 'mail & web'")).toBe("running");
  });

  test.each([
    ["a domain that is not there", "nobody", hostdev("02"), "failed to get domain 'nobody'"],
    ["what is not XML", "storage", "<hostdev", "error:"],
    [
      "another mode",
      "storage",
      hostdev("02").replace("subsystem", "other"),
      "Unexpected hostdev mode 'other'",
    ],
    ["an alias of libvirt's own", "storage", hostdev("02", "<alias name='net0'/>"), "invalid alias net0"],
    ["a taken place to boot", "storage", hostdev("02", "<boot order='1'/>"), "boot order 1 is already used"],
  ])("refuses %s", async (_what, domain, xml, words) => {
    await expect(attach(domain, xml)).rejects.toThrow(words);
  });

  test("refuses a change over a read-only connection, and of what does not run", async () => {
    await expect(sh(host, "virsh -r start storage")).rejects.toThrow(
      "read only access prevents virDomainCreate",
    );
    await expect(attach("storage", hostdev("02"), "--live")).rejects.toThrow("domain is not running");
  });

  test("a device is there once, and what is detached leaves the definition as it was", async () => {
    const before = await sh(host, "cat /etc/libvirt/qemu/storage.xml");
    await attach("storage", hostdev("02"));
    await expect(attach("storage", hostdev("02"))).rejects.toThrow("already in the domain configuration");
    await sh(host, "virsh detach-device storage /root/device.xml --config");
    expect(await sh(host, "cat /etc/libvirt/qemu/storage.xml")).toBe(before);
    await expect(sh(host, "virsh detach-device storage /root/device.xml --config")).rejects.toThrow(
      "not present",
    );
  });

  test("a domain that starts takes its managed device, keeps it from others, and gives it back", async () => {
    const driver = () => sh(host, "basename $(readlink /sys/bus/pci/devices/0000:02:00.0/driver)");
    await attach("storage", hostdev("02"));
    await attach("workstation", hostdev("02"));
    await sh(host, "virsh start storage");
    expect(await driver()).toBe("vfio-pci");
    await expect(sh(host, "virsh start workstation")).rejects.toThrow(
      "in use by driver QEMU, domain storage",
    );
    await sh(host, "virsh destroy storage");
    expect(await driver()).toBe("nvme");
  });

  test("a device that is not managed must be free, and its group whole", async () => {
    await attach("'mail & web'", hostdev("03", "", "type='pci' managed='no'"), "--config");
    await sh(host, "virsh destroy 'mail & web'");
    await expect(sh(host, "virsh start 'mail & web'")).rejects.toThrow(
      "must be manually detached from the host",
    );
  });
});
