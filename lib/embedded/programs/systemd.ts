import { startLibvirt } from "../libvirt/daemon";
import type { Machine } from "../machine";
import type { Answer } from "../callGate";
import { failed } from "./program";

const folder = "/etc/systemd/system";

/** `systemctl enable` and `disable` of units in /etc/systemd/system: links, as [Install] asks for them. */
export function enableUnits({ files }: Machine, units: readonly string[], enable: boolean): Answer {
  for (const unit of units) {
    const text = files.read(`${folder}/${unit}`);
    if (text === null)
      return failed(`Failed to ${enable ? "enable" : "disable"} unit: Unit file ${unit} does not exist.`);
    for (const link of wantedBy(text).map((target) => `${folder}/${target}.wants/${unit}`)) {
      if (enable) files.link(link, `${folder}/${unit}`);
      else files.remove(link);
    }
  }
  return {};
}

export function isEnabled({ files }: Machine, unit: string): boolean {
  return files
    .list(folder)
    .some((name) => name.endsWith(".wants") && files.exists(`${folder}/${name}/${unit}`));
}

/** `systemctl try-restart`: of the daemons, libvirt's alone runs here. */
export function restartUnits(machine: Machine, units: readonly string[]): Answer {
  const known = (unit: string) =>
    ["/usr/lib/systemd/system", "/lib/systemd/system", folder].some((at) =>
      machine.files.exists(`${at}/${unit}`),
    );
  const missing = units.find((unit) => !known(unit));
  if (missing !== undefined) return failed(`Failed to try-restart ${missing}: Unit ${missing} not found.`, 5);
  for (const unit of units) {
    if (unit !== "libvirtd.service") continue;
    try {
      startLibvirt(machine);
    } catch (error) {
      machine.log(`${unit}: ${error instanceof Error ? error.message : String(error)}`);
      return failed(`Job for ${unit} failed because the control process exited with error code.`);
    }
  }
  return {};
}

/** What a boot starts of the units that somebody enabled: the commands of those in the way to multi-user.target. */
export async function startUnits(machine: Machine): Promise<void> {
  const { files } = machine;
  const wants = `${folder}/multi-user.target.wants`;
  for (const unit of files.list(wants)) {
    const commands = [...(files.read(`${wants}/${unit}`) ?? "").matchAll(/^ExecStart=-?(.+)$/gm)];
    for (const [, command = ""] of commands) {
      // Of what stands on the host, its folder plays the root.
      const words = command.split(" ").map((word) => (word.startsWith("/etc/") ? files.at(word) : word));
      const { output, errors, code } = await machine.run(words[0]?.split("/").pop() ?? "", words.slice(1));
      machine.log(`${unit}: exit ${code}\n${output}${errors}`.trim());
    }
  }
}

function wantedBy(text: string): string[] {
  return [...text.matchAll(/^WantedBy=(.+)$/gm)].flatMap(([, targets = ""]) => targets.split(" "));
}
