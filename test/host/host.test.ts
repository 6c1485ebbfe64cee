import { lostConnection } from "../../lib/host/errors";
import { createHost } from "../../lib/host/host";
import { probeScript } from "../../lib/host/probe";
import type { RunResult, Session } from "../../lib/host/types";
import type { Change } from "../../lib/model/change";

const PROBED = "passthrough-probe\t1\nuser\t0\nhostname\tpve1\nend\t2\n";
const CHANGE: Change = { purpose: "p", machineId: null, steps: [] };

/** A session that answers when it is told to, in the order in which it was asked. */
class TestSession implements Session {
  readonly name = "root@pve1:22";
  isOpen = true;
  readonly scripts: string[] = [];
  readonly signals: (AbortSignal | undefined)[] = [];
  private readonly answers: ((result: RunResult | Error) => void)[] = [];

  run(script: string, options: { signal?: AbortSignal } = {}): Promise<RunResult> {
    this.scripts.push(script);
    this.signals.push(options.signal);
    return new Promise((resolve, reject) =>
      this.answers.push((result) => (result instanceof Error ? reject(result) : resolve(result))),
    );
  }

  answer(result: string | Error): void {
    const next = this.answers.shift();
    if (next === undefined) throw new Error("nothing was asked");
    next(result instanceof Error ? result : { stdout: result, stderr: "", code: 0 });
  }

  async close(): Promise<void> {
    return undefined;
  }
}

let session: TestSession;
beforeEach(() => (session = new TestSession()));
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("all who ask get one probe, also later", async () => {
  const host = createHost("pve1", session);
  const [first, second] = [host.probe(), host.probe()];
  session.answer(PROBED);
  expect(await first).toBe(await second);
  expect(await host.probe()).toBe(await first);
  expect(session.scripts).toEqual([probeScript]);
});

describe("refresh", () => {
  test.each([
    { title: "forgets a probe", maxAge: undefined, open: true, age: 0, probes: 2 },
    { title: "keeps one that has just ended", maxAge: 2000, open: true, age: 1999, probes: 1 },
    { title: "forgets one that is too old", maxAge: 2000, open: true, age: 2000, probes: 2 },
    { title: "forgets one whose connection has ended", maxAge: 2000, open: false, age: 0, probes: 2 },
  ])("$title", async ({ maxAge, open, age, probes }) => {
    const clock = jest.spyOn(performance, "now").mockReturnValue(1000);
    const host = createHost("pve1", session);
    const probe = host.probe();
    session.answer(PROBED);
    await probe;

    clock.mockReturnValue(1000 + age);
    session.isOpen = open;
    host.refresh(maxAge);
    void host.probe();

    expect(session.scripts).toHaveLength(probes);
    clock.mockRestore();
  });

  test("keeps what a change has just read back", async () => {
    const host = createHost("pve1", session);
    const change = host.change(CHANGE);
    await settled();
    session.answer(`::ok\n::log \n::end\n${PROBED}`);
    await change;

    host.refresh(2000);
    expect((await host.probe()).hostname).toBe("pve1");
    expect(session.scripts).toHaveLength(1);
  });
});

test("a failed probe is not kept", async () => {
  const host = createHost("pve1", session);
  const failed = host.probe();
  session.answer(new Error("lost"));
  await expect(failed).rejects.toThrow("lost");
  const again = host.probe();
  session.answer(PROBED);
  expect((await again).hostname).toBe("pve1");
});

test("a change drops the probe, also one that was begun before it ended", async () => {
  const host = createHost("pve1", session);
  const before = host.probe();
  session.answer(PROBED);
  await before;

  const change = host.change(CHANGE);
  await settled();
  const during = host.probe();
  session.answer("::ok\n::log \n::end\n");
  expect(await change).toEqual({ ok: true, log: "" });
  session.answer(PROBED);
  await during;

  void host.probe();
  expect(session.scripts.filter((script) => script === probeScript)).toHaveLength(3);
});

test("changes run one after another, also after one that failed", async () => {
  const host = createHost("pve1", session);
  const first = host.change(CHANGE);
  const second = host.change(CHANGE);
  await settled();
  expect(session.scripts).toHaveLength(1);
  session.answer(new Error("lost"));
  await expect(first).rejects.toThrow("lost");
  await settled();
  session.answer("::ok\n");
  expect(await second).toMatchObject({ ok: true });
});

test("a connection lost on the way is an outcome that names the last step heard of", async () => {
  const host = createHost("pve1", session);
  const change = host.change({ ...CHANGE, steps: [{ step: "guard", addresses: [], allow: [] }] });
  await settled();
  const peer = { name: "pve1", address: "root@pve1:22", isJump: false };
  session.answer(lostConnection(peer, "the host closed it", "::step 0\n"));
  expect(await change).toMatchObject({
    ok: false,
    reason: "lost",
    failedStep: 0,
    message: expect.stringContaining("in step 1 of 1: the host closed it"),
  });
});

test("who gives up leaves the probe to the others; the last one stops it", async () => {
  const host = createHost("pve1", session);
  const [one, other] = [new AbortController(), new AbortController()];
  const [first, second] = [host.probe(one.signal), host.probe(other.signal)];
  one.abort(new Error("first gave up"));
  await expect(first).rejects.toThrow("first gave up");
  expect(session.signals[0]?.aborted).toBe(false);
  other.abort(new Error("second gave up"));
  await expect(second).rejects.toThrow("second gave up");
  expect(session.signals[0]?.aborted).toBe(true);

  const next = host.probe();
  session.answer(new Error("aborted"));
  session.answer(PROBED);
  expect((await next).hostname).toBe("pve1");
});

test("what cannot be sent is an error of the change alone", async () => {
  const host = createHost("pve1", session);
  const broken: Change = { ...CHANGE, steps: [{ step: "sysfs", path: "/etc/passwd", value: "" }] };
  await expect(host.change(broken)).rejects.toThrow(/not below \/sys/);
  expect(session.scripts).toEqual([]);
});
