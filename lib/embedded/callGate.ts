import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

/** A program that a script on the host started. */
export interface Call {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly input: string;
}

export interface Answer {
  readonly output?: string;
  readonly errors?: string;
  readonly code?: number;
}

/**
 * The host's programs ask this process through a FIFO, so that they start as fast as `sh` does and act in one place,
 * one after another.
 */
export class CallGate {
  private readonly folder: string;
  private socket: Socket | null = null;

  constructor(
    folder: string,
    private readonly answer: (call: Call) => Promise<Answer>,
  ) {
    this.folder = join(folder, "run");
  }

  open(): void {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { recursive: true });
    const fifo = join(this.folder, "calls");
    execFileSync("mkfifo", [fifo]);
    // Open for writing too, or the first caller that leaves would end the stream.
    const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    this.socket = new Socket({ fd, readable: true, writable: false });
    let rest = "";
    this.socket.on("data", (chunk) => {
      const lines = `${rest}${chunk.toString()}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) void this.serve(join(this.folder, line));
    });
  }

  close(): void {
    this.socket?.destroy();
    this.socket = null;
  }

  private async serve(folder: string): Promise<void> {
    const { output = "", errors = "", code = 0 } = await this.answerIn(folder);
    try {
      writeFileSync(join(folder, "output"), output);
      writeFileSync(join(folder, "errors"), errors);
      const reply = openSync(join(folder, "reply"), constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(reply, `${code}\n`);
      closeSync(reply);
    } catch {
      // The caller was killed meanwhile: nobody waits.
    }
  }

  private async answerIn(folder: string): Promise<Answer> {
    const read = (name: string) =>
      existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
    try {
      return await this.answer({
        program: read("program").trim(),
        arguments: read("arguments").split("\0").slice(0, -1),
        input: read("input"),
      });
    } catch (error) {
      return {
        errors: `embedded host: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
        code: 70,
      };
    }
  }
}
