// Nobody holds a lock while a person thinks, and nothing is done that nobody has seen.
#include <fmt/format.h>

#include "tests/cluster/lab_rig.hpp"

namespace ovl {

namespace {

constexpr const char* kManifest = R"(
[cluster]
name = "ask"
[keystore]
url = "sqlite:///var/lib/ovl/keystore.db"
[host.left]
advertise = "192.168.99.104"
[endpoint.web]
network = "blue"
host = "left"
[network.blue]
subnet = "10.0.9.0/24"
)";

class Asking : public LabRig {
 protected:
  // `command` on a terminal; once it asks, `meanwhile` is run there, and `answer` typed.
  [[nodiscard]] Ran asked(const std::string& command, const std::string& meanwhile,
                          const std::string& answer) const {
    return on("left", fmt::format("python3 {}/tests/support/answer_later.py '{}' {} {}", OVL_SOURCE_DIR,
                                  meanwhile, answer, command));
  }
};

// Both locks are free: another apply gets them at once.
constexpr const char* kOther = "ovl apply --auto-approve --lock-timeout 0s";
// This host's lock is free, also where nothing could be applied.
constexpr const char* kLock = "flock -n /run/ovl/lock.$(stat -Lc %i /proc/self/ns/net) true";

}  // namespace

TEST_F(Asking, WhatNobodyHasSeenIsNotApplied) {
  up(kManifest);
  const Ran late = asked("ovl apply", kOther, "yes");
  EXPECT_TRUE(late.has("meanwhile: 0\n")) << late.out;
  EXPECT_EQ(late.code, 10) << late.out;
  EXPECT_TRUE(late.has("the plan is stale: ") && late.has("nothing was done")) << late.out;
  write(std::string(kManifest) + "mtu = 1300\n");
  const std::string drift = "ip -n ovl-blue link set vxlan0 down";
  EXPECT_EQ(asked("ovl apply --scope cluster", drift, "yes").code, 0) << "that is no part of what was shown";
  EXPECT_EQ(asked("ovl apply --scope host", "ip -n ovl-blue link set br0 down", "yes").code, 10);
}

TEST_F(Asking, WhatWasSeenIsAppliedAndNoIsNo) {
  up(kManifest);
  EXPECT_EQ(asked("ovl apply", "ovl lock ls | grep Nobody", "no").code, 130);
  const Ran done = asked("ovl apply", "ovl lock ls | grep Nobody", "yes");
  EXPECT_TRUE(done.has("meanwhile: 0\n")) << done.out;
  EXPECT_EQ(done.code, 0) << done.out;
  EXPECT_TRUE(in_sync("left"));
  EXPECT_EQ(asked("ovl state mv endpoint.web endpoint.front", kOther, "no").code, 130);
  const Ran gone = asked("ovl destroy", kOther, "yes");
  EXPECT_TRUE(gone.has("meanwhile: 0\n")) << gone.out;
  EXPECT_EQ(gone.code, 0) << gone.out;
  apply("left");
  const Ran late = asked("ovl state rm endpoint.web", "ovl state rm --auto-approve endpoint.web", "yes");
  EXPECT_TRUE(late.has("meanwhile: 0\n")) << late.out;
  EXPECT_EQ(late.code, 1) << "it is no longer there: " << late.out;
  const Ran back = asked("ovl state import endpoint.web", kLock, "yes");
  EXPECT_TRUE(back.has("meanwhile: 0\n")) << back.out;
  EXPECT_EQ(back.code, 0) << back.out;
}

}  // namespace ovl
