// A keystore whose calls are counted: before each one somebody hears of it, and may break something.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "drivers/keystore/keystore.hpp"

namespace ovl::test {

// Every call of the store, its sessions and its watches is numbered from 0.
struct CallHooks {
  std::function<void(std::size_t number, std::string_view call)> before = [](std::size_t, std::string_view) {
  };
  // Sees a transaction that was committed.
  std::function<void(const Transaction&)> committed = [](const Transaction&) {};
  // A control of the guards' own test: transactions go without any, and a session never hears its end.
  bool drops_guards = false;
  // As small as it takes to see an apply split its writes; 0: as the store says.
  std::size_t max_operations = 0;
};

std::unique_ptr<Keystore> count_calls(std::unique_ptr<Keystore> store, CallHooks hooks);

}  // namespace ovl::test
