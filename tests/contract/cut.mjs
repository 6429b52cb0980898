// Cuts GitHub's own description of its API down to the routes that are used here, so that the proxy starts at once.
// Nothing is changed but what the list below says. Usage: node cut.mjs OUT.json
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const PATHS = [
  "/rate_limit",
  "/repos/{owner}/{repo}/commits/{ref}",
  "/repos/{owner}/{repo}/commits/{ref}/check-runs",
  "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
  "/repos/{owner}/{repo}/git/ref/{ref}",
  "/repos/{owner}/{repo}/pulls/{pull_number}",
  "/repos/{owner}/{repo}/actions/runs",
  "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
];

// GitHub's `Link` leads to addresses by the number of the repository, which its description does not list.
// They have the shapes of the addresses by name.
const BY_NUMBER = {
  "/repositories/{repository_id}/commits/{ref}/check-runs": "/repos/{owner}/{repo}/commits/{ref}/check-runs",
  "/repositories/{repository_id}/actions/runs": "/repos/{owner}/{repo}/actions/runs",
  "/repositories/{repository_id}/actions/runs/{run_id}/jobs": "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs",
  "/repositories/{repository_id}/commits/{commit_sha}/pulls": "/repos/{owner}/{repo}/commits/{commit_sha}/pulls",
};

const [, , out] = process.argv;
if (!out) throw new Error("usage: node cut.mjs OUT.json");
const source = createRequire(import.meta.url).resolve("@octokit/openapi/generated/api.github.com.json");
const whole = JSON.parse(readFileSync(source, "utf8"));

const number = { name: "repository_id", in: "path", required: true, schema: { type: "integer" } };
const resolve = (parameter) => (parameter.$ref ? at(parameter.$ref) : parameter);
const byNumber = (operation) => ({
  ...operation,
  operationId: `${operation.operationId}-by-number`,
  parameters: [number, ...operation.parameters.filter((p) => !["owner", "repo"].includes(resolve(p).name))],
});

// What is made, not read.
const POSTS = ["/app/installations/{installation_id}/access_tokens"];

const paths = {};
for (const path of PATHS) paths[path] = { get: taken(path, "get") };
for (const path of POSTS) paths[path] = { post: taken(path, "post") };
for (const [path, like] of Object.entries(BY_NUMBER)) paths[path] = { get: byNumber(taken(like, "get")) };

// Every component that is reached from there, and no other.
const cut = { ...whole, paths, components: {} };
delete cut["x-webhooks"];
const seen = new Set();
const queue = [paths];
while (queue.length > 0) {
  const value = queue.pop();
  if (value === null || typeof value !== "object") continue;
  if (typeof value.$ref === "string" && !seen.has(value.$ref)) {
    seen.add(value.$ref);
    const [kind, name] = value.$ref.replace("#/components/", "").split("/");
    const found = at(value.$ref);
    (cut.components[kind] ??= {})[name] = found;
    queue.push(found);
  }
  queue.push(...Object.values(value));
}
writeFileSync(out, JSON.stringify(cut));

function taken(path, method) {
  const operation = whole.paths[path]?.[method];
  if (!operation) throw new Error(`GitHub's description has no ${method} ${path}`);
  return operation;
}

function at(ref) {
  const found = ref.replace("#/", "").split("/").reduce((value, key) => value?.[key], whole);
  if (!found) throw new Error(`GitHub's description has no ${ref}`);
  return found;
}
