// JSON Schemas (draft 07) of what the verbs print with --json, from the tables of what they print.
#pragma once

#include <string>
#include <vector>

namespace ovl {

struct OutputSchema {
  std::string file;  // below docs/schemas: "status.schema.json"
  std::string text;
};

std::vector<OutputSchema> output_schemas();

}  // namespace ovl
