// The stores under measurement: a real server each, on 127.0.0.1, with its data in memory.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/raw_store.hpp"

namespace ovl::bench {

// A server while it runs; its end ends the server.
class StoreServer {
 public:
  virtual ~StoreServer() = default;
  // For open_keystore().
  [[nodiscard]] virtual std::string url() const = 0;
  virtual std::unique_ptr<RawStore> raw() = 0;
  // 0: there is no process beside ours.
  [[nodiscard]] virtual pid_t pid() = 0;
};

struct Goal {
  double publish = 0;  // at most so many times what the raw client takes; 0: none
  double read = 0;
};

struct StoreKind {
  std::string name;
  Goal goal;
  // nullptr: the server's program is not there.
  std::function<std::unique_ptr<StoreServer>()> start;
};

const std::vector<StoreKind>& store_kinds();

}  // namespace ovl::bench
