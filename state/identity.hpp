// Which machine a state is of. A copy that comes to another machine, with a cloned disk or a restored /var,
// says what that one made; what it says must decide nothing here.
#pragma once

#include <string>
#include <vector>

#include "model/base/fields.hpp"
#include "state/state.hpp"

namespace ovl {

// As it was when the state was last written. Empty members: not known.
struct HostIdentity {
  std::string machine;  // a hash of the machine's id, see machine-id(5)
  std::string name;     // its host name
  std::string address;  // the one that it is reached at, its VTEP

  static constexpr auto fields() {
    return std::tuple{setting("machine", &HostIdentity::machine), setting("name", &HostIdentity::name),
                      setting("address", &HostIdentity::address)};
  }

  bool operator==(const HostIdentity&) const = default;
};

// What this machine is now.
struct ThisMachine {
  std::string machine;
  std::string name;
  std::vector<std::string> addresses;  // all of them, as text
};

// None: the state has never been told. Errors: as State, and corrupt.
Result<std::optional<HostIdentity>> identity_of(const State& state);
Status remember_identity(State& state, const HostIdentity& identity);

// "machine id", "host name a (here: b)", "address 192.0.2.1": what both know, and is not the same.
std::vector<std::string> strange_in(const HostIdentity& known, const ThisMachine& here);

// A machine may be renamed, renumbered or given another id, one at a time, and goes on. Errors: guard, when
// two of the three are others: the state is another machine's.
Status check_identity(const State& state, const ThisMachine& here);

}  // namespace ovl
