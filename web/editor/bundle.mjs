// Bundles editor.js; see build.sh.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const out = "../static/codemirror.js";
const result = await build({
  entryPoints: ["editor.js"], bundle: true, minify: true, format: "esm", target: "es2022",
  legalComments: "none", metafile: true, write: false,
});

// The packages whose code is in the bundle, with their licences.
const names = [...new Set(Object.keys(result.metafile.inputs)
  .map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean))].sort();
const packages = names.map((name) => {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  if (license !== "MIT") throw new Error(`${name} has the licence ${license}, and only MIT is expected here`);
  return { name, version, license };
});

// One text for packages that share it.
const texts = new Map();
for (const { name, version } of packages) {
  const text = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim().replaceAll("*/", "* /");
  texts.set(text, [...(texts.get(text) ?? []), `${name} ${version}`]);
}
const licences = [...texts].map(([text, of]) => `${of.join(", ")}\n\n${text}\n`).join("\n");
const code = `/*!\nThe editor of the playground, bundled from the packages below; see web/editor.\n\n${licences}*/\n${result.outputFiles[0].text}`;

writeFileSync(out, code);
writeFileSync("bundle.json", JSON.stringify({
  file: "web/static/codemirror.js", sha256: createHash("sha256").update(code).digest("hex"), packages,
}, null, 2) + "\n");
