// A server of a test's own, to be killed and stopped; and three that are one store.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "drivers/keystore/keystore.hpp"
#include "tests/support/effort.hpp"
#include "tests/support/server.hpp"

namespace ovl::test {

inline constexpr std::chrono::milliseconds kPatience{10'000};

// OVL_SEED, or another one each time. The tests tell theirs.
unsigned any_seed();

std::unique_ptr<Keystore> open_store(const std::string& url, std::chrono::milliseconds timeout = kPatience);

// Sessions of one second are possible. Its data outlives its process.
class OwnServer {
 public:
  virtual ~OwnServer() = default;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  // Of this store, where something on 127.0.0.1 listens for it at that port.
  [[nodiscard]] virtual std::string url(std::uint16_t port) const = 0;
  virtual Server& process() = 0;

  [[nodiscard]] std::string url() const { return url(port()); }

  // Waits until it answers.
  [[nodiscard]] bool wait();
  void restart();

  // Brings back what it held when keep_copy() was called, with its revisions. False: this store can't.
  virtual bool keep_copy() { return false; }

  virtual void bring_back_copy() {}

  // The same in the store's usual way, which may stop the server meanwhile.
  virtual void keep_backup() = 0;
  virtual void restore_backup() = 0;
};

// Members 0, 1 and 2. One of them may be away at a time.
class OwnEnsemble {
 public:
  virtual ~OwnEnsemble() = default;
  // All members, that one first.
  [[nodiscard]] virtual std::string url(std::size_t first) const = 0;
  // Waits for one.
  virtual std::size_t leader() = 0;
  virtual Server& process(std::size_t member) = 0;
  // Waits until that member serves.
  [[nodiscard]] virtual bool wait(std::size_t member) = 0;
};

// How to start one store's servers; nothing when they are not installed. The servers end with the
// thread that started them.
struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<OwnServer>()> start;
  std::function<std::unique_ptr<OwnEnsemble>()> start_three;  // none for Consul
};

// For GoogleTest's messages.
inline void PrintTo(const StoreKind& kind, std::ostream* out) {
  *out << kind.name;
}

std::vector<StoreKind> store_kinds();

// The one server of a kind that the tests of this program share.
OwnServer* shared_server(const StoreKind& kind);

}  // namespace ovl::test
