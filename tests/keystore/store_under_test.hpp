// What the contract test needs to know of a store. A new driver is one class and one line in drivers().
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "drivers/keystore/keystore.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

// One store, empty below root(). A test makes it, and it is gone with the test.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  // A further client of the same store.
  virtual std::unique_ptr<Keystore> connect() = 0;

  // Keys of a test begin with this.
  [[nodiscard]] virtual std::string root() const { return "ovl/contract/v1/"; }

  // Makes the store forget changes up to and with this revision.
  virtual void compact(Revision upto) = 0;

  // True: several changes of one key may come as the last of them.
  [[nodiscard]] virtual bool folds_changes() const { return false; }

  // The shortest time to live that sessions may have.
  [[nodiscard]] virtual std::chrono::seconds shortest_ttl() const { return std::chrono::seconds{1}; }

  // Lets a session of the shortest time to live run out (a store with a clock of its own), or nothing.
  virtual void pass_time() {}

  // Runs work(0) .. work(n - 1) at the same time, in processes when the store has some, else in threads.
  virtual void in_parallel(int count, const std::function<void(int)>& work) = 0;

  // False: another process cannot reach it.
  [[nodiscard]] virtual bool has_processes() const = 0;
};

struct DriverCase {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

// For GoogleTest's messages.
inline void PrintTo(const DriverCase& driver, std::ostream* out) {
  *out << driver.name;
}

std::vector<DriverCase> drivers();

// work(0) .. work(count - 1) in a process each; every one must succeed.
inline void in_processes(int count, const std::function<void(int)>& work) {
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) children.push_back(fork_child([&work, i] { work(i); }));
  for (const pid_t child : children) EXPECT_TRUE(child_succeeded(child));
}

inline Write put(std::string key, std::string value, std::string session = {}) {
  return Write{.key = std::move(key), .value = std::move(value), .session = std::move(session)};
}

inline Write erase(std::string key) {
  return Write{.key = std::move(key), .value = std::nullopt};
}

}  // namespace ovl::test
