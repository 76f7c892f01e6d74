// A command pays for no driver that it does not use: what the dynamic loader says it loads.
#include <gtest/gtest.h>

#include "tests/support/program.hpp"

namespace ovl::test {

namespace {

// The libraries that only the loadable drivers need, and the drivers.
const std::vector<std::string> kOfDrivers = {"ovl-etcd.so", "ovl-consul.so", "ovl-zookeeper.so", "libgrpc",
                                             "libprotobuf", "libcurl",       "libzookeeper"};

// The log of ld.so(8) names each file that it loads, at the start and later.
std::string loaded_by(const std::string& arguments) {
  return run_program(arguments, "LD_DEBUG=files").out;
}

TEST(Startup, ValidateLoadsNoDriver) {
  const std::string log = loaded_by("validate " OVL_SOURCE_DIR "/examples/multi-host");
  ASSERT_NE(log.find("libc.so.6"), std::string::npos) << log;
  for (const std::string& library : kOfDrivers) EXPECT_EQ(log.find(library), std::string::npos) << library;
}

// Else the test above would say nothing.
TEST(Startup, WhatIsLoadedLaterIsInTheLog) {
  const std::string log = loaded_by("network ls --cluster c --timeout 1s --keystore etcd://127.0.0.1:1");
  EXPECT_NE(log.find("ovl-etcd.so"), std::string::npos);
  EXPECT_NE(log.find("libgrpc"), std::string::npos);
  EXPECT_EQ(log.find("libcurl"), std::string::npos);
}

}  // namespace

}  // namespace ovl::test
