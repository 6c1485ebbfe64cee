import type { Step } from "./change";
import { asOneFile } from "./deviceScripts";
import { sha256 } from "./digest";
import { digestWords, programWords } from "./formats/format";
import type { Observation } from "./observation";
import { paths } from "./paths";
import program from "./scripts/virtualFunctions.sh";

/** Makes what the tables say, at every boot and when a declaration changes. */
export const functionsProgram: string = asOneFile(program);

/** Runs it at every boot: before the network is set up, as a new count resets the link, and before any guest starts. */
export const functionsUnit = `# Written by cdktf-passthrough. A change by hand shows up as drift in the next plan.
[Unit]
Description=Virtual functions for guests (cdktf-passthrough)
# Before the network is set up, as a new count resets the link; and before whatever starts guests.
DefaultDependencies=no
Wants=network-pre.target
After=local-fs.target systemd-remount-fs.service systemd-modules-load.service systemd-udevd.service systemd-udev-trigger.service
Before=network-pre.target pve-guests.service libvirtd.service virtqemud.service libvirt-guests.service vdsmd.service opennebula.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /etc/cdktf-passthrough/virtual-functions
TimeoutStartSec=180

[Install]
WantedBy=multi-user.target
`;

const unitName = paths.functionsUnit.slice(paths.functionsUnit.lastIndexOf("/") + 1);

/** Where the table of one declaration stands. Its name is any text, a file's is not. */
export function tablePath(name: string): string {
  const word = encodeURIComponent(Buffer.from(name).toString());
  const short = word.length <= 100 ? word : `${word.slice(0, 80)}-${sha256(name).slice(0, 16)}`;
  return `${paths.functionsProgram}.${short}`;
}

/** What of ours stands for one declaration, by file, in the words that a plan shows. */
export function plannedFunctionFiles(name: string, table: string): Record<string, string> {
  return {
    [tablePath(name)]: table,
    [paths.functionsProgram]: programWords(functionsProgram),
    [paths.functionsUnit]: `enabled ${programWords(functionsUnit)}`,
  };
}

/** The same as it is now; what is not there is left out. */
export function observedFunctionFiles(
  name: string,
  { files }: Pick<Observation, "files">,
): Record<string, string> {
  const word = (text: string, own: string) =>
    text === own ? programWords(own) : `(changed: ${digestWords(text)})`;
  const unit = files[paths.functionsUnit];
  const enabled = files[paths.functionsUnitWanted] === undefined ? "not enabled" : "enabled";
  return defined({
    [tablePath(name)]: files[tablePath(name)],
    [paths.functionsProgram]: mapped(files[paths.functionsProgram], (text) => word(text, functionsProgram)),
    [paths.functionsUnit]: mapped(unit, (text) => `${enabled} ${word(text, functionsUnit)}`),
  });
}

/** The steps that bring the files of one declaration about. */
export function functionFileSteps(
  name: string,
  table: string,
  { files }: Pick<Observation, "files">,
): Step[] {
  const wanted = [
    { path: paths.functionsProgram, content: functionsProgram, mode: "0755" },
    { path: tablePath(name), content: table, mode: "0644" },
    { path: paths.functionsUnit, content: functionsUnit, mode: "0644" },
  ];
  const isSetUp =
    files[paths.functionsUnit] === functionsUnit && files[paths.functionsUnitWanted] !== undefined;
  return [
    ...wanted
      .filter(({ path, content }) => files[path] !== content)
      .map(({ path, ...file }): Step => ({ step: "write", path, ...file, expect: seen(files[path]) })),
    ...(isSetUp ? [] : [systemctl("daemon-reload"), systemctl("enable", unitName)]),
  ];
}

/** The steps that take them away again, with what all declarations share where this is the last one. */
export function removeFunctionFileSteps(name: string, { files }: Pick<Observation, "files">): Step[] {
  const own = tablePath(name);
  const others = Object.keys(files).some(
    (path) => path.startsWith(`${paths.functionsProgram}.`) && path !== own,
  );
  const isThere = (path: string) => files[path] !== undefined;
  const remove = (path: string): Step[] =>
    isThere(path) ? [{ step: "remove", path, expect: seen(files[path]) }] : [];
  const unit = isThere(paths.functionsUnit);
  if (others) return remove(own);
  return [
    ...(unit ? [systemctl("disable", unitName)] : []),
    ...[own, paths.functionsProgram, paths.functionsUnit].flatMap(remove),
    ...(unit ? [systemctl("daemon-reload")] : []),
  ];
}

function systemctl(...words: readonly string[]): Step {
  return { step: "command", command: ["systemctl", ...words], timeoutSeconds: 120 };
}

function seen(text: string | undefined): string | null {
  return text === undefined ? null : sha256(text);
}

function mapped(text: string | undefined, turn: (text: string) => string): string | undefined {
  return text === undefined ? undefined : turn(text);
}

function defined(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
