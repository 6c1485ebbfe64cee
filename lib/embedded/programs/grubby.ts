import type { Machine } from "../machine";
import { failed, type Program } from "./program";

const folder = "/boot/loader/entries";

/** The part of grubby that an administrator uses by hand: `--info=ALL`, `--update-kernel` with `--args`, `--remove-args`. */
export const grubby: Program = ({ arguments: args }, machine) => {
  const option = (name: string) =>
    args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
  const names = machine.files.list(folder).filter((name) => name.endsWith(".conf"));
  if (args.includes("--info=ALL"))
    return { output: names.map((name, at) => info(machine, name, at)).join("") };
  const kernel = option("update-kernel");
  if (kernel === undefined) return failed("grubby: no action specified");
  const wanted = names.filter(
    (name) => kernel === "ALL" || name.endsWith(`-${kernel.replace(/^.*vmlinuz-/, "")}.conf`),
  );
  if (wanted.length === 0) return failed(`The param ${kernel} is incorrect`);
  for (const name of wanted) {
    const text = machine.files.read(`${folder}/${name}`) ?? "";
    machine.files.replace(
      `${folder}/${name}`,
      text.replace(
        /^options (.*)$/m,
        (_line, options: string) =>
          `options ${updated(options, words(option("remove-args")), words(option("args")))}`,
      ),
    );
  }
  return {};
};

const words = (text = ""): string[] => text.split(/\s+/).filter(Boolean);

/** As grubby does it: what is added replaces what stands there under the same name. */
function updated(options: string, removed: readonly string[], added: readonly string[]): string {
  const nameOf = (word: string) => word.split("=")[0];
  const kept = words(options).filter(
    (word) =>
      !removed.some((each) => (each.includes("=") ? each === word : each === nameOf(word))) &&
      !added.some((each) => nameOf(each) === nameOf(word)),
  );
  return [...kept, ...added].join(" ");
}

function info({ files }: Machine, name: string, index: number): string {
  const text = files.read(`${folder}/${name}`) ?? "";
  const value = (key: string) => new RegExp(`^${key} (.*)$`, "m").exec(text)?.[1] ?? "";
  return (
    `index=${index}\nkernel="/boot${value("linux")}"\nargs="${value("options").replace(/^root=\S+ ?/, "")}"\n` +
    `initrd="/boot${value("initrd")}"\ntitle="${value("title")}"\nid="${name.replace(/\.conf$/, "")}"\n`
  );
}
