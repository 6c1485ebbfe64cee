import { imagesOf } from "../profiles/bootImages";
import { buildDracutImage } from "../initramfs/dracut";
import { parseInitramfs } from "../initramfs/image";
import { failed, type Program } from "./program";

/** `dracut --force [image] [release]`, `--kver release`, `--regenerate-all`, `--add` and `--omit` modules. */
export const dracut: Program = async ({ arguments: args }, machine) => {
  const { files, profile } = machine;
  const words: string[] = [];
  const asked: { add: string[]; omit: string[] } = { add: [], omit: [] };
  let force = false;
  let all = false;
  let release: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "--force" || word === "-f") force = true;
    else if (word === "--kver") release = args[++at];
    else if (word === "--add" || word === "--omit")
      asked[word === "--add" ? "add" : "omit"].push(...(args[++at] ?? "").split(/\s+/));
    else if (word === "--regenerate-all") all = true;
    else if (word === "-q" || word === "--quiet") continue;
    else if (word.startsWith("-")) return failed(`dracut: unrecognized option '${word}'`);
    else words.push(word);
  }
  release ??= words[1] ?? machine.release;
  const wanted = all ? profile.kernels : [release];
  let errors = "";
  for (const each of wanted) {
    if (!files.exists(`/lib/modules/${each}`))
      return failed(
        `dracut[F]: Cannot find module directory /lib/modules/${each}/\ndracut[F]: and --no-kernel was not specified`,
      );
    const path = (!all && words[0]) || imagesOf(profile).initramfs(each);
    const inside = path.startsWith(files.folder) ? path.slice(files.folder.length) : path;
    if (!force && files.exists(inside))
      return failed(`dracut[F]: Will not override existing initramfs (${inside}) without --force`);
    const built = await buildDracutImage(machine, each, inside, asked);
    errors += built.errors;
    if (built.code !== 0) return { errors, code: built.code };
  }
  return { errors };
};

/** What an image holds, as `ls -l` has it. Of dracut's and of mkinitcpio's package alike. */
export const listImage =
  (line: (path: string) => string): Program =>
  ({ arguments: args }, { files }) => {
    const [path = ""] = args.filter((argument) => !argument.startsWith("-"));
    const inside = path.startsWith(files.folder) ? path.slice(files.folder.length) : path;
    const image = parseInitramfs(files.read(inside));
    if (image === null) return failed(`${path} does not exist`);
    return {
      output: Object.keys(image.files)
        .map((name) => `${line(name.slice(1))}\n`)
        .join(""),
    };
  };

export const lsinitrd = listImage((path) => `-rw-r--r--   1 root     root           64 Jan  1  1970 ${path}`);
