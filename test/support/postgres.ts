/** A PostgreSQL of the test's own: a private cluster in a temporary folder, run by an unprivileged user. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "./waitFor";

const password = "correct-horse-battery";

/** Who runs it where the tests are root, which PostgreSQL refuses: Debian's `nobody`. */
const nobody = 65_534;

export class Postgres {
  private constructor(
    private readonly programs: string,
    private readonly folder: string,
    private readonly server: ChildProcess,
  ) {}

  /** Reached through a socket in its folder: no port that somebody else could take meanwhile. */
  static async start(): Promise<Postgres> {
    const helper = join(__dirname, "..", "..", "scripts", "postgresql.sh");
    const programs = execFileSync("sh", [helper], { encoding: "utf8" }).trim();
    const folder = mkdtempSync(join(tmpdir(), "passthrough-postgres-"));
    const user = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    const where = { cwd: folder, ...user };
    const [data, secret] = [join(folder, "data"), join(folder, "password")];
    writeFileSync(secret, password);
    chmodSync(secret, 0o644);
    const authentication = ["--username=terraform", "--auth=scram-sha-256", `--pwfile=${secret}`];
    execFileSync(join(programs, "initdb"), ["--no-sync", "-D", data, ...authentication], {
      ...where,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const settings = ["listen_addresses=", `unix_socket_directories=${folder}`, "fsync=off"];
    const server = spawn(
      join(programs, "postgres"),
      ["-D", data, ...settings.flatMap((one) => ["-c", one])],
      {
        ...where,
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    let words = "";
    server.stderr.on("data", (chunk) => (words += String(chunk)));
    const started = new Postgres(programs, folder, server);
    await waitFor(() => {
      if (server.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${words}`);
      return words.includes("ready to accept connections");
    }, 120_000);
    started.sql("postgres", "create database state");
    return started;
  }

  readonly password = password;

  /** Without the password: that goes through the environment. */
  get connection(): string {
    return `postgres://terraform@/state?host=${encodeURIComponent(this.folder)}&sslmode=disable`;
  }

  /** What PostgreSQL's own client prints, a row a line. */
  sql(database: string, statement: string): string {
    return execFileSync(
      join(this.programs, "psql"),
      ["-XAtq", "-h", this.folder, "-U", "terraform", "-d", database, "-c", statement],
      { encoding: "utf8", env: { ...process.env, PGPASSWORD: password } },
    ).trim();
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.server.once("close", resolve));
    if (this.server.exitCode === null) {
      // Its "fast" way: clients are cut off, nothing is lost.
      this.server.kill("SIGINT");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
