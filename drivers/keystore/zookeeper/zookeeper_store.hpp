// What reads, commits, watches and sessions of one store share: where its nodes are, its counter and
// its log.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/zookeeper/zookeeper_client.hpp"
#include "drivers/keystore/zookeeper/zookeeper_log.hpp"

namespace ovl::zk {

struct Store {
  ClientOptions options;
  std::string root;  // "" or "/team/a"
  std::shared_ptr<Client> client;

  [[nodiscard]] const std::string& name() const { return options.name; }

  [[nodiscard]] Deadline deadline() const {
    return std::chrono::steady_clock::now() + options.patience->left();
  }

  [[nodiscard]] std::string counter_path() const;
  [[nodiscard]] std::string log_path() const;
  [[nodiscard]] std::string log_entry_path(std::uint64_t number) const;
  [[nodiscard]] std::string leases_path() const;
  [[nodiscard]] std::string lease_path(std::string_view key) const;
  // Data in which the driver's own format is broken.
  [[nodiscard]] Error corrupt(std::string_view path) const;
};

// The counter as it was read.
struct Head {
  bool found = false;
  Counter counter;
  Revision revision = 0;  // of the last commit; 0: there was none
  std::int32_t version = 0;

  bool operator==(const Head&) const = default;
};

struct NumberedEntry {
  std::uint64_t number = 0;
  Revision revision = 0;
  LogEntry entry;
};

Request sync_request(const Store& store);
Request head_request(const Store& store, bool watch = false);
Result<Head> head_of(const Store& store, const Reply& reply);
// The keys that were bound to a session when they were last written, of a list of the leases' node.
std::set<std::string> leases_of(const Reply& reply);

// The entries from .. to, but for those that were forgotten. None, when they are more than a log of ours
// holds: whoever else wrote them decides not how much is loaded.
Result<std::vector<NumberedEntry>> read_log(const Store& store, Client& client, std::uint64_t from,
                                            std::uint64_t to, Deadline deadline);

}  // namespace ovl::zk
