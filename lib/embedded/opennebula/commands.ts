import { readFileSync } from "node:fs";
import type { Answer } from "../callGate";
import type { Machine } from "../machine";
import { failed, type Program } from "../programs/program";
import { OneError, find, readDatabase, saveDatabase } from "./database";
import { print, type Json, poolJson } from "./json";
import { parseTemplate, type Attributes } from "./templateSyntax";
import type { Database, Row } from "./types";

/** One call of a command: its words, and the options that stand among them. */
export interface Command {
  readonly machine: Machine;
  readonly database: Database;
  readonly words: readonly string[];
  /** Long names and letters alike; those that take a value have it. */
  readonly options: ReadonlyMap<string, string>;
}

export type Verb = (command: Command) => string | void;

const takesValue = new Set(["--file", "-f", "--network", "--name"]);

/** A command of OpenNebula: `<verb> [words] [options]`. What a verb changed is kept when it succeeds. */
export function oneCommand(name: string, verbs: Readonly<Record<string, Verb>>): Program {
  return ({ arguments: args }, machine): Answer => {
    const [verb = "", ...rest] = args;
    const run = verbs[verb];
    if (!run) return failed(`Command ${verb} not found\n${name} -h for help`, 255);
    const words: string[] = [];
    const options = new Map<string, string>();
    for (let at = 0; at < rest.length; at++) {
      const word = rest[at] ?? "";
      if (!/^--?[a-z]/.test(word)) words.push(word);
      // `-f` takes a file with some verbs and means `--force` with others.
      else if (takesValue.has(word) && !(word === "-f" && verb === "sync"))
        options.set(word, rest[++at] ?? "");
      else options.set(word, "");
    }
    try {
      const database = readDatabase(machine);
      const output = run({ machine, database, words, options }) ?? "";
      saveDatabase(machine, database);
      return { output };
    } catch (error) {
      if (error instanceof OneError) return failed(error.message, error.code);
      throw error;
    }
  };
}

export const has = ({ options }: Command, ...names: readonly string[]): boolean =>
  names.some((name) => options.has(name));

export function word({ words }: Command, at: number, what: string): string {
  const found = words[at];
  if (found === undefined) throw new OneError(`Wrong number of arguments\nArguments missing: ${what}`);
  return found;
}

/** The template in a file of the host; a path of the embedded host's own or one below its folder. */
export function templateIn(path: string, action: string): Attributes {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new OneError(`No such file or directory @ rb_sysopen - ${path}`);
  }
  try {
    return parseTemplate(text);
  } catch (error) {
    throw new OneError(`[${action}] Cannot parse template: ${(error as Error).message}.`);
  }
}

/** What `list` and `show` of one kind of things print. */
export interface Kind<T extends Row> {
  readonly name: string;
  readonly pool: string;
  readonly rows: (database: Database) => T[];
  readonly json: (machine: Machine, database: Database, row: T) => Json;
}

export function reading<T extends Row>({ name, pool, rows, json }: Kind<T>): Record<"list" | "show", Verb> {
  const needsJson = (command: Command) => {
    if (!has(command, "-j", "--json")) throw new OneError("The embedded host prints JSON alone: add -j.");
  };
  return {
    list: (command) => {
      needsJson(command);
      const { machine, database } = command;
      const all = rows(database).map((row) => json(machine, database, row));
      // The pool of VMs is short unless all of it is asked for.
      const short = name === "VM" && !has(command, "--extended", "-e");
      return print(poolJson(pool, name, short ? all.map(withoutDevices) : all));
    },
    show: (command) => {
      needsJson(command);
      const { machine, database } = command;
      return print({ [name]: json(machine, database, find(name, rows(database), word(command, 0, "id"))) });
    },
  };
}

function withoutDevices(vm: Json): Json {
  return typeof vm === "string" ? vm : { ...vm, TEMPLATE: {}, HISTORY_RECORDS: {} };
}

/** `update <id> <file> [-a]`: the whole template, or what of it is given. */
export function updating<T extends Row>({ name, rows }: Kind<T>, changed?: (row: T) => void): Verb {
  return (command) => {
    const row = find(name, rows(command.database), word(command, 0, "id"));
    const given = templateIn(word(command, 1, "file"), `one.${name.toLowerCase()}.update`);
    const names = new Set(given.map(([key]) => key));
    const kept = has(command, "-a", "--append") ? row.template.filter(([key]) => !names.has(key)) : [];
    row.template = [...kept, ...given];
    changed?.(row);
  };
}
