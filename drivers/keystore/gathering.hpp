// Collects what a read takes, within the limits of its selection. Used by every driver.
#pragma once

#include "drivers/keystore/keystore.hpp"

namespace ovl {

// Counts what was taken and what was left aside.
class Tally {
 public:
  // `store` is its name, for messages. Both must outlive this.
  Tally(const KeySelection& what, std::string_view store) : what_(what), store_(store) {}

  // False: nobody knows the key, and it is counted.
  bool wants(std::string_view key);
  // Precondition: wants(). Of a value that is too long nothing is kept.
  // Error: corrupt (a limit of the whole is passed).
  Status take(KeyValue& item);
  void add_unknown(std::string_view key);
  // Some that the store has counted.
  void add_unknown(std::size_t count, const std::vector<std::string>& some);
  // Before they are loaded. Error: corrupt, when so many known keys are more than a tree may have.
  [[nodiscard]] Status check_keys(std::size_t keys) const;

  UnknownKeys take_unknown() { return std::move(unknown_); }

 private:
  const KeySelection& what_;
  std::string_view store_;
  UnknownKeys unknown_;
  std::size_t keys_ = 0;
  std::size_t bytes_ = 0;
};

class Gathering : public Tally {
 public:
  using Tally::Tally;

  // As take(), and keeps it.
  Status add(KeyValue item);
  // Sorted by key, in whatever order they came.
  Snapshot finish(Revision revision);

 private:
  std::vector<KeyValue> items_;
};

// Drops a value that is longer than `most`, and says how long it was.
void leave_out(KeyValue& item, std::size_t most);
void leave_out(WatchEvent& event, std::size_t most);

}  // namespace ovl
