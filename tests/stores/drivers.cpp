// The contract test of tests/keystore/ on real servers. One process runs all tests of one store, with
// one server; each test has a root of its own.
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

std::vector<DriverCase> drivers() {
  return {
      {"etcd", make_etcd},
      {"consul", make_consul},
      {"zookeeper", make_zookeeper},
  };
}

}  // namespace ovl::test
