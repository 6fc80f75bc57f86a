// Runs SQL in DuckDB, in memory: a JSON list of texts on stdin, each one or more statements; on
// stdout a JSON list with the rows of the last statement of each text.
import { readFileSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";

const connection = await (await DuckDBInstance.create(":memory:")).connect();
const answers = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  const reader = await connection.runAndReadAll(text);
  answers.push(reader.getRowObjectsJson());
}
process.stdout.write(JSON.stringify(answers));
