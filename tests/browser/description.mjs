// The API's description is what it says it is: OpenAPI 3.1, checked by a validator that is not ours, with every reference led
// to its end (findings D15).
import { execFileSync } from "node:child_process";
import { Validator } from "@seriousme/openapi-schema-validator";

const text = execFileSync(process.env.BULKHEAD_BIN, ["openapi"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
const description = JSON.parse(text);
const validator = new Validator();
const result = await validator.validate(description);
const faults = result.valid ? [] : [result.errors].flat().map((error) => JSON.stringify(error));

const named = description.components.schemas;
JSON.stringify(description, (key, value) => {
  if (key === "$ref" && !named[String(value).replace("#/components/schemas/", "")]) faults.push(`${value} leads nowhere`);
  return value;
});

let operations = 0;
let described = 0;
for (const methods of Object.values(description.paths)) {
  for (const operation of Object.values(methods)) {
    operations += 1;
    if (Object.values(operation.responses).some((response) => response.content)) described += 1;
  }
}
console.log(`The description is OpenAPI ${validator.version ?? "?"}: ${operations} operations, ${described} with the shape of their answer, ${Object.keys(named).length} shapes.`);
if (faults.length > 0) {
  console.error(faults.slice(0, 20).join("\n"));
  process.exit(1);
}
