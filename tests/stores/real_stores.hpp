// The real stores that tests run on, one file each. A server is started when it is first needed and
// ends with the test program.
#pragma once

#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

std::unique_ptr<StoreUnderTest> make_etcd();
std::unique_ptr<StoreUnderTest> make_consul();
std::unique_ptr<StoreUnderTest> make_zookeeper();

// "ovl/contract-<pid>-<n>/v1/", another one each time.
std::string fresh_root();

}  // namespace ovl::test
