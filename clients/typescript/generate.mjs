// Writes what the client knows of the API from its OpenAPI document:
//   node generate.mjs <openapi.json> <folder>
// schema.d.ts holds the types, routes.ts the few facts about routes that are needed when the program runs.
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const [document, folder] = process.argv.slice(2);
if (!document || !folder) throw new Error("usage: node generate.mjs <openapi.json> <folder>");

const header = `// Generated from components/web/openapi.json by \`clients/typescript/run generate\`. Do not edit.\n\n`;

// A field with a default may still be left out of a request, so a default must not make it required.
const ast = await openapiTS(pathToFileURL(resolve(document)), { alphabetize: true, defaultNonNullable: false });
await writeFile(join(folder, "schema.d.ts"), header + astToString(ast));

const { paths } = JSON.parse(await readFile(document, "utf8"));
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
);
const redirects = ({ operation }) => Object.keys(operation.responses).some((status) => /^3/.test(status) && status !== "304");
const takesKey = ({ operation }) => operation.parameters?.some(({ name }) => name === "Idempotency-Key");
const list = (chosen) => chosen.map(({ name }) => `  ${JSON.stringify(name)},\n`).sort().join("");

await writeFile(
  join(folder, "routes.ts"),
  `${header}/** What takes an \`Idempotency-Key\`, so that a repeat does nothing twice. */
export const KEYED: readonly string[] = [
${list(operations.filter(takesKey))}];

/** What asks for no credentials, so that none are sent. */
export const OPEN: readonly string[] = [
${list(operations.filter(({ operation }) => !operation.security))}];

/** What answers with a redirect, for a person's browser to follow. */
export const REDIRECTING: readonly string[] = [
${list(operations.filter(redirects))}];
`,
);
