// What the drivers are measured against: each store spoken to by its own client, written by hand, as
// fast as it gets. No guards, no lock, no history; the first failure ends the program.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ovl::bench {

struct Item {
  std::string key;
  std::string value;
};

class RawStore {
 public:
  virtual ~RawStore() = default;
  // New keys, sorted, below no key of another.
  virtual void publish(const std::vector<Item>& items) = 0;
  // prefix ends with '/'.
  virtual std::vector<Item> read(const std::string& prefix) = 0;
};

// WAL and synchronous=FULL, as the driver; all inserts in one transaction; one select.
std::unique_ptr<RawStore> raw_sqlite(const std::string& path);
// Transactions of 128 puts; pages of 10,000 at one revision.
std::unique_ptr<RawStore> raw_etcd(const std::string& address);
// Transactions of 64 sets, and ?recurse, on one kept connection.
std::unique_ptr<RawStore> raw_consul(const std::string& address);
// Transactions of 100 creates and single reads, many in flight.
std::unique_ptr<RawStore> raw_zookeeper(const std::string& address);

[[noreturn]] void fail(std::string_view what);

}  // namespace ovl::bench
