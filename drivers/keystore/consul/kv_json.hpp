// The text forms of Consul's KV interface: JSON answers, base64 values, keys in paths.
// https://developer.hashicorp.com/consul/api-docs/kv
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/keystore.hpp"

namespace ovl {

struct KvEntry {
  KeyValue item;
  std::uint64_t flags = 0;
  std::string session = {};  // the holder's; empty: nobody holds it
  bool cut = false;          // its key is longer than this
};

// Reads the answer to GET /v1/kv/<key> as it comes, entry by entry, and holds no more than one: of a value
// that is too long nothing but its length.
class EntryStream {
 public:
  using Take = std::function<Status(KvEntry entry)>;

  // `take` also gets entries whose key is too long for anybody: cut, and with `cut` set.
  EntryStream(std::size_t most_value, Take take);

  // Errors: corrupt, and those of take().
  Status feed(std::string_view bytes);
  // Error: corrupt, when it was not the whole answer.
  [[nodiscard]] Status finish() const;

 private:
  enum class State : std::uint8_t { start, before_entry, in_entry, in_string, after_entry, end };

  Status feed_outside(char c);
  std::size_t feed_entry(std::string_view bytes);
  std::size_t feed_string(std::string_view bytes);
  void begin_string();
  void keep(std::string_view bytes);
  void end_string();
  Status end_entry();
  [[nodiscard]] Error broken() const;

  std::size_t most_text_;  // of a value in base64
  Take take_;
  State state_ = State::start;
  bool first_ = true;
  bool escaped_ = false;         // the next byte of the string is
  std::string entry_;            // its text so far
  std::size_t string_at_ = 0;    // where the present string begins in it
  std::size_t string_size_ = 0;  // bytes of it, also those that were dropped
  std::size_t padding_ = 0;      // '=' among them
  bool is_value_ = false;
  std::size_t left_out_ = 0;  // bytes of this entry's value
  bool cut_ = false;          // another string of it was too long
  std::uint64_t seen_ = 0;
};

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
