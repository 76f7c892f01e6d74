// The text forms of Consul's KV interface: JSON answers, base64 values, keys in paths.
// https://developer.hashicorp.com/consul/api-docs/kv
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/keystore.hpp"

namespace ovl {

struct KvEntry {
  KeyValue item;
  std::uint64_t flags = 0;
  std::string session = {};  // the holder's; empty: nobody holds it
};

// The answer to GET /v1/kv/<key>. Error: corrupt.
Result<std::vector<KvEntry>> parse_entries(std::string_view json);

// The answer to a transaction that was taken: the entries that it wrote, without their values. Error:
// corrupt, also for answers that say anything else.
Result<std::vector<KvEntry>> parse_results(std::string_view json);

std::string to_base64(std::string_view bytes);
void append_base64(std::string& out, std::string_view bytes);
// Error: corrupt.
Result<std::string> from_base64(std::string_view text);

// In quotes and escaped. Precondition: UTF-8.
void append_json_string(std::string& out, std::string_view text);

// A key as a part of a path; slashes stay.
std::string escape_path(std::string_view key);

// Keys are UTF-8, since transactions carry them in JSON, and no path that the agent would rewrite (it
// redirects "a//b" and "a/../b"). Error: usage.
Status check_key(std::string_view key);

}  // namespace ovl
