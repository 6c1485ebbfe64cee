/** `npm run reference`: writes docs/reference.md from the docstrings of the constructs and from the schemas. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import {
  pciDevicesSchema,
  providerSchema,
  resourceSchemas,
  type AttributeSchema,
  type AttributeType,
  type Attributes,
  type ResourceSchema,
} from "../lib/schema";

const root = join(__dirname, "..");
export const referencePath = join(root, "docs", "reference.md");

export function reference(): string {
  const exported = exportsOf("lib/index.ts");
  const known = new Map(exported.map(({ declaration }) => [declaration.name?.text ?? "", declaration]));
  return [
    "# Reference",
    "<!-- Written by `npm run reference` from lib/constructs and lib/schema. Do not edit. -->",
    "What a stack imports from `cdktf-passthrough`, and the attributes of the Terraform resources behind it.",
    "## Constructs and their props",
    ...exported.flatMap(({ declaration }) => section(declaration, known)),
    "## Terraform resources",
    ...[providerSchema, ...resourceSchemas, pciDevicesSchema].flatMap(resource),
  ]
    .join("\n\n")
    .concat("\n");
}

// Constructs

type Declaration = ts.ClassDeclaration | ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

/** What a file exports by name from others, in its order. */
function exportsOf(index: string): { declaration: Declaration }[] {
  return parse(index).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || !statement.moduleSpecifier || !statement.exportClause)
      return [];
    if (!ts.isStringLiteral(statement.moduleSpecifier) || !ts.isNamedExports(statement.exportClause))
      return [];
    const source = parse(join("lib", `${statement.moduleSpecifier.text}.ts`));
    return statement.exportClause.elements.map(({ name }) => ({
      declaration: declarationOf(source, name.text),
    }));
  });
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(root, path), "utf8"), ts.ScriptTarget.ES2022, true);
}

function declarationOf(source: ts.SourceFile, name: string): Declaration {
  const found = source.statements.find(
    (statement): statement is Declaration =>
      (ts.isClassDeclaration(statement) ||
        ts.isInterfaceDeclaration(statement) ||
        ts.isTypeAliasDeclaration(statement)) &&
      statement.name?.text === name,
  );
  if (found === undefined) throw new Error(`${source.fileName} does not declare ${name}`);
  return found;
}

function section(declaration: Declaration, known: ReadonlyMap<string, Declaration>): string[] {
  const name = declaration.name?.text ?? "";
  const title = [`### ${name}`, ...paragraphs(declaration)];
  if (ts.isTypeAliasDeclaration(declaration)) return [...title, `\`${flat(declaration.type.getText())}\``];
  if (ts.isInterfaceDeclaration(declaration)) return [...title, propsTable(declaration, known)];
  return [...title, ...membersTable(declaration)];
}

function propsTable(declaration: ts.InterfaceDeclaration, known: ReadonlyMap<string, Declaration>): string {
  const rows = properties(declaration, known).map((property) => [
    code(property.name.getText()),
    code(property.type?.getText() ?? ""),
    property.questionToken ? (tag(property, "default") ?? "") : "required",
    words(property),
  ]);
  return table(["Property", "Type", "Default", "Meaning"], rows);
}

/** Own ones first, then those of what it extends. */
function properties(
  declaration: ts.InterfaceDeclaration,
  known: ReadonlyMap<string, Declaration>,
): ts.PropertySignature[] {
  const inherited = (declaration.heritageClauses ?? []).flatMap(({ types }) =>
    types.flatMap(({ expression }) => {
      const base = known.get(expression.getText()) ?? hidden(expression.getText());
      return ts.isInterfaceDeclaration(base) ? properties(base, known) : [];
    }),
  );
  return [...declaration.members.filter(ts.isPropertySignature), ...inherited];
}

/** A base that a stack does not import by itself. */
function hidden(name: string): Declaration {
  const file = name.replace(/Props$/, "");
  return declarationOf(parse(`lib/constructs/${file}.ts`), name);
}

