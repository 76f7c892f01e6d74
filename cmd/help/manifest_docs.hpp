// Documents generated from the manifest's tables, so that they say what the parser does.
#pragma once

#include <string>

namespace ovl {

// docs/manifest.md.
std::string manifest_markdown();

// docs/manifest.schema.json: JSON Schema, draft 07, of one file of a manifest.
std::string manifest_json_schema();

}  // namespace ovl
