import { script } from "./client";
import { hosts } from "./hosts";

const start = hosts();

describe("programs of the system", () => {
  it.each([
    ["uname -r", "6.8.12-4-pve\n"],
    ["uname -m", "x86_64\n"],
    ["uname", "Linux\n"],
    ["systemctl is-system-running", "running\n"],
    ["ip -o route get 10.0.20.200", "10.0.20.200 dev vmbr0 src 10.0.20.11 uid 0 \\    cache \n"],
    ["ip -o route get 10.0.20.11", "local 10.0.20.11 dev lo src 10.0.20.11 uid 0 \\    cache \n"],
    ["ip route show default", "default via 10.0.20.1 dev vmbr0 proto kernel onlink \n"],
    ["pveversion", "pve-manager/8.3.0/0a1b2c3d4e5f6a7b (running kernel: 6.8.12-4-pve)\n"],
  ])("%s", async (command, output) => {
    const host = await shared();
    expect(await script(host, command)).toEqual({ stdout: output, stderr: "", code: 0 });
  });

  it("ip shows the address that the session came in by", async () => {
    const host = await shared();
    expect((await script(host, "ip -o addr show")).stdout).toMatch(/^21: vmbr0 {4}inet 10\.0\.20\.11\/24 /m);
  });

  it("zpool names the partition that / is on", async () => {
    const host = await shared();
    expect((await script(host, "zpool list -vHPL")).stdout).toMatch(/^rpool\t.*\n\t\/dev\/nvme0n1p3\t/);
  });

  it("pvesh answers in JSON, and says what it does not know", async () => {
    const host = await shared();

    const nodes = await script(host, "pvesh get /nodes --output-format json");
    const nothing = await script(host, "pvesh get /nothing");

    expect(JSON.parse(nodes.stdout)).toMatchObject([{ node: "pve1", status: "online" }]);
    expect(nothing).toMatchObject({ code: 2, stderr: "No 'get' handler defined for '/nothing'\n" });
  });

  it("are not there on a host that has none", async () => {
    const host = await start({ profile: "debian-intel" });
    expect(await script(host, "qm list")).toMatchObject({ code: 127 });
  });
});

let host: ReturnType<typeof start> | undefined;
const shared = () => (host ??= start());