function membersTable(declaration: ts.ClassDeclaration): string[] {
  const rows = declaration.members.flatMap((member) => {
    const flags = ts.getCombinedModifierFlags(member);
    const closed = ts.ModifierFlags.Private | ts.ModifierFlags.Protected | ts.ModifierFlags.Override;
    if (flags & closed || tag(member, "internal") !== undefined) return [];
    if (member.name !== undefined && ts.isPrivateIdentifier(member.name)) return [];
    const text = signature(member, Boolean(flags & ts.ModifierFlags.Static));
    return text === null ? [] : [[code(text.call), code(text.type), words(member)]];
  });
  return rows.length > 0 ? [table(["Member", "Type", "Meaning"], rows)] : [];
}

function signature(member: ts.ClassElement, isStatic: boolean): { call: string; type: string } | null {
  const name =
    (isStatic ? `${(member.parent as ts.ClassDeclaration).name?.text ?? ""}.` : "") +
    (member.name?.getText() ?? "");
  if (ts.isMethodDeclaration(member)) {
    const parameters = member.parameters.map((parameter) => parameter.getText()).join(", ");
    return { call: `${name}(${parameters})`, type: member.type?.getText() ?? "" };
  }
  if (ts.isGetAccessor(member) || ts.isPropertyDeclaration(member)) {
    return { call: name, type: member.type?.getText() ?? "" };
  }
  return null;
}

/** A docstring's text; with what it throws. */
function words(node: ts.Node): string {
  const throws = tag(node, "throws");
  return flat([docstring(node), throws && `Throws ${throws}`].filter(Boolean).join(" "));
}

function paragraphs(node: ts.Node): string[] {
  const text = docstring(node);
  return text === "" ? [] : [flat(text)];
}

function docstring(node: ts.Node): string {
  const comment = ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)?.comment;
  return (ts.getTextOfJSDocComment(comment) ?? "").trim();
}

function tag(node: ts.Node, name: string): string | undefined {
  const found = ts.getJSDocTags(node).find(({ tagName }) => tagName.text === name);
  return found && flat(ts.getTextOfJSDocComment(found.comment) ?? "");
}

// Resources

function resource({ typeName, description, attributes }: ResourceSchema): string[] {
  const title = typeName === "passthrough" ? "The provider block, `passthrough`" : `\`${typeName}\``;
  return [`### ${title}`, description, table(["Attribute", "Type", "Set by", "Meaning"], rowsOf(attributes))];
}

function rowsOf(attributes: Attributes, prefix = ""): string[][] {
  return Object.entries(attributes).flatMap(([name, attribute]) => {
    const path = `${prefix}${name}`;
    const row = [code(path), code(typeOf(attribute)), setBy(attribute), flat(attribute.description)];
    const inner = attribute.nested;
    const each = inner?.nesting === "map" ? "{}" : "";
    return [row, ...(inner ? rowsOf(inner.attributes, `${path}${each}.`) : [])];
  });
}

function typeOf({ type, nested }: AttributeSchema): string {
  if (nested) return nested.nesting === "map" ? "map of objects" : "object";
  return type === undefined ? "" : typeWords(type);
}

function typeWords(type: AttributeType): string {
  if (typeof type === "string") return type;
  const [kind, of] = type;
  return kind === "object" ? kind : `${kind} of ${typeWords(of)}`;
}

function setBy({ required, optional, computed, sensitive }: AttributeSchema): string {
  const who = required
    ? "you, required"
    : optional && computed
      ? "you, or detected"
      : optional
        ? "you"
        : "the provider";
  return sensitive ? `${who}; never printed` : who;
}

// Markdown

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(text: string): string {
  return text === "" ? "" : `\`${flat(text)}\``.replaceAll("|", "\\|");
}

function flat(text: string): string {
  return text.replace(/\s+/g, " ").replace(/^\| /, "").trim();
}

if (require.main === module) writeFileSync(referencePath, reference());
