// A repository that is pushed to, with ovl's hooks, and a clone to push from.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"

namespace ovl {

class HooksRig : public ::testing::Test {
 protected:
  void SetUp() override;

  // Runs git in the clone (or elsewhere), with no configuration but that of file("home").
  [[nodiscard]] Ran git(const std::string& arguments, const std::string& place = "work") const;
  // Runs ovl in the clone, with the same home.
  [[nodiscard]] Ran ovl(const std::string& arguments) const;

  // Writes net/ovl.toml in the clone: the cluster's head, then these blocks.
  void write(const std::string& blocks) const;
  // Commits everything; answers the commit's id.
  std::string commit(const std::string& message) const;
  [[nodiscard]] Ran push(const std::string& arguments = "hub main") const;
  // Installs hooks with the options of every test.
  [[nodiscard]] Ran install(const std::string& arguments) const;

  [[nodiscard]] std::string networks() const;

  [[nodiscard]] std::string store() const { return "sqlite://" + file("keystore.db"); }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_.file(name); }

 private:
  test::TemporaryDirectory directory_;
};

}  // namespace ovl
